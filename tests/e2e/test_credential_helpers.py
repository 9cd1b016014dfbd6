"""Credential helpers: those that docker's real configuration names for a registry, and the words they fail in."""
from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.e2e.case import Arrange, Case, broken, prove
from tests.e2e.machine import FOREIGN, config, home, put, rows, tools
from tests.lab import Lab
from tests.local_azure import names, presets
from tests.prerequisites import SYSTEM_PATH

case, healthy = rows('CREDENTIAL_HELPER_ERROR', 'container-client', 'docker-credentials')
R = presets.R
STORED = '''case "$1" in get) echo '{"ServerURL":"x","Username":"u","Secret":"planted"}';; list) echo '{}';; esac'''
NOT_STORED = 'echo "credentials not found in native keychain"; exit 1'
OR_REMOVE = 'Or take credsStore out of '


def store(name: str, program: Any, **more: Any) -> Arrange:
    """A helper on PATH, which docker's configuration names for all registries."""
    return broken(tools(**{f'docker-credential-{name}': program}), config(credsStore=name, **more))


def failing(name: str, words: str, *, on: str = '*') -> Arrange:
    """A helper that fails in these words, which helpers print on standard output."""
    return store(name, f"case \"$1\" in {on}) printf '%s\\n' {shlex.quote(words)}; exit 1;; esac\n{STORED}")


def snap(lab: Lab) -> None:
    """Docker is a snap, which has a home of its own."""
    directory = put(lab, docker=False)
    (lab.home / 'snap/bin').mkdir(parents=True)
    (lab.home / 'snap/bin/docker').write_text(
        f'#!/bin/sh\nDOCKER_CONFIG="$HOME/snap/docker/current/.docker" PATH={SYSTEM_PATH} exec docker "$@"\n')
    (lab.home / 'snap/bin/docker').chmod(0o755)
    lab.path = f'{lab.home}/snap/bin:{directory}'


LOGIN = {'auths': {R: {'auth': 'dTpwbGFudGVk'}}}
OF_THE_REGISTRY = {'registry': 'demoregistry', 'more': ['--skip', 'registry', 'network', 'sign-in', 'settings',
                                                        'container-daemon', 'container-pull', 'helm', 'azure-cli']}
SNAP = 'snap/docker/current/.docker/config.json'
CASES = [
    case('helper-missing', config(credsStore='desktop'), 'credential-helper-missing',
         ['docker-credential-desktop', '/.docker/config.json', 'credsStore'], OR_REMOVE),
    case('helper-missing-for-mcr-alone', config(credHelpers={names.MCR_HOST: 'acr-env'}), 'credential-helper-missing',
         ['docker-credential-acr-env', f'credHelpers[\\"{names.MCR_HOST}\\"]'], 'credHelpers["mcr'),
    case('helper-not-executable', store('pass', [b'#!/bin/sh\n']), 'credential-helper-not-executable',
         ['/docker-credential-pass'], 'sudo chmod +x /'),
    case('a-credential-helper-exec-format', store('desktop.exe', FOREIGN), 'credential-helper-exec-format',
         ['/docker-credential-desktop.exe', 'Exec format error'], 'wsl.exe --shutdown'),
    case('a-credential-desktop-invalid-argument', failing(
        'desktop.exe', '/usr/bin/docker-credential-desktop.exe: Invalid argument'), 'credential-helper-exec-format',
        ['Invalid argument'], 'WSL interop'),
    case('a-keychain-locked-over-ssh', failing('osxkeychain', 'User interaction is not allowed.'), 'keychain-locked',
         ['docker-credential-osxkeychain', 'User interaction is not allowed'], 'security unlock-keychain'),
    case('a-keychain-wrong-passphrase', failing(
        'osxkeychain', 'The user name or passphrase you entered is not correct.'), 'keychain-passphrase',
        ['passphrase you entered is not correct', 'not the registry'], 'security unlock-keychain'),
    case('a-pass-gpg-no-public-key', failing(
        'pass', 'exit status 1: gpg: sec: skipped: No public key\ngpg: [stdin]: encryption failed: No public key\n'
        'Password encryption aborted.'), 'pass-wrong-key', ['No public key'], 'gpg --list-secret-keys'),
    case('a-pass-locked-no-secret-key', failing(
        'pass', 'error fetching password during initialization: exit status 2: gpg: decryption failed: No secret key',
        on='get'), 'pass-locked', ['No secret key'], 'export GPG_TTY=$(tty)'),
    case('a-pass-locked-silent-anonymous-pull', broken(
        tools(**{'docker-credential-pass': 'echo "exit status 2: gpg: decryption failed: No secret key"; exit 1'}),
        config(credHelpers={R: 'pass'})), 'pass-locked', [R, f'credHelpers[\\"{R}\\"]'],
        'Unlock the key', **OF_THE_REGISTRY),
    case('pass-not-initialized', failing('pass', 'pass not initialized: exit status 1: Error: password store is empty. '
                                         'Try "pass init".'), 'pass-not-initialized', ['store is empty'], 'pass init'),
    case('pass-answers-with-nothing', store('pass', 'echo \'{"ServerURL":"x","Username":"","Secret":""}\''),
         'pass-not-initialized', ['empty login'], 'pass init'),
    case('secret-service-missing', failing('secretservice', 'Cannot autolaunch D-Bus without X11 $DISPLAY'),
         'secret-service-missing', ['Cannot autolaunch D-Bus'], 'docker-credential-pass'),
    case('secret-service-locked', failing('secretservice', 'Cannot create an item in a locked collection'),
         'secret-service-locked', ['locked collection'], 'Unlock it in a desktop session'),
    case('a-wincred-no-logon-session', failing(
        'wincred', 'A specified logon session does not exist. It may already have been terminated.'),
        'wincred-no-session', ['specified logon session does not exist'], 'DOCKER_CONFIG'),
    case('helper-hangs', store('pass', 'sleep 600'), 'credential-helper-silent', ['docker-credential-pass', ' s'],
         'Unlock the store', soon=True),
    case('helper-hangs-by-default', store('pass', 'sleep 600 & sleep 600'), 'credential-helper-silent',
         ['docker-credential-pass'], 'credsStore'),
    case('helper-babbles', store('pass', 'head -c 3000000 /dev/urandom'), 'credential-helper-garbled',
         ['/docker-credential-pass'], 'Install it anew'),
    case('helper-fails-otherwise', failing('pass', 'the vault is on fire'), 'credential-helper-failed',
         ['the vault is on fire', 'credsStore'], '/docker-credential-pass list'),
    case('helper-without-its-interpreter', store('pass', '#!/missing/interpreter\n'), 'credential-helper-failed',
         ['No such file or directory']),
    case('config-is-no-json', home('.docker/config.json', '{"auths": {},}'), 'docker-config-invalid',
         ['/.docker/config.json', 'not JSON'], 'move it away'),
    case('config-is-a-list', home('.docker/config.json', []), 'docker-config-invalid', ['list'], 'move it away'),
    case('config-is-a-directory', home('.docker/config.json/x', ''), 'docker-config-invalid', ['Is a directory'],
         'move it away'),

    healthy('helper-has-the-login', store('pass', STORED), ['docker-credential-pass works']),
    healthy('helper-has-no-login', store('pass', NOT_STORED), ['docker-credential-pass works']),
    healthy('helper-cannot-list', store('pass', f'[ "$1" = list ] && exit 1\n{STORED}'), ['works']),
    healthy('helper-broken-for-other-registries', config(credHelpers={'ghcr.io': 'gone'}), ['"gone"']),
    healthy('helper-of-docker-is-not-podman-s', broken(tools(docker=False, podman=True), config(credsStore='gone')),
            ['podman']),
    healthy('config-empty', home('.docker/config.json', '')),
    healthy('config-nowhere', broken(DOCKER_CONFIG='/nowhere'), ['/nowhere/config.json']),
    healthy('config-in-another-place', broken(
        home('other/config.json', {}), config(credsStore='gone'), DOCKER_CONFIG='other'), ['other/config.json']),

    healthy('a-snap-docker-other-config-json', broken(snap, home('.docker/config.json', LOGIN)), [R, f'/{SNAP}'],
            warning='snap-docker-other-config', remedy=f'docker login {R}', **OF_THE_REGISTRY),
    healthy('a-snap-docker-config-env-unreadable', broken(snap, home('abc/config.json', LOGIN), DOCKER_CONFIG='abc'),
            ['abc/config.json', f'/{SNAP}'], warning='snap-docker-other-config', **OF_THE_REGISTRY),
    healthy('snap-docker-with-its-own-login', broken(snap, home('.docker/config.json', LOGIN), home(SNAP, LOGIN)),
            [f'/{SNAP}'], **OF_THE_REGISTRY),
]


@pytest.mark.parametrize('case', CASES, ids=lambda row: row.id)
def test_a_helper(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    run = prove(lab, case, request)
    assert '"planted"' not in run.stdout and 'dTpwbGFudGVk' not in run.stdout
    assert not [line for line in lab.processes().values() if 'sleep 600' in line]
