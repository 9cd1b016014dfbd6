"""The pull of the sample image by a real daemon, broken at each layer, or by podman; what is left on the machine."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.case import DNS, HTTP, TCP, TLS, Arrange, Case, broken, prove
from tests.e2e.machine import before, daemon, home, rows, saying, script, tools, undo, vanishes
from tests.lab import Lab
from tests.local_azure import names

case, healthy = rows('DOCKER_PULL_ERROR', 'container-client', 'container-daemon', 'container-pull')
MCR, DATA, IMAGE = names.MCR_HOST, names.MCR_DATA_HOST, f'{names.MCR_HOST}/mcr/hello-world:latest'
FIRST, SECOND = names.NAME_SERVERS
NOBODY = '203.0.113.99'
RULES = f'Allow port 443 to {MCR} and *.data.{MCR}'
PROXY = f'http://{names.PROXY_ADDRESS}:{names.PROXY_PORT}'
PRIVATE_PROXY = f'http://{names.PROXY_USER}:{names.PROXY_PASSWORD}@{names.PROXY_ADDRESS}:{names.PROXY_PORT}'
SEE_PROXY = 'docker info --format'
NGINX = ('<html>\r\n<head><title>404 Not Found</title></head>\r\n<body bgcolor="white">\r\n<center>'
         '<h1>404 Not Found</h1></center>\r\n<hr><center>nginx/1.16</center>\r\n</body>\r\n</html>\r\n')
#: For what is waited for and then looked at from here as well.
A_WHILE: Mapping[str, Any] = {'more': ('--timeout', '6'), 'seconds': 20}
PODMAN = tools(docker=False, podman=True)


def pull(words: str) -> Arrange:
    """A docker whose pull fails in these words."""
    return tools(docker=saying(words, on='pull'))


def through(proxy: str, **more: str) -> Arrange:
    """The daemon has this proxy."""
    return daemon(env={'HTTPS_PROXY': proxy, **more})


NAMES = [
    case('b-docker-windows-dns-loopback', daemon(name_servers=[]), 'pull-dns', [MCR, ':53', names.MCR_ADDRESS],
         'dns in daemon.json'),
    case('pull-by-other-name-servers', broken(
        daemon(name_servers=[SECOND]), DNS(host=MCR, server=SECOND, rcode='NXDOMAIN')), 'pull-dns',
        [MCR, SECOND, names.MCR_ADDRESS], 'dns in daemon.json'),
    case('b-daemon-in-vm-resolves-public-ip', broken(
        daemon(name_servers=[SECOND]), DNS(host=MCR, server=SECOND, addresses=[NOBODY])), 'pull-other-address',
        [MCR, NOBODY, names.MCR_ADDRESS], 'dns in daemon.json'),
    healthy('pull-by-other-name-servers-that-know', daemon(name_servers=[SECOND]), [IMAGE]),
]
CONNECTION = [
    case('pull-refused', broken('mcr-refused'), 'pull-refused', [MCR, f'{names.MCR_ADDRESS}:443'], RULES),
    case('pull-without-route', broken(DNS(host=MCR, addresses=[NOBODY])), 'pull-unreachable', [MCR, NOBODY],
         'ip route'),
    case('b-client-timeout-docker-desktop-reset', broken(TCP(host=MCR, mode='drop')), 'pull-connect-timeout', [MCR],
         'restart the daemon'),
    case('b-reset-by-peer-private-agents', broken(TLS(host=MCR, mode='reset')), 'pull-reset', [MCR, 'reset by peer'],
         RULES),
    case('pull-never-answered', broken(HTTP(host=MCR, silent=True)), 'pull-no-answer', [MCR], RULES),
    case('pull-silent', broken('mcr-silent'), 'pull-silent', [MCR, ' s'], f'pull {IMAGE}', soon=True),
    case('pull-stalls', broken('mcr-data-drip'), 'pull-stalled', [MCR, DATA, 'Pulling fs layer'], f'pull {IMAGE}',
         **A_WHILE),
    healthy('pull-takes-a-while', broken(HTTP(host=MCR, path='/v2/mcr/*', delay=0.5)), [IMAGE]),
]
CERTIFICATES = [
    case('b-clock-vm-ntp', broken(TLS(host=MCR, certificate='expired')), 'pull-certificate-expired', [MCR, 'expired'],
         'Microsoft'),
    case('pull-certificate-not-yet-valid', broken(TLS(host=MCR, certificate='not-yet-valid')),
         'pull-certificate-not-yet-valid', [MCR], 'timedatectl'),
    case('b-clock-behind-certificate', pull(
        'Error response from daemon: Head "https://mcr.microsoft.com/v2/mcr/hello-world/manifests/latest": tls: failed '
        'to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-05-17T10:34:05'
        '+02:00 is before 2026-07-08T01:10:17Z'), 'pull-clock', [MCR, '2026-05-17T10:34:05+02:00', 'minutes'],
        'timedatectl'),
    case('pull-inspected', broken('mcr-unknown-issuer'), 'pull-certificate-untrusted', [MCR, 'Contoso'],
         'sudo update-ca-certificates'),
    case('pull-distrusted-by-the-daemon-alone', daemon(trusted=False), 'pull-certificate-untrusted',
         [MCR, 'Microsoft Azure RSA TLS'], 'sudo update-ca-certificates'),
    case('pull-other-name', broken(TLS(host=MCR, certificate='other-name')), 'pull-certificate-name',
         [MCR, 'fabrikam.example'], f'nslookup {MCR}'),
    case('pull-not-tls', broken(TLS(host=MCR, mode='plain')), 'pull-not-tls', [MCR], f'nslookup {MCR}'),
    case('pull-old-protocol', broken(TLS(host=MCR, newest='TLSv1_1')), 'pull-tls', [MCR, 'protocol version']),
    case('b-mtu-1300', broken(TLS(host=MCR, mode='silent')), 'pull-tls-timeout', [MCR], 'mtu to 1300'),
]
ANSWERS = [
    case('pull-data-blocked', broken('mcr-data-blocked'), 'mcr-data-blocked', [MCR, DATA], RULES),
    case('b-html-403-captcha', broken('mcr-data-403'), 'mcr-data-blocked', [MCR, 'Contoso Web Gateway'], RULES),
    case('b-html-404-other-service-on-443', broken(
        HTTP(host=MCR, status=404, body=NGINX, headers=[['Content-Type', 'text/html'], ['Server', 'nginx/1.16']])),
        'pull-html', [MCR, '404'], f'have {MCR} and *.data.{MCR} allowed'),
    case('pull-garbled', broken(HTTP(host=MCR, path='/v2/mcr/*', status=200, body='gateway says no', headers=[
        ['Content-Type', 'application/vnd.docker.distribution.manifest.v2+json']])), 'pull-garbled',
         [MCR, "invalid character 'g'"]),
    case('pull-throttled', broken('mcr-throttled'), 'pull-rate-limited', [MCR, 'Ref A: 5B0E27D4A4FD4C1F9D2E'],
         'az acr import'),
    case('pull-missing', broken('mcr-missing'), 'pull-not-found', [MCR, 'manifest unknown'], f'pull {IMAGE}'),
    case('pull-unauthorized', broken(HTTP(host=MCR, path='/v2/mcr/*', answer='acr:unauthorized')),
         'pull-refused-by-registry', [MCR, 'unauthorized'], f'logout {MCR}'),
    case('pull-service-down', broken(HTTP(host=MCR, path='/v2/mcr/*', status=503, body='{}')), 'pull-server-error',
         [MCR], 'try again later'),
]
PROXIES = [
    case('b-proxy-407-credentials-ignored', broken(through(PRIVATE_PROXY), 'proxy-407-ntlm'), 'pull-proxy-auth',
         [names.PROXY_ADDRESS, '407'], 'NTLM'),
    case('b-proxyconnect-localhost', through('http://127.0.0.1:8080'), 'pull-proxy-unreachable',
         ['127.0.0.1:8080', 'connection refused'], SEE_PROXY),
    case('pull-proxy-by-https', through(f'https://{names.PROXY_ADDRESS}:{names.PROXY_PORT}'), 'pull-proxy-tls',
         [f'https://{names.PROXY_ADDRESS}:{names.PROXY_PORT}'], SEE_PROXY),
    case('pull-proxy-policy', broken(through(PROXY), 'proxy-policy'), 'pull-proxy-refused',
         [PROXY, MCR, 'Forbidden'], f'Have {MCR} and *.data.{MCR} allowed'),
    case('b-proxy-only-in-shell', broken(DNS(host=MCR, rcode='NXDOMAIN', server=FIRST), DNS(
        host=MCR, rcode='NXDOMAIN', server=SECOND), HTTPS_PROXY=PROXY), 'pull-needs-proxy', [MCR, PROXY],
        'systemd drop-in'),
    case('b-desktop-parsing-port', pull(
        'Error response from daemon: Get "https://mcr.microsoft.com/v2/": writing response to mcr.microsoft.com:443: '
        'parsing port : strconv.ParseInt: parsing "": invalid syntax'), 'pull-desktop-proxy', [MCR],
        'Settings > Resources > Proxies'),
    healthy('pull-through-a-proxy', broken(through(PRIVATE_PROXY), {'do': 'settings', 'proxy_needs_password': True}),
            [IMAGE]),
    healthy('pull-past-a-dead-proxy', through('http://127.0.0.1:8080', NO_PROXY='.microsoft.com'), [IMAGE]),
]
ENGINE = [
    case('pull-disk-full', broken(
        script('mkdir /run/small', 'mount -t tmpfs -o size=4k small /run/small', 'yes >/run/small/full || true'),
        daemon(env={'DOCKER_TMPDIR': '/run/small'})), 'pull-disk-full', ['no space left on device'],
        'docker system prune'),
    case('b-register-layer-error-masked-by-unauthorized', pull(
        'failed to register layer: Error processing tar file(exit status 1): Container ID 1516583083 cannot be mapped '
        'to a host ID\nError response from daemon: Get https://mcr.microsoft.com/v2/mcr/hello-world/manifests/latest: '
        'unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.'),
        'pull-unpack', ['cannot be mapped'], 'subuid'),
    case('pull-daemon-dies', tools(docker=before('sleep 0.5; kill -9 $(cat /run/docker.pid); sleep 0.1', 'pull')),
         'pull-daemon-gone', ['Cannot connect to the Docker daemon'], 'journalctl -u docker'),
    case('pull-client-vanishes', tools(docker=False, podman=before(vanishes('podman'), 'info', 'podman')),
         'pull-client-gone', ['/podman', 'No such file']),
    case('pull-fails-otherwise', pull('Error response from daemon: layer does not fit the moon'), 'pull-failed',
         ['does not fit the moon'], f'docker pull {IMAGE}'),
    case('pull-babbles', tools(docker=before('head -c 3000000 /dev/urandom >&2; exit 9', 'pull')), 'pull-failed',
         ['9']),
    case('podman-without-policy', broken(PODMAN, script('rm -f /etc/containers/policy.json')), 'pull-policy',
         ['/etc/containers/policy.json'], 'containers-common'),
    case('podman-helper-fails', broken(PODMAN, home('auth.json', {'credHelpers': {MCR: 'gone'}}),
                                       REGISTRY_AUTH_FILE='auth.json'), 'pull-credentials', ['docker-credential-gone'],
         'Mend the helper'),
    case('podman-refused', broken(PODMAN, 'mcr-refused'), 'pull-refused', [MCR, names.MCR_ADDRESS], RULES),
    case('podman-throttled', broken(PODMAN, 'mcr-throttled'), 'pull-rate-limited', [MCR], 'az acr import'),
    case('podman-inspected', broken(PODMAN, 'mcr-unknown-issuer'), 'pull-certificate-untrusted', [MCR, 'Contoso'],
         'sudo update-ca-certificates'),
    healthy('podman-pulls', PODMAN, [IMAGE]),
    healthy('a-windows-containers-linux-test-image', tools(docker=saying(
        'Error image operating system "linux" cannot be used on this platform', on='pull')), ['no variant']),
    healthy('b-no-matching-manifest-windows', tools(docker=saying(
        'no matching manifest for windows/amd64 10.0.19044 in the manifest list entries', on='pull')), ['no variant']),
]


@pytest.fixture(autouse=True)
def _mended(lab: Lab) -> Iterator[None]:
    yield
    undo(lab)


def images(lab: Lab) -> list[str]:
    """What docker has."""
    return lab.run('/usr/bin/env', 'PATH=/usr/bin:/bin', 'docker', 'images', '--quiet', '--no-trunc').stdout.split()


@pytest.mark.parametrize('case', NAMES + CONNECTION + CERTIFICATES + ANSWERS + PROXIES + ENGINE,
                         ids=lambda row: row.id)
def test_a_pull(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
    assert images(lab) == []
