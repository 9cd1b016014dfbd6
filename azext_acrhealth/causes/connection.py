"""Causes that lie between this machine and a host: proxies, firewalls, TLS."""

from . import Cause

_REACH = ['CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'CONNECTIVITY_ACCESS_TOKEN_ERROR',
          'LOGIN_SERVER_ERROR', 'DATA_ENDPOINT_ERROR', 'IMAGE_PULL_ERROR']
_SECURE = ['CONNECTIVITY_SSL_ERROR', 'CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_REFRESH_TOKEN_ERROR',
           'CONNECTIVITY_ACCESS_TOKEN_ERROR', 'LOGIN_SERVER_ERROR', 'DATA_ENDPOINT_ERROR', 'IMAGE_PULL_ERROR']
_FETCH_CERTIFICATE = 'openssl s_client -connect {host}:443 -servername {host} -showcerts'

CAUSES = [
    Cause('proxy-malformed', _REACH,
          'The proxy setting {proxy} is no address of a proxy[: {text}]',
          'Set HTTPS_PROXY to a URL such as http://proxy.example:3128, with special characters of a password '
          'percent-encoded.'),
    Cause('proxy-unresolved', _REACH,
          'The proxy\'s own name {proxy_host} does not resolve[: {text}]',
          'Correct HTTPS_PROXY, or connect to the network that knows the proxy (VPN).'),
    Cause('proxy-unreachable', _REACH,
          'The proxy {proxy} cannot be reached[: {text}]',
          'Start the proxy, correct HTTPS_PROXY, or except the host: NO_PROXY={host}.'),
    Cause('proxy-silent', _REACH,
          'The proxy {proxy} accepts connections, but gave no whole answer[ within {seconds} s]',
          'Check the proxy, correct HTTPS_PROXY, or except the host: NO_PROXY={host}.'),
    Cause('proxy-sign-in', _REACH,
          'The proxy {proxy} demands a sign-in (407)[, by {authenticate}]',
          'Put the proxy\'s user and password, percent-encoded, into HTTPS_PROXY; for NTLM or Negotiate use a local '
          'proxy that signs in.'),
    Cause('proxy-refuses', _REACH,
          'The proxy {proxy} refuses to connect to {host}: {status}[ "{title}"]',
          'Have {host} allowed in the proxy\'s policy, or except it: NO_PROXY={host}.'),
    Cause('proxy-not-a-proxy', _REACH,
          'What answers at {proxy} is no HTTP proxy[: {text}]',
          'Correct HTTPS_PROXY: host, port, and http:// in front unless the proxy itself speaks TLS.'),
    Cause('host-unresolved', _REACH,
          '{host} does not resolve here', 'Check this machine\'s name servers and network.', ['nslookup {host}']),
    Cause('connection-refused', _REACH,
          '{host} refuses connections at {address}, port {port}',
          'Check that the address is the right one, and the firewall rules for it: nothing listens there, or something '
          'rejects the connection.', ['nslookup {host}']),
    Cause('host-unreachable', _REACH,
          'There is no route to {host} at {address}[: {text}]',
          'Check this machine\'s network and routes; a private address is reached only from its virtual network '
          '(VPN, peering).'),
    Cause('private-address-unreachable', _REACH,
          '{host} resolves to the private address {address}, which cannot be reached from here',
          'Connect this machine to the virtual network of the private endpoint (VPN, peering, route, network security '
          'group for port 443), or use name servers that give the public address.'),
    Cause('ipv6-unreachable', _REACH,
          '{host} has only the IPv6 address {address}, and this machine has no way to it[: {text}]',
          'Give this machine IPv6, or have the name resolve to an IPv4 address too; a name server that makes up IPv6 '
          'addresses (DNS64) works only in networks that translate them.', ['nslookup {host}']),
    Cause('connect-timeout', _REACH,
          'No connection to {host}[ at {address}], port {port}: nothing answered[ within {seconds} s]',
          'A firewall on the way drops the packets: have {host} allowed on port 443. A private address is reached only '
          'from its virtual network (VPN, peering, network security group).'),
    Cause('connection-failed', _REACH,
          'No connection to {host}[ at {address}][: {text}]',
          'Check this machine\'s own firewall and routes first: an error other than a refusal or silence most often '
          'comes from there.', ['ip route get {address}']),
    Cause('address-dead', _REACH,
          '{host} cannot be reached at {failed_addresses}; it answered at {address}',
          'Repair that route (often IPv6), or have the dead address removed from DNS: other tools wait for it first.'),
    Cause('tls-timeout', _SECURE,
          '{host}[ at {address}] accepts connections, but the TLS handshake hangs',
          'Large packets may be lost on the way: try a smaller MTU (1300) on this machine\'s interface. Else a '
          'firewall that inspects TLS holds the handshake: have {host} excepted.',
          ['ping -M do -s 1400 -c 3 {address}']),
    Cause('tls-reset', _SECURE,
          '{host}[ at {address}] takes the connection and ends it before it is secure',
          'A firewall that filters by host name does that: have {host} allowed. If it is allowed, try again.'),
    Cause('not-tls', _SECURE,
          'What answers at {host}[ at {address}], port {port}, does not speak TLS',
          'Another service, a captive portal or a proxy answers on that port: check the address, and sign in to the '
          'network if it asks for that.'),
    Cause('tls-protocol', _SECURE,
          '{host} and this machine agree on no TLS version or cipher[: {text}]',
          'Azure takes TLS 1.2 and later: something in between, or this machine\'s OpenSSL configuration, allows only '
          'older ones.', ['openssl s_client -connect {host}:443 -servername {host}']),
    Cause('ca-bundle-unusable', _SECURE,
          'The CA bundle {bundle}, which REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names, {text}: no certificate can be '
          'verified',
          'Correct or unset the variable; it must name a PEM file with all CA certificates to be trusted.'),
    Cause('clock-wrong', _SECURE,
          'This machine\'s clock is {skew}: it says {clock}, {witness} says otherwise, so the certificate of {host} '
          'seems not to hold',
          'Set the clock (and the clock of the container daemon\'s machine).', ['sudo timedatectl set-ntp true']),
    Cause('certificate-expired', _SECURE,
          'The certificate of {host}, issued by {issuer}, expired on {until} (this machine\'s clock says {clock})',
          'If the clock is right, whoever runs {issuer} must renew it: for a certificate of Microsoft see the Azure '
          'status page, else it is a proxy that inspects traffic.', [_FETCH_CERTIFICATE]),
    Cause('certificate-not-yet-valid', _SECURE,
          'The certificate of {host}, issued by {issuer}, holds only from {since} on; this machine\'s clock says '
          '{clock}',
          'Compare the clock with a watch: most often it is behind.', ['date -u', 'sudo timedatectl set-ntp true']),
    Cause('certificate-self-signed', _SECURE,
          'The certificate of {host} is self-signed by {issuer}',
          'No registry has such a certificate: something in between answers. Check the address; if it is a proxy that '
          'inspects traffic, add its CA to the bundle and name it in REQUESTS_CA_BUNDLE.', [_FETCH_CERTIFICATE]),
    Cause('certificate-issuer-unknown', _SECURE,
          'The certificate of {host} was issued by {issuer}, which this machine does not trust[ (CAs: {bundle})]: most '
          'likely by a proxy that inspects traffic, unless that bundle lacks the public CAs',
          'Add that CA to a bundle and name it in REQUESTS_CA_BUNDLE, or have {host} excepted from inspection '
          '(registry names with a domain label too: *.azurecr.io). The container daemon needs the CA as well.',
          [_FETCH_CERTIFICATE]),
    Cause('certificate-other-name', _SECURE,
          'The certificate at {host} is for {names}, not for {host}',
          'Use the login server itself as the name (not a privatelink name or an alias), and check what its name '
          'resolves to.', ['nslookup {host}']),
    Cause('certificate-form', _SECURE,
          'The certificate of {host}, issued by {issuer}, is refused by this Python\'s strict rules: {text}',
          'Have the inspecting CA reissued with the missing extension, or {host} excepted from inspection; trusting '
          'the CA does not help. An Azure CLI on Python 3.12 or earlier does not apply these rules.',
          [_FETCH_CERTIFICATE]),
    Cause('certificate-refused', _SECURE,
          'The certificate of {host}, issued by {issuer}, is refused: {text}',
          'Look at the certificate and at what stands between this machine and the host.', [_FETCH_CERTIFICATE]),
    Cause('certificate-expires-soon', _SECURE,
          'The certificate of {host}, issued by {issuer}, expires in {days} days, on {until}',
          'Nothing is broken yet. Azure renews its own in time; a proxy that inspects traffic may not.'),
    Cause('verification-disabled', _SECURE,
          'Certificates are not verified: AZURE_CLI_DISABLE_CONNECTION_VERIFICATION is set',
          'Unset it, and trust the CA that made it necessary through REQUESTS_CA_BUNDLE: without verification tokens '
          'may go to anyone.'),
    Cause('answer-timeout', _REACH,
          '{host}[ at {address}] accepted the request but gave no whole answer[ within {seconds} s]',
          'Try again; if it stays so, a proxy or firewall on the way holds it back, or the service has trouble.'),
    Cause('answer-cut', _REACH,
          '{host}[ at {address}] ended the connection before its answer was whole[: {text}]',
          'Try again; if it stays so, a proxy or firewall on the way cuts the answer.'),
    Cause('not-http', _REACH,
          'What {host}[ at {address}] answered is not HTTP[: {text}]',
          'Another service or a proxy answers in place of the host: check the address and what is in between.'),
]
