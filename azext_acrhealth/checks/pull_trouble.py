"""Why a pull failed: the daemon's own reason, read; and how it differs from what this process sees of the registry."""

import os
import re
import socket
from datetime import datetime, timezone
from typing import Any, Mapping
from urllib.parse import urlsplit

from ..clients import Deadline, containers
from ..clients.containers import PODMAN, Daemon
from ..clients.http import Connection, ConnectionFailed, Response, Trust, proxy_for
from ..clients.later import Later
from ..clients.process import Completed, NotRun
from ..errors import DockerPullError
from .connection import certificate_facts
from .tools import Finding, Sign, first, reason

# The words of docker's engine and of podman, which both speak Go's network library. From the particular to the
# general: what failed first is often followed by a second, misleading line ("unauthorized").
_SIGNS = [
    Sign('pull-disk-full', r'no space left on device|disk quota exceeded|not enough space|There is not enough space'),
    Sign('pull-unpack', r'failed to register layer|insufficient UIDs or GIDs|Error processing tar file|'
                        r'failed to extract layer'),
    Sign('pull-policy', r'(?P<file>/\S*policy\.json): no such file|'
                        r'no policy\.json file found at any of the following: (?P<file_>[^\n]+)'),
    Sign('pull-credentials', r'error (getting|storing) credentials([^\n]*?docker-credential-(?P<helper>[\w.-]+))?|'
                             r'docker-credential-(?P<helper_>[\w.-]+)'),
    Sign('pull-rate-limited', r'too ?many ?requests|HTTP 429|rate limit'),
    Sign('pull-desktop-proxy', r'parsing port\s*:|writing response to \S+:\d+:'),
    Sign('pull-proxy-auth', r'Proxy Authentication Required|proxyconnect[^\n]*407|HTTP code 407'),
    Sign('pull-proxy-unreachable', r'proxyconnect tcp: (?P<proxy_error>dial tcp[^\n]*)'),
    Sign('pull-proxy-tls', r'proxyconnect tcp: (?P<proxy_error>[^\n]*)'),
    Sign('pull-proxy-refused',
         r'"https://[^"\s]+": (?P<status>Forbidden|Bad Gateway|Service Unavailable|Gateway Timeout|Bad Request|'
         r'Internal Server Error|Not Found|Method Not Allowed|Access Denied|Blocked)'),
    Sign('pull-certificate-not-yet-valid',
         r'not yet valid: current time (?P<daemon_time>\S+) is before (?P<valid_from>\S+)'),
    Sign('pull-certificate-expired', r'certificate has expired( or is not yet valid)?'
                                     r'(: current time (?P<daemon_time>\S+) is after (?P<valid_until>\S+))?'),
    Sign('pull-certificate-untrusted',
         r'signed by unknown authority|certificate is not trusted|x509: cannot verify|unable to get local issuer|'
         r'failed to verify certificate: x509: (?!certificate is valid)'),
    Sign('pull-certificate-name', r'certificate is valid for (?P<names>[^\n]+), not (?P<host>[\w.-]+)|'
                                  r'not valid for any names'),
    Sign('pull-not-tls', r'first record does not look like a TLS handshake|HTTP response to HTTPS client'),
    Sign('pull-tls-timeout', r'TLS handshake timeout'),
    Sign('pull-tls', r'(?P<tls>(remote error: )?tls: [^\n]*)'),
    Sign('pull-html', r"parsing HTTP (?P<status>\d+) response body: invalid character '<'|"
                      r'(denied|unknown|unauthorized): <(html|!doctype|h1)'),
    Sign('pull-garbled', r'malformed HTTP|malformed chunked|invalid character .{1,6} looking for beginning of value'),
    Sign('pull-dns', r'lookup (?P<host>[^\s:]+)(?: on (?P<resolver>\S+?))?: [^\n]*|no such host|server misbehaving|'
                     r'Temporary failure in name resolution'),
    Sign('pull-refused', r'dial tcp (?P<address>\S+): connect: connection refused|connection refused'),
    Sign('pull-unreachable',
         r'dial tcp (?P<address>\S+): connect: (network is unreachable|no route to host|cannot assign)|'
         r'network is unreachable|no route to host|unreachable network'),
    Sign('pull-connect-timeout', r'dial tcp (?P<address>\S+): (connect: connection timed out|i/o timeout)|'
                                 r'request canceled while waiting for connection'),
    Sign('pull-reset', r'connection reset by peer|forcibly closed|unexpected EOF|": EOF|broken pipe'),
    Sign('pull-no-answer', r'Client\.Timeout|context deadline exceeded|i/o timeout|awaiting headers|timed? ?out'),
    Sign('pull-refused-by-registry', r"'docker login': denied: (?!requested access)"),
    Sign('pull-not-found',
         r'manifest unknown|manifest for \S+ not found|not found: manifest|name unknown|does not exist|'
         r'HTTP 404|: not found'),
    Sign('pull-refused-by-registry', r'unauthorized|\bdenied\b|forbidden|HTTP 40[13]|status:? 40[13]'),
    Sign('pull-server-error', r'HTTP (?P<status>5\d\d)|status:? (?P<status_>5\d\d)|internal server error'),
    Sign('pull-daemon-gone', r'Cannot connect to the Docker daemon|failed to connect to the docker API|Is the docker '
                             r'daemon running'),
]

# What a daemon without a proxy meets where only the proxy leads outside.
_NO_WAY_OUT = {'pull-dns', 'pull-refused', 'pull-unreachable', 'pull-connect-timeout', 'pull-no-answer', 'pull-reset',
               'pull-silent', 'pull-tls-timeout'}
# What an address says of itself: behind it there may be nobody at all.
_NOBODY_AT_ADDRESS = {'pull-refused', 'pull-unreachable', 'pull-connect-timeout'}
# What MCR's host for image data meets where a firewall knows mcr.microsoft.com only.
_BLOCKED = _NO_WAY_OUT | {'pull-refused-by-registry', 'pull-html', 'pull-garbled', 'pull-not-found', 'pull-failed',
                          'pull-stalled', 'pull-proxy-refused', 'pull-tls', 'pull-certificate-name', 'pull-not-tls'}
# Words of a pull that has its manifest, and with it the registry's own answer, and is after the image's data.
_DATA_STAGE = re.compile(r'\.data\.mcr\.|error pulling image configuration|download failed after attempts|'
                         r'parsing image configuration|(fetching|reading|copying|writing) blob|Pulling fs layer|'
                         r'failed to copy: httpReadSeeker', re.IGNORECASE)
_DATA_HOST = re.compile(r'\b([\w-]+(?:\.[\w-]+)*\.data\.mcr\.[\w.-]+\w)')
_HOST = re.compile(r'"https?://([\w.-]+)(?::\d+)?/|lookup ([\w.-]+)')
_MANIFESTS = ', '.join(f'application/vnd.{kind}+json' for kind in (
    'docker.distribution.manifest.list.v2', 'docker.distribution.manifest.v2', 'oci.image.index.v1',
    'oci.image.manifest.v1'))
# A clock that is this far from the other one is wrong; less is drift.
_CLOCKS_DIFFER = 300
# Looking from here explains, it does not decide: it takes no longer than this, and less where less is left.
_COMPARING = 2.0


def explain(daemon: Daemon, image: str, answer: Completed, deadline: Deadline, trust: Trust) -> DockerPullError:
    """Return the finding behind a pull that failed or did not end."""
    registry = image.partition('/')[0]
    evidence: dict[str, Any] = {
        'image': image, 'endpoint': daemon.endpoint.host, 'registry': registry,
        'engine': 'Podman' if daemon.client.kind == PODMAN else 'The daemon',
        'client': os.path.basename(daemon.client.path)}
    finding = _timed_out(answer) if answer.timed_out else _failed(answer)
    evidence.update(finding.evidence)
    words = answer.out + '\n' + answer.err
    for_data = bool(_DATA_STAGE.search(words))
    evidence['host'] = evidence.get('host') or _host_in(answer.err, registry)
    evidence.update(_compare(daemon, image, evidence['host'], for_data, deadline, trust))
    cause = _deeper(finding.cause, for_data, evidence)
    return DockerPullError(cause, **evidence)


def _timed_out(answer: Completed) -> Finding:
    """Tell a registry that never answered from a transfer that stopped: docker prints a line for each step."""
    seconds = round(answer.seconds, 1)
    steps = [line.strip() for line in (answer.out + '\n' + answer.err).splitlines() if _DATA_STAGE.search(line)]
    return Finding('pull-stalled', {'seconds': seconds, 'progress': steps[-1]}) if steps else \
        Finding('pull-silent', {'seconds': seconds})


def _failed(answer: Completed) -> Finding:
    found = first(_SIGNS, answer.err) or first(_SIGNS, answer.out)
    how = {'signal': answer.signal} if answer.signal else {'exit_status': answer.status}
    if found is None:
        return Finding('pull-failed', {**how, 'reason': reason(answer)})
    return Finding(found.cause, {**found.evidence, **how, 'reason': reason(answer, found.pattern)})


def _host_in(words: str, registry: str) -> str:
    if data := _DATA_HOST.search(words):
        return data[1]
    found = _HOST.search(words)
    return next(filter(None, found.groups()), registry) if found else registry


def _deeper(cause: str, for_data: bool, evidence: dict[str, Any]) -> str:
    """Return the cause behind the one that the daemon's words name alone."""
    if cause in _NO_WAY_OUT and evidence.get('cli_proxy') and evidence.get('reached_here') \
            and not evidence.get('daemon_proxy'):
        return 'pull-needs-proxy'  # FIELD b-proxy-only-in-shell
    if cause in _BLOCKED and for_data:
        if evidence['host'] != evidence['registry']:
            evidence['data_host'] = evidence['host']
        stalls = cause == 'pull-stalled' and evidence.get('data_reached_here')
        return 'pull-stalled' if stalls else 'mcr-data-blocked'
    if cause in _NOBODY_AT_ADDRESS and _is_led_elsewhere(evidence):
        return 'pull-other-address'  # FIELD b-daemon-in-vm-resolves-public-ip
    # Engine 26 says no more than that its time was over.
    if cause == 'pull-no-answer' and evidence.get('stage_here') == 'connect':
        return 'pull-connect-timeout'
    if cause == 'pull-silent':
        return _why_silent(evidence)
    if cause in ('pull-certificate-not-yet-valid', 'pull-certificate-expired'):
        return _clock_or_certificate(cause, evidence)
    return cause


def _is_led_elsewhere(evidence: Mapping[str, Any]) -> bool:
    """Return whether the daemon's resolver gave it another address than those at which this process gets through."""
    address = str(evidence.get('address', '')).rpartition(':')[0]
    return bool(address and ':' not in address and evidence.get('reached_here') and evidence.get('resolves_here')
                and address not in evidence['resolves_here'])


def _why_silent(evidence: dict[str, Any]) -> str:
    """Return what this process saw meanwhile: podman says nothing while it tries a throttled registry again."""
    if evidence.get('status_here') == 429:
        return 'pull-rate-limited'
    if evidence.get('resolves_here') == []:
        evidence['unresolved'] = evidence['host']
    return 'pull-silent'


def _clock_or_certificate(cause: str, evidence: dict[str, Any]) -> str:
    """Blame the clock of the daemon's machine where it differs from this one's."""
    try:
        then = datetime.fromisoformat(str(evidence.get('daemon_time')).replace('Z', '+00:00'))
        off = (then - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError):
        return cause
    if abs(off) <= _CLOCKS_DIFFER:
        return cause
    evidence['clock_off'] = f'{round(abs(off) / 60)} minutes {"ahead of" if off > 0 else "behind"}'
    return 'pull-clock'


def _compare(daemon: Daemon, image: str, host: str, for_data: bool, deadline: Deadline,
             trust: Trust) -> Mapping[str, Any]:
    """Return how the registry looks from here, and the daemon's own proxy."""
    seen: dict[str, Any] = {}
    deadline = deadline.within(_COMPARING)
    sooner = deadline.within(deadline.left() * 0.9)
    look = Later(lambda: look_from_here(host, image, for_data, sooner, trust, seen), 'pull-comparison')
    settings = _settings_of(daemon, deadline.left() * 0.8)
    try:
        look.result(deadline)
    except (TimeoutError, ConnectionFailed, OSError, UnicodeError):
        pass  # what it saw until then is evidence enough
    return {name: value for name, value in {**dict(seen), **settings}.items() if value is not None}


# pylint: disable-next=too-many-arguments,too-many-positional-arguments
def look_from_here(host: str, image: str, for_data: bool, deadline: Deadline, trust: Trust,
                   seen: dict[str, Any]) -> None:
    """Do in this process what the daemon had to do, and write into ``seen`` how far that goes."""
    if proxy := proxy_for(host):
        seen['cli_proxy'] = proxy
    else:
        try:
            seen['resolves_here'] = _addresses(host)
        except (OSError, UnicodeError):
            seen['resolves_here'] = []
            raise
    connection = Connection(host, seen.get('resolves_here', []), trust)
    seen['reached_here'] = False
    try:
        peer = connection.open(deadline)
        seen.update(reached_here=True, issuer=certificate_facts(peer.certificate).get('issuer'))
        registry, _, rest = image.partition('/')
        if host == registry:
            name, _, tag = rest.partition(':')
            manifest = _manifest(connection, name, tag, deadline)
            seen['status_here'] = manifest.status
            if for_data:
                seen['data_host'] = _data_host(connection, name, manifest, deadline)
    except ConnectionFailed as failure:
        chain = failure.evidence.get('chain') or [{}]
        seen.update(failure_here=failure.text, stage_here=failure.stage,
                    issuer=certificate_facts(chain[0]).get('issuer'))
    finally:
        connection.close()
    if seen.get('data_host'):
        host = seen['data_host']
        data = Connection(host, [] if proxy_for(host) else _addresses(host), trust)
        data.open(deadline)
        data.close()
        seen['data_reached_here'] = True


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _manifest(connection: Connection, name: str, reference: str, deadline: Deadline) -> Response:
    return connection.request('GET', f'/v2/{name}/manifests/{reference}', deadline, headers={'Accept': _MANIFESTS})


def _data_host(connection: Connection, name: str, manifest: Response, deadline: Deadline) -> str | None:
    """Return the host that the registry sends its clients to for the image's data; the rest of that link is secret."""
    for platform in containers.list_at(manifest.json(), 'manifests')[:1]:
        manifest = _manifest(connection, name, _proper(containers.text_at(platform, 'digest')), deadline)
    digest = containers.text_at(manifest.json(), 'config', 'digest')
    blob = connection.request('GET', f'/v2/{name}/blobs/{_proper(digest)}', deadline)
    return urlsplit(blob.header('Location') or '').hostname


def _proper(digest: str | None) -> str:
    """Return the digest; what no registry has where a server gives something that is none."""
    return digest if digest and re.fullmatch(r'sha256:[0-9a-f]{64}', digest) else 'none'


def _settings_of(daemon: Daemon, seconds: float) -> Mapping[str, Any]:
    """Return the daemon's own proxy. Podman has this process's environment, and so its proxy."""
    if daemon.client.kind == PODMAN:
        return {'daemon_proxy': os.environ.get('HTTPS_PROXY') or os.environ.get('https_proxy')}
    try:
        answer = daemon.client.ask(seconds, 'info', '--format', '{{json .}}')
    except NotRun:
        return {}
    facts = containers.object_in(answer.out)
    return {'daemon_proxy': containers.text_at(facts, 'HttpsProxy') or containers.text_at(facts, 'HTTPSProxy')}
