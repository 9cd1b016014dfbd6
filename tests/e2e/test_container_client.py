"""The container client: none, one that does not run, one that hangs or babbles; podman in docker's place."""
from __future__ import annotations

import pytest

from tests.e2e.case import Case, broken, prove
from tests.e2e.machine import FOREIGN, NO_STORAGE, before, home, put, rows, saying, stopped, tools
from tests.lab import Lab
from tests.prerequisites import program

MISSING, VERSION = 'DOCKER_COMMAND_ERROR', 'DOCKER_VERSION_ERROR'
case, healthy = rows(VERSION, 'container-client', 'container-daemon', 'docker-credentials')
PODMAN = program('podman') or '/missing/podman'
WSL = ("\nThe command 'docker' could not be found in this WSL {} distro.\nWe recommend to activate the WSL integration "
       'in Docker Desktop settings.\n\nFor details about using Docker Desktop with WSL 2, visit:\n\n'
       'https://docs.docker.com/go/wsl2/\n')
# As Debian's podman-docker has it.
BANNER = 'echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2'
NOISE = 'head -c 4000000 /dev/urandom'


def in_the_current_directory(lab: Lab) -> None:
    """Docker is where az runs, and the current directory on PATH."""
    (lab.home / 'docker').symlink_to(program('docker') or '')
    lab.path = f'.:{put(lab, docker=False)}:{lab.home}'


CASES = [
    case('a-cli-image-without-docker', tools(docker=False), 'client-missing',
         ['docker, podman', 'a daemon at unix:///var/run/docker.sock'], 'az acr login --expose-token', error=MISSING),
    case('e-containerd-support', tools(docker=False, crictl='exit 0'), 'client-missing', ['/crictl'],
         'az aks check-acr', error=MISSING),
    case('docker-command-with-arguments', broken(DOCKER_COMMAND='podman --remote'), 'docker-command-missing',
         ['podman --remote'], 'unset DOCKER_COMMAND', error=MISSING),
    case('docker-command-gone', broken(DOCKER_COMMAND='/opt/nerdctl/bin/nerdctl'), 'docker-command-missing',
         ['/opt/nerdctl/bin/nerdctl'], 'unset DOCKER_COMMAND', error=MISSING),
    case('client-not-executable', tools(docker=[b'#!/bin/sh\nexit 0\n']), 'client-not-executable', ['/docker'],
         'sudo chmod +x /', error=MISSING),
    case('client-in-current-directory', in_the_current_directory, 'client-in-current-directory', ['/home/docker'],
         'absolute path', error=MISSING),
    case('wsl-stub', tools(docker=saying(WSL.format(2), out=True)), 'wsl-docker-stub', ['WSL'],
         'Settings > Resources > WSL integration'),
    case('wsl-1-stub', tools(docker=saying(WSL.format(1), out=True)), 'wsl1-without-docker', ['WSL 1'],
         'wsl.exe --list --verbose'),
    case('client-for-another-processor', tools(docker=FOREIGN), 'client-exec-format', ['/docker'], 'uname -m'),
    case('client-without-its-interpreter', tools(docker='#!/missing/interpreter\n'), 'client-cannot-run',
         ['No such file or directory'], '/docker --version'),
    case('client-crashes', tools(docker='kill -SEGV $$'), 'client-failed', ['SIGSEGV'], '/docker --version'),
    case('client-lacks-a-library', tools(docker=saying(
        'docker: error while loading shared libraries: libdevmapper.so.1.02.1: cannot open shared object file', 127)),
        'client-failed', ['127', 'libdevmapper.so.1.02.1'], '/docker --version'),
    case('client-babbles-and-fails', tools(docker=f'{NOISE}; {NOISE} >&2; exit 3'), 'client-failed', ['3'], soon=True),
    case('client-hangs', tools(docker='sleep 600'), 'client-silent', ['/docker', ' s'], '/docker --version', soon=True),
    case('client-hangs-by-default', tools(docker='sleep 600 & sleep 600'), 'client-silent', ['10 s'], seconds=20),

    healthy('a-podman-only-no-docker', tools(docker=False, podman=True), ['podman', 'needs no daemon']),
    healthy('a-podman-docker-emulation-banner', tools(docker=f'{BANNER}\nexec podman "$@"'),
            ['Podman', 'needs no daemon', 'Emulate Docker CLI using podman']),
    healthy('a-cli-plugin-exec-format', broken(
        home('.docker/cli-plugins/docker-compose', FOREIGN, 0o755),
        tools(docker=before('docker info >&2', 'version'))),
        ['docker-compose\\" is not valid: failed to fetch metadata', 'exec format error']),
    healthy('docker-command-is-podman', broken(stopped, DOCKER_COMMAND=PODMAN), [PODMAN, 'needs no daemon']),
    healthy('docker-of-windows-under-wsl', tools(docker=False, **{'docker.exe': 'exec docker "$@"'}), ['/docker.exe']),
    healthy('client-babbles-and-works', tools(docker=before(f'{NOISE} >&2')), ['/docker']),
    healthy('client-leaves-a-child-at-the-pipe', tools(docker=before('setsid sleep 30 &')), ['/docker'], soon=True),
    healthy('e-better-message-cloud-shell', broken(tools(docker=False), ACC_CLOUD='PROD'), ['Cloud Shell']),
]


@pytest.mark.parametrize('case', CASES, ids=lambda row: row.id)
def test_a_client(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
    left = [line for line in lab.processes().values() if 'sleep 600' in line]
    assert not left


def test_a_podman_docker_that_fails_is_podman_s_failure(lab: Lab, request: pytest.FixtureRequest) -> None:
    """FIELD a-podman-docker-emulation-banner, the variant with exit status 125: the banner is not the reason."""
    arrange = broken(NO_STORAGE, tools(docker=f'{BANNER}\nexec podman "$@"'))
    run = prove(lab, case('podman-docker-fails', arrange, 'podman-failed', ['/proc/nowhere', '125'], '/docker info',
                          error='DOCKER_DAEMON_ERROR'), request)
    assert 'Emulate' not in run.report['rootCauses'][0]['message']
