"""Helm: real helm 3 and 4, the words of helm 2, binaries for other processors, several on PATH."""
from __future__ import annotations

import pytest

from tests.e2e.case import Arrange, Case, broken, prove
from tests.e2e.machine import FOREIGN, home, put, rows, tools
from tests.lab import Lab

MISSING, OBSOLETE = 'HELM_COMMAND_ERROR', 'helm-obsolete'
case, healthy = rows('HELM_VERSION_ERROR', 'helm')
UPGRADE = 'Install Helm 3 or later'
HELM_3 = '''echo 'version.BuildInfo{Version:"v3.10.3", GitCommit:"835b7334", GoVersion:"go1.18.9"}' '''


def client(version: str) -> str:
    """Helm 2's line about itself, which it prints before it asks the cluster."""
    return f"echo 'Client: &version.Version{{SemVer:\"v{version}\", GitCommit:\"cf1de4f8\", GitTreeState:\"clean\"}}'"


def tiller(words: str) -> str:
    """What helm 2 ends with when the cluster's part does not answer."""
    return f"echo 'Error: {words}' >&2; exit 1"


def before_a_good_one(first: str | bytes | list[bytes], name: str = 'helm') -> Arrange:
    """Two helms on PATH: that one, then helm 3."""
    def arrange(lab: Lab) -> None:
        second = put(lab, helm=3)
        lab.path = f'{put(lab, **{"helm": False, name: first})}:{second}'
    return arrange


def in_the_current_directory(lab: Lab) -> None:
    """Helm is where az runs, and the current directory on PATH."""
    home('helm', '#!/bin/sh\n', 0o755)(lab)
    lab.path = f'.:{put(lab, helm=False)}'


CASES = [
    case('helm-missing', tools(helm=False), 'helm-missing', ['helm'], '--skip helm', error=MISSING),
    case('helm-not-executable', tools(helm=[b'#!/bin/sh\n']), 'helm-not-executable', ['/helm'], 'sudo chmod +x /',
         error=MISSING),
    case('helm-in-current-directory', in_the_current_directory, 'helm-in-current-directory', ['/home/helm'],
         'absolute path', error=MISSING),
    case('c-helm-x86-on-raspberry', tools(helm=FOREIGN), 'helm-exec-format', ['/helm'], 'uname -m'),
    case('c-snap-helm-shadowed-by-wrong-arch', before_a_good_one(FOREIGN), 'helm-exec-format', ['/helm', '3.17.1'],
         'works, Helm 3.17.1'),
    case('helm-without-its-interpreter', tools(helm='#!/missing/interpreter\n'), 'helm-cannot-run',
         ['No such file or directory'], '/helm version'),
    case('helm-crashes', before_a_good_one('kill -SEGV $$'), 'helm-failed', ['SIGSEGV'], 'works'),
    case('helm-fails', tools(helm='echo "Error: no space left" >&2; exit 3'), 'helm-failed', ['3', 'no space left'],
         '/helm version'),
    case('helm-is-another-program', tools(helm='echo "helm: emacs completion framework"'), 'helm-output',
         ['emacs completion framework'], 'whether it is Helm'),
    case('helm-babbles', tools(helm='head -c 3000000 /dev/urandom; exit 0'), 'helm-output', ['/helm']),
    case('helm-hangs', tools(helm='sleep 600'), 'helm-silent', ['/helm', ' s'], '/helm version', soon=True),
    case('helm-hangs-with-a-child-by-default', tools(helm='sleep 600 & sleep 600'), 'helm-silent', [' s'],
         '/helm version'),
    case('c-helm2-client-then-tiller-error', tools(helm=f'{client("2.9.1")}; {tiller("cannot connect to Tiller")}'),
         OBSOLETE, ['2.9.1', '2.11.0'], UPGRADE),
    case('c-helm2-version-hangs', tools(helm=f'{client("2.8.2")}; sleep 600'), OBSOLETE, ['2.8.2', '2.11.0'], UPGRADE,
         soon=True),
    case('c-helm2-version-short', tools(helm="printf 'Client: v2.1.0+ga72cebe\\nServer: v2.1.0+gb7b6484\\n'"), OBSOLETE,
         ['2.1.0', '2.11.0'], UPGRADE),
    case('helm2-older-than-a-good-one', before_a_good_one(client('2.10.0')), OBSOLETE, ['2.10.0', '3.17.1'],
         'first on PATH'),
    case('helm2-hides-all', tools(helm=tiller('could not find a ready tiller pod')), 'helm-failed',
         ['ready tiller pod'], '/helm version'),

    healthy('c-helm-downgraded-2-in-cloud-shell', tools(helm=f'{client("2.16.3")}; {tiller("could not find tiller")}'),
            ['2.16.3'], warning='helm-unsupported', remedy=UPGRADE),
    healthy('c-helm2-client-and-server', tools(
        helm=f'{client("2.15.1")}\n{client("2.15.1").replace("Client", "Server")}'), ['2.15.1'],
        warning='helm-unsupported', remedy=UPGRADE),
    healthy('c-helm2-tiller-error-hides-client', tools(
        helm=f'[ "$*" = "version -c" ] && {client("2.11.0")} && exit\n{tiller("could not find a ready tiller pod")}'),
        ['2.11.0'], warning='helm-unsupported', remedy=UPGRADE),
    healthy('c-helm3-plugin-unknown-field', broken(tools(helm=3), home(
        '.local/share/helm/plugins/helm-unittest/plugin.yaml',
        'name: unittest\nversion: 1.0.0\nplatformHooks:\n  install: []\n')), ['Helm 3.17.1', 'platformHooks']),
    healthy('c-helm3-version-plain', tools(helm=f'''
        echo 'WARNING: Kubernetes configuration file is group-readable. This is insecure. Location: /x' >&2
        echo 'WARNING: Kubernetes configuration file is world-readable. This is insecure. Location: /x' >&2
        {HELM_3}'''), ['Helm 3.10.3', 'file is group-readable', 'file is world-readable']),
    healthy('c-helm3-unreachable-config', tools(helm=f'''case $1 in list)
        echo 'Error: Kubernetes cluster unreachable: error loading config file "/etc/rancher/k3s/k3s.yaml"' >&2; exit 1
        esac; {HELM_3}'''), ['Helm 3.10.3']),
    healthy('helm-3', tools(helm=3), ['Helm 3.17.1']),
    healthy('helm-4', tools(helm=4), ['Helm 4.3.1']),
    healthy('helm-of-windows-under-wsl', tools(**{'helm': False, 'helm.exe': 'echo v3.16.2+g13654a5'}), ['/helm.exe']),
    healthy('helm-release-candidate', tools(helm='echo v3.0.0-rc.1'), ['3.0.0-rc.1']),
    healthy('helm-behind-a-file-that-is-none', before_a_good_one([b'#!/bin/sh\n']), ['Helm 3.17.1']),
]


@pytest.mark.parametrize('case', CASES, ids=lambda row: row.id)
def test_helm(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
    assert not [line for line in lab.processes().values() if 'sleep 600' in line]
