"""The daemon: where the client looks for it, who may ask it, whether it answers and in which words it does not."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.case import Arrange, Case, broken, prove
from tests.e2e.machine import (NO_STORAGE, before, config, context, crashed, home, paused, rows, saying,
                               script, stopped, tools, undo, vanishes)
from tests.lab import Lab
from tests.local_azure import names

case, healthy = rows('DOCKER_DAEMON_ERROR', 'container-client', 'container-daemon')
DEFAULT, ROOTLESS = 'unix:///var/run/docker.sock', 'unix:///run/user/0/docker.sock'
NOBODY, REMOTE = '203.0.113.99', 'build.contoso.example'
# Root without the privilege to pass over permissions, whom a socket without any refuses as it would another user.
POWERLESS = tools(docker='exec setpriv --bounding-set=-all docker "$@"')
START = 'service docker start'  # `sudo systemctl start docker` where there is systemd: the lab has a /run of its own
MOVED = script('mkdir -p /run/elsewhere', 'mv /run/docker.sock /run/elsewhere/docker.sock')
ELSEWHERE = 'unix:///run/elsewhere/docker.sock'


def members(*users: str) -> Arrange:
    """The daemon's socket belongs to the group docker, which has these members, and is closed to everybody else."""
    return broken(script('sed -i /^docker:/d /etc/group', f'echo docker:x:2375:{",".join(users)} >>/etc/group',
                         'chgrp 2375 /run/docker.sock', 'chmod 0060 /run/docker.sock'), POWERLESS)


def kernel(version: str) -> Arrange:
    """What /proc/version tells, by which WSL is known."""
    return script(f'echo "{version}" >/run/.containerenv', 'mount --bind /run/.containerenv /proc/version')


def certificates(lab: Lab) -> None:
    """A directory for DOCKER_CERT_PATH: a CA that is not the daemon's, some certificate, and its key."""
    for name, file in {'ca': 'inspection-ca', 'cert': 'registry-tokens', 'key': 'registry-key'}.items():
        home(f'certs/{name}.pem', (lab.state / f'azure/certs/{file}.pem').read_bytes())(lab)


PLACES = [
    case('daemon-stopped', stopped, 'daemon-socket-missing', [DEFAULT, 'default'], START),
    case('daemon-crashed', crashed, 'daemon-refused', [DEFAULT, 'default'], START),
    case('daemon-socket-is-a-directory', broken(stopped, script('mkdir /run/docker.sock')), 'daemon-socket-directory',
         [DEFAULT], START),
    case('daemon-dead-beside-podman', broken(stopped, tools(podman=True)), 'daemon-socket-missing', ['/podman'],
         'export DOCKER_COMMAND=/'),
    case('daemon-in-a-pod', broken(stopped, KUBERNETES_SERVICE_HOST='10.0.0.1'), 'pod-without-daemon', [DEFAULT],
         'az acr login --expose-token'),
    case('daemon-in-a-container', broken(
        stopped, script('touch /run/.containerenv', 'mount --bind /dev/null /usr/sbin/dockerd')),
        'container-without-daemon', [DEFAULT], '-v /var/run/docker.sock:/var/run/docker.sock'),
    case('daemon-in-wsl-2', broken(stopped, kernel('Linux version 5.15.90.1-microsoft-standard-WSL2 (oe-user@oe)')),
         'wsl-without-docker', [DEFAULT], 'WSL integration'),
    case('daemon-in-wsl-1', broken(stopped, kernel('Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)')),
         'wsl1-without-docker', [], 'wsl.exe --list'),
    healthy('daemon-in-a-container-with-the-socket', script('touch /run/.containerenv'), [DEFAULT]),
    healthy('daemon-in-wsl-2-that-runs', kernel('Linux version 5.15.90.1-microsoft-standard-WSL2'), [DEFAULT]),
]
LEFT_BEHIND = [
    case('a-docker-host-rootless-for-root', broken(DOCKER_HOST=ROOTLESS), 'docker-host-left-behind',
         [ROOTLESS, 'DOCKER_HOST', DEFAULT], 'unset DOCKER_HOST'),
    case('docker-host-unknown-while-default-works', broken(DOCKER_HOST=f'tcp://{REMOTE}:2375'),
         'docker-host-left-behind', [REMOTE, DEFAULT], 'unset DOCKER_HOST'),
    case('a-rootless-xdg-runtime-dir-missing', broken(DOCKER_HOST='unix:///docker.sock'),
         'docker-host-without-runtime-dir', ['unix:///docker.sock', 'XDG_RUNTIME_DIR', DEFAULT],
         'export DOCKER_HOST=unix:///run/user/'),
    case('context-left-behind', context('colima', 'unix:///home/demo/.colima/docker.sock'),
         'docker-context-left-behind', ['unix:///home/demo/.colima/docker.sock', 'context colima', DEFAULT],
         'docker context use default'),
    case('context-variable-left-behind', broken(
        context('build', f'tcp://{NOBODY}:2375'), script('docker context use default'), DOCKER_CONTEXT='build'),
        'docker-host-left-behind', [NOBODY, 'DOCKER_CONTEXT=build', DEFAULT], 'unset DOCKER_CONTEXT'),
    case('context-removed', config(currentContext='colima'), 'docker-context-unknown', ['colima'], 'docker context ls'),
    case('context-variable-of-no-context', broken(DOCKER_CONTEXT='nosuch'), 'docker-context-unknown',
         ['nosuch', 'DOCKER_CONTEXT'], 'unset DOCKER_CONTEXT'),
    healthy('daemon-elsewhere-by-docker-host', broken(MOVED, DOCKER_HOST=ELSEWHERE), [ELSEWHERE, 'DOCKER_HOST']),
    healthy('daemon-elsewhere-by-context', broken(MOVED, context('colima', ELSEWHERE)), [ELSEWHERE, 'context colima']),
    healthy('docker-host-over-a-dead-context', broken(
        context('colima', 'unix:///nobody.sock'), DOCKER_HOST='unix:///run/docker.sock'), ['unix:///run/docker.sock']),
]
DENIED = [
    case('docker-group-missing', broken(members(), LOGNAME='demo'), 'docker-group', [DEFAULT, 'demo', 'docker'],
         'sudo usermod -aG docker demo'),
    case('docker-group-joined-since', broken(members('other', 'demo'), LOGNAME='demo'), 'docker-group-session',
         ['demo', 'docker'], 'newgrp docker'),
    case('daemon-for-root-only', broken(script('chmod 0 /run/docker.sock'), POWERLESS), 'daemon-denied', [DEFAULT],
         'ls -l /var/run/docker.sock'),
    healthy('daemon-for-everybody', broken(script('chmod 0666 /run/docker.sock'), POWERLESS), [DEFAULT]),
]
SILENT = [
    case('daemon-paused', paused, 'daemon-silent', [DEFAULT, ' s'], 'docker restart', soon=True),
    case('daemon-paused-by-default', paused, 'daemon-silent', [DEFAULT, ' s'], 'docker restart'),
    case('daemon-behind-a-firewall', broken(stopped, 'tcp-drop', DOCKER_HOST=f'tcp://{names.FRONT_ADDRESS}:443'),
         'daemon-silent', [names.FRONT_ADDRESS], 'firewall', soon=True),
    case('daemon-asks-for-ever', tools(docker=before('sleep 600', 'version')), 'daemon-silent', [DEFAULT], soon=True),
    healthy('daemon-answers-late', tools(docker=before('sleep 0.7', 'version')), [DEFAULT], soon=True),
]
REMOTES = [
    case('daemon-host-unknown', broken(stopped, DOCKER_HOST=f'tcp://{REMOTE}:2375'), 'daemon-host-unknown',
         [REMOTE, 'DOCKER_HOST'], 'unset DOCKER_HOST'),
    case('daemon-host-without-route', broken(stopped, DOCKER_HOST=f'tcp://{NOBODY}:2375'), 'daemon-unreachable',
         [NOBODY, 'unreachable']),
    case('daemon-over-ssh-without-ssh', broken(DOCKER_HOST=f'ssh://{REMOTE}'), 'daemon-ssh',
         [f'ssh://{REMOTE}', 'ssh does not reach'], 'unset DOCKER_HOST'),
    case('daemon-over-ssh-asks', broken(
        tools(ssh='echo "demo@build: Permission denied (publickey)." >&2; exit 255'),
        DOCKER_HOST=f'ssh://demo@{REMOTE}'),
        'daemon-ssh', ['Permission denied (publickey)', DEFAULT], 'unset DOCKER_HOST'),
    case('daemon-certificates-missing', broken(
        DOCKER_HOST=f'tcp://{names.FRONT_ADDRESS}:443', DOCKER_TLS_VERIFY='1', DOCKER_CERT_PATH='/etc/nowhere'),
        'docker-cert-path', ['/etc/nowhere/ca.pem'], 'unset DOCKER_TLS_VERIFY'),
    case('daemon-of-another-ca', broken(
        certificates, DOCKER_CERT_PATH='certs', DOCKER_TLS_VERIFY='1', DOCKER_HOST=f'tcp://{names.FRONT_ADDRESS}:443'),
        'daemon-tls', [names.FRONT_ADDRESS, 'x509: '], 'unset DOCKER_HOST'),
    case('daemon-is-no-docker', broken(DOCKER_HOST=f'tcp://{names.PROXY_ADDRESS}:{names.PROXY_PORT}'), 'daemon-error',
         ['Method Not Allowed', DEFAULT], 'unset DOCKER_HOST'),
    case('daemon-endpoint-of-windows', broken(DOCKER_HOST='npipe:////./pipe/docker_engine'), 'endpoint-unusable',
         ['npipe:////./pipe/docker_engine'], 'unset DOCKER_HOST'),
    case('daemon-endpoint-malformed', broken(DOCKER_HOST='foo://bar'), 'endpoint-unusable', ['foo://bar', DEFAULT],
         'unset DOCKER_HOST'),
]
WORDS = [
    case('daemon-finds-the-client-too-old', broken(DOCKER_API_VERSION='1.11'), 'client-api-too-old', ['1.11'],
         'DOCKER_API_VERSION'),
    case('a-client-too-old-bundled-compose', tools(docker=saying(
        'Error response from daemon: client version 1.42 is too old. Minimum supported API version is 1.44, please '
        'upgrade your client to a newer version', on='version')), 'client-api-too-old', ['1.42', '1.44'],
        'Update the Docker client'),
    case('daemon-finds-the-client-too-new', broken(DOCKER_API_VERSION='1.99'), 'client-api-too-new', ['1.99'],
         'DOCKER_API_VERSION'),
    healthy('client-api-pinned-in-between', broken(DOCKER_API_VERSION='1.30'), [DEFAULT]),
    case('a-gha-windows-engine-not-up', tools(docker=saying(
        'failed to connect to the docker API at npipe:////./pipe/docker_engine; check if the path is correct and if '
        'the daemon is running: open //./pipe/docker_engine: The system cannot find the file specified.',
        on='version')),
        'docker-desktop-stopped', ['//./pipe/docker_engine'], 'docker desktop start'),
    case('podman-machine-stopped', tools(docker=False, podman=saying(
        'Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection '
        'list`, or try `podman machine init` and `podman machine start` to manage a new Linux VM', 125, on='info',
        tool='podman')), 'podman-machine-stopped', ['Cannot connect to Podman'], 'podman machine start'),
    case('podman-broken', broken(NO_STORAGE, tools(docker=False, podman=True)), 'podman-failed',
         ['/proc/nowhere'], '/podman info'),
    case('client-vanishes', broken(tools(docker=before(vanishes(), 'version')), DOCKER_HOST=DEFAULT),
         'daemon-client-gone', ['/docker', 'No such file']),
    case('daemon-answers-noise', tools(docker=before('head -c 3000000 /dev/urandom; exit 1', 'version')),
         'daemon-error', [DEFAULT], ' version'),
]


@pytest.fixture(autouse=True)
def _mended(lab: Lab) -> Iterator[None]:
    yield
    undo(lab)


@pytest.mark.parametrize('case', PLACES + LEFT_BEHIND + DENIED + SILENT + REMOTES + WORDS, ids=lambda row: row.id)
def test_a_daemon(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
    left = [line for line in lab.processes().values() if 'sleep 600' in line]
    assert not left
