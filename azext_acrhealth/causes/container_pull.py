"""Causes for which the daemon, or Podman, pulls no image. ``engine`` is which of the two."""

from . import Cause

_PULL = ['DOCKER_PULL_ERROR']
_RULES = 'Allow port 443 to {registry} and *.data.{registry} in the firewall.'
_RESTART = ' If this machine reaches it, restart the daemon, or the virtual machine that it runs in.'
_VIA = '[ through its proxy {daemon_proxy}]'
_COMPARE = '[ (from this process: {failure_here})]'
_SEE_PROXY = 'docker info --format "{{.HTTPSProxy}} {{.NoProxy}}"'
_TRY = '{client} pull {image}'

PULL = [
    Cause('pull-disk-full', _PULL,
          '{engine} has no room for an image[: {reason}]',
          'Free space where images are kept.', ['{client} system df', '{client} system prune']),
    Cause('pull-unpack', _PULL,
          '{engine} got the image and cannot unpack it[: {reason}]',
          "Mend the engine's storage or its user namespaces (subuid, subgid); the registry is not at fault."),
    Cause('pull-policy', _PULL,
          '{engine} lacks {file}, without which it pulls nothing',
          'Install the package that brings it: containers-common, or golang-github-containers-common.'),
    Cause('pull-credentials', _PULL,
          '{engine} pulled nothing because the credential helper[ docker-credential-{helper}] failed[: {reason}]',
          "Mend the helper, or take it out of the client's config.json."),
    Cause('pull-rate-limited', _PULL,
          '{host} limits how much this address may pull for now[: {reason}]',
          'Try again in some minutes; machines behind one public address share the limit. az acr import copies what '
          'you need into your own registry.'),
    Cause('pull-desktop-proxy', _PULL,
          "Docker Desktop's own proxy fails for {host}[: {reason}]",
          'Set a manual proxy or a bypass for {host} in Docker Desktop, Settings > Resources > Proxies.'),
    Cause('pull-proxy-auth', _PULL,
          '{engine} has a proxy[, {daemon_proxy},] that does not get the user name and password it wants (407)',
          'Put them into the address of its proxy, special characters percent-encoded; a proxy that wants NTLM or '
          'Kerberos needs a local one in between.', [_SEE_PROXY]),
    Cause('pull-proxy-unreachable', _PULL,
          '{engine} cannot reach its proxy[ {daemon_proxy}][: {proxy_error}]',
          "Correct or remove the proxy and restart it; 127.0.0.1 there is the daemon's own machine, in Docker Desktop "
          'its virtual machine.[ The CLI uses {cli_proxy}.]', [_SEE_PROXY]),
    Cause('pull-proxy-tls', _PULL,
          '{engine} cannot talk to its proxy[ {daemon_proxy}][: {proxy_error}]',
          'Correct the proxy: most are reached by http://, for https traffic too.', [_SEE_PROXY]),
    Cause('pull-proxy-refused', _PULL,
          '{engine} has a proxy[, {daemon_proxy},] that refuses the way to {host}[: {status}]',
          'Have {host} and *.data.{registry} allowed in the policy of the proxy.', [_SEE_PROXY]),
    Cause('pull-needs-proxy', _PULL,
          '{engine} does not get out to {host}: it has no proxy, while the CLI reaches it through {cli_proxy}'
          '[ ({reason})]',
          "Give the daemon the proxy (proxies in daemon.json, a systemd drop-in, or Docker Desktop's settings) and "
          'restart it.', [_SEE_PROXY]),
    Cause('pull-clock', _PULL,
          "{engine} refuses the certificate of {host} for its dates: its clock says {daemon_time}, {clock_off} this "
          "machine's",
          'Set the clock of the machine, or virtual machine, where it runs.', ['timedatectl']),
    Cause('pull-certificate-not-yet-valid', _PULL,
          '{engine} refuses the certificate of {host}[: it holds from {valid_from} on, by the clock it is '
          '{daemon_time}]',
          'Most often the clock is behind: compare it with the right time.', ['timedatectl']),
    Cause('pull-certificate-expired', _PULL,
          '{engine} refuses the certificate of {host}[, issued by {issuer}]: it has expired[; it held until '
          '{valid_until}, by the clock it is {daemon_time}]',
          "Microsoft renews its certificates in time: see what in between shows an old one, and whether the daemon's "
          'clock is ahead.', ['timedatectl']),
    Cause('pull-certificate-untrusted', _PULL,
          '{engine} does not trust the certificate of {host}[, issued by {issuer}]',
          'Unless Microsoft issued it, something inspects the traffic: put its CA certificate into the trust store of '
          "the daemon's machine as below and restart the daemon, or have {host} and *.data.{registry} exempted.",
          ['sudo cp inspecting-ca.crt /usr/local/share/ca-certificates/', 'sudo update-ca-certificates',
           'sudo systemctl restart {unit}']),
    Cause('pull-certificate-name', _PULL,
          '{engine} was answered by another than {host}: the certificate is for other names[: {names}]',
          'See where {host} leads from the daemon: a hosts file, its DNS, or a proxy.', ['nslookup {host}']),
    Cause('pull-not-tls', _PULL,
          '{engine} finds no TLS at port 443 of {host}: something else answers there',
          'See where {host} leads from the daemon: a hosts file, its DNS, or a captive portal.', ['nslookup {host}']),
    Cause('pull-tls-timeout', _PULL,
          '{engine} reaches {host}, but the TLS handshake never ends' + _COMPARE,
          'Large packets are lost on the way (set mtu to 1300 in daemon.json), or a firewall that inspects traffic '
          'holds them.', ['ip link show']),
    Cause('pull-tls', _PULL,
          '{engine} gets no secure connection to {host}[: {tls}]',
          'See what stands between the daemon and {host}; update the engine if it is old.'),
    Cause('mcr-data-blocked', _PULL,
          "{engine} got the answer of {registry}, but not the image's data[ from {data_host}][ within {seconds} s]"
          '[: {reason}]; usually *.data.{registry} is blocked',
          _RULES),
    Cause('pull-html', _PULL,
          '{engine} was answered by a web page, not by a registry, for {host}[ (HTTP {status})]',
          'A proxy, portal or bot check is in between: have {host} and *.data.{registry} allowed there.'),
    Cause('pull-garbled', _PULL,
          '{engine} got no proper answer for {host}' + _VIA + '[: {reason}]',
          'See what answers for {host}: a proxy, a portal, or another service at its address.'),
    Cause('pull-dns', _PULL,
          '{engine} cannot resolve {host}[ at {resolver}][, while this process can: {resolves_here}]',
          'Give the daemon a name server that knows it: dns in daemon.json, or the settings of its virtual machine.',
          ['nslookup {host}']),
    Cause('pull-refused', _PULL,
          '{engine} is refused the connection to {host}[ at {address}]' + _COMPARE, _RULES),
    Cause('pull-other-address', _PULL,
          '{engine} is led to {address} for {host} and gets no connection there, while this process reaches it at '
          '{resolves_here}',
          'Give the daemon the name servers that this machine uses: dns in daemon.json, or the settings of its virtual '
          'machine (colima start --dns). If {host} has all of these addresses, allow each in the firewall.',
          ['nslookup {host}']),
    Cause('pull-unreachable', _PULL,
          '{engine} has no route to {host}[ at {address}]',
          'See the routes and, for an IPv6 address, whether IPv6 works where the daemon runs.', ['ip route']),
    Cause('pull-connect-timeout', _PULL,
          '{engine} cannot connect to {host}[ at {address}]' + _VIA + ': no answer in time' + _COMPARE,
          _RULES + _RESTART),
    Cause('pull-reset', _PULL,
          '{engine} has its connection to {host} cut' + _VIA + '[: {reason}]',
          'A firewall on the way usually does that. ' + _RULES),
    Cause('pull-no-answer', _PULL,
          '{engine} gets no answer from {host}' + _VIA + '[: {reason}]', _RULES + _RESTART),
    Cause('pull-silent', _PULL,
          '{engine} got nothing from {host}' + _VIA + ' in {seconds} s[; {unresolved} does not resolve here either]'
          + _COMPARE,
          _RULES + ' Run the command below and wait for the reason.', [_TRY]),
    Cause('pull-stalled', _PULL,
          '{engine} stalled in pulling from {host} after {seconds} s[, at: {progress}]',
          _RULES + ' Run the command below and wait for the reason.', [_TRY]),
    Cause('pull-not-found', _PULL,
          '{engine} is told by {host} that there is no {image}[: {reason}]',
          "What answers for {host} is not Microsoft's registry, or a mirror that lacks the image.", [_TRY]),
    Cause('pull-refused-by-registry', _PULL,
          '{engine} is refused the pull by {host}, though its images are public[: {reason}]',
          'Remove a stored login for it; if that does not help, a proxy or mirror in between refuses.',
          ['{client} logout {registry}']),
    Cause('pull-server-error', _PULL,
          '{host} fails[ with HTTP {status}][: {reason}]', "This is the service's trouble: try again later.", [_TRY]),
    Cause('pull-daemon-gone', _PULL,
          'The daemon went away during the pull[: {reason}]', 'Restart it and read its log.',
          ['sudo journalctl -u docker -n 50']),
    Cause('pull-client-gone', _PULL,
          '{path} cannot be run any more: {reason}', 'Run it by hand; install the container client anew.'),
    Cause('pull-failed', _PULL,
          '{engine} could not pull {image}[: {reason}]', "Run the command below and read the daemon's log.", [_TRY]),
]
