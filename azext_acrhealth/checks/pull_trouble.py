"""Why a pull failed: the daemon's own reason, read; and what differs between the daemon's network and the CLI's."""

import re
import socket
import threading
from datetime import datetime, timezone
from typing import Any, Mapping, Sequence
from urllib.request import getproxies

from ..clients import Deadline, containers
from ..clients.containers import PODMAN, Daemon
from ..clients.process import Completed, NotRun
from ..errors import DockerPullError
from .reading import Finding, Sign, first, reason

# The words of docker's engine and of podman, which both speak Go's network library. From the particular to the
# general: what failed first is often followed by a second, misleading line ("unauthorized").
_SIGNS = [
    Sign('pull-disk-full', r'no space left on device|disk quota exceeded|not enough space|There is not enough space'),
    Sign('pull-unpack', r'failed to register layer|insufficient UIDs or GIDs|Error processing tar file|'
                        r'failed to extract layer'),
    Sign('pull-policy', r'(?P<file>/\S*policy\.json): no such file'),
    Sign('pull-credentials',
         r'docker-credential-(?P<helper>[\w.-]+)|error (getting|storing) credentials'),
    Sign('pull-rate-limited', r'too ?many ?requests|HTTP 429|rate limit'),
    Sign('pull-desktop-proxy', r'parsing port\s*:|writing response to \S+:\d+:'),
    Sign('pull-proxy-auth', r'Proxy Authentication Required|proxyconnect[^\n]*407|HTTP code 407'),
    Sign('pull-proxy-unreachable', r'proxyconnect tcp: (?P<proxy_error>dial tcp[^\n]*)'),
    Sign('pull-proxy-tls', r'proxyconnect tcp: (?P<proxy_error>[^\n]*)'),
    Sign('pull-proxy-refused',
         r'"https://[^"\s]+": (?P<status>Forbidden|Bad Gateway|Service Unavailable|Gateway Timeout|Bad Request|'
         r'Internal Server Error|Not Found|Method Not Allowed|Access Denied|Blocked)'),
    Sign('pull-clock', r'not yet valid: current time (?P<daemon_time>\S+) is before (?P<valid_from>\S+)'),
    Sign('pull-certificate-expired', r'expired or is not yet valid(: current time (?P<daemon_time>\S+) is after '
                                     r'(?P<valid_until>\S+))?|certificate has expired'),
    Sign('pull-certificate-untrusted',
         r'signed by unknown authority|certificate is not trusted|x509: cannot verify|unable to get local issuer|'
         r'failed to verify certificate: x509: (?!certificate is valid)'),
    Sign('pull-certificate-name', r'certificate is valid for (?P<names>[^\n]+), not (?P<host>[\w.-]+)|'
                                  r'not valid for any names'),
    Sign('pull-not-tls', r'first record does not look like a TLS handshake|HTTP response to HTTPS client'),
    Sign('pull-tls-timeout', r'TLS handshake timeout'),
    Sign('pull-tls', r'(?P<tls>(remote error: )?tls: [^\n]*)'),
    Sign('pull-html', r"parsing HTTP (?P<status>\d+) response body: invalid character '<'"),
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
# What MCR's host for image data meets where a firewall knows mcr.microsoft.com only.
_BLOCKED = _NO_WAY_OUT | {'pull-refused-by-registry', 'pull-html', 'pull-not-found', 'pull-failed', 'pull-stalled',
                          'pull-proxy-refused', 'pull-tls', 'pull-certificate-name'}
_DATA_HOST = re.compile(r'\b([\w-]+(?:\.[\w-]+)*\.data\.mcr\.[\w.-]+\w)')
_HOST = re.compile(r'https?://([\w.-]+)(?::\d+)?/|lookup ([\w.-]+)|Head "https?://([\w.-]+)')
# A clock that is this far from the other one is wrong; less is drift.
_CLOCKS_DIFFER = 300


def explain(daemon: Daemon, image: str, answer: Completed, deadline: Deadline) -> DockerPullError:
    """Return the finding behind a pull that failed or did not end."""
    registry = image.partition('/')[0]
    evidence: dict[str, Any] = {'image': image, 'endpoint': daemon.endpoint.host, 'registry': registry}
    finding = _timed_out(answer) if answer.timed_out else _failed(answer)
    evidence.update(finding.evidence)
    words = answer.err if not answer.timed_out else ''
    evidence.setdefault('host', _host_in(words, registry))
    evidence.update(_network_of(daemon, evidence['host'], deadline))
    cause = _deeper(finding.cause, words, registry, evidence)
    return DockerPullError(cause, **evidence)


def _timed_out(answer: Completed) -> Finding:
    """Tell a registry that never answered from a transfer that stopped: docker prints a line for each step."""
    steps = [line.strip() for line in (answer.out + '\n' + answer.err).splitlines() if line.strip()]
    seconds = round(answer.seconds, 1)
    if any(re.search(r'Pulling fs layer|Waiting|Downloading|Retrying|Copying blob', step) for step in steps):
        return Finding('pull-stalled', {'seconds': seconds, 'progress': steps[-1]})
    return Finding('pull-silent', {'seconds': seconds})


def _failed(answer: Completed) -> Finding:
    why = reason(answer)
    found = first(_SIGNS, answer.err) or first(_SIGNS, answer.out)
    named = {name.rstrip('_'): value for name, value in found.evidence.items()} if found else {}
    how = {'signal': answer.signal} if answer.signal else {'exit_status': answer.status}
    return Finding(found.cause if found else 'pull-failed', {**named, **how, 'reason': why})


def _host_in(words: str, registry: str) -> str:
    if data := _DATA_HOST.search(words):
        return data[1]
    found = _HOST.search(words)
    return next(filter(None, found.groups()), registry) if found else registry


def _deeper(cause: str, words: str, registry: str, evidence: dict[str, Any]) -> str:
    """Return the cause behind the one that the daemon's words name alone."""
    if cause in _NO_WAY_OUT and evidence.get('cli_proxy') and not evidence.get('daemon_proxy'):
        return 'pull-needs-proxy'  # FIELD b-proxy-only-in-shell
    if cause in _BLOCKED and (cause == 'pull-stalled' or _DATA_HOST.search(words)):
        return 'mcr-data-blocked'
    if evidence['host'] != registry and evidence['host'] in evidence.get('mirrors', ()):
        return 'pull-mirror'
    if cause in ('pull-clock', 'pull-certificate-expired'):
        return _clock_or_certificate(cause, evidence)
    return cause


def _clock_or_certificate(cause: str, evidence: dict[str, Any]) -> str:
    """Blame the daemon's clock where it differs from this machine's, or says that the certificate is of the future."""
    try:
        then = datetime.fromisoformat(str(evidence.get('daemon_time')).replace('Z', '+00:00'))
        off = (then - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError):
        return cause
    if abs(off) > _CLOCKS_DIFFER:
        evidence['clock_off_seconds'] = round(off)
        return 'pull-clock'
    return cause


def _network_of(daemon: Daemon, host: str, deadline: Deadline) -> Mapping[str, Any]:
    """Return what to compare: whether this process resolves ``host``, and both proxies."""
    lookup = _Lookup(host)
    found: dict[str, Any] = {'cli_proxy': getproxies().get('https')}
    found.update(_settings_of(daemon, deadline.left() * 0.8))
    lookup.join(min(1.0, deadline.left()))
    found['resolves_here'] = lookup.addresses
    return {name: value for name, value in found.items() if value is not None}


def _settings_of(daemon: Daemon, seconds: float) -> Mapping[str, Any]:
    """Return the daemon's own proxy and mirrors. Podman has this process's environment, hence its proxy."""
    if daemon.client.kind == PODMAN:
        return {'daemon_proxy': getproxies().get('https')} if daemon.endpoint.is_default else {}
    try:
        answer = daemon.client.ask(seconds, 'info', '--format', '{{json .}}')
    except NotRun:
        return {}
    facts = containers.object_in(answer.out)
    mirrors = [re.sub(r'^https?://|/.*$', '', mirror)
               for mirror in containers.list_at(facts, 'RegistryConfig', 'Mirrors') if isinstance(mirror, str)]
    proxy = containers.text_at(facts, 'HttpsProxy') or containers.text_at(facts, 'HTTPSProxy')
    return {'daemon_proxy': proxy, 'mirrors': mirrors or None}


class _Lookup(threading.Thread):
    """Asks this machine's own resolver for a name; left behind if that takes too long."""

    def __init__(self, host: str) -> None:
        super().__init__(daemon=True)
        self.addresses: Sequence[str] | None = None
        self._host = host
        self.start()

    def run(self) -> None:
        """Look the name up."""
        try:
            found = socket.getaddrinfo(self._host, 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            self.addresses = []
        else:
            self.addresses = sorted({str(entry[4][0]) for entry in found})
