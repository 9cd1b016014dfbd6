"""The container client's own sign-in to the registry: where it is kept, and whether it has expired."""
from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.e2e.case import R, Arrange, Case, broken, prove
from tests.e2e.machine import config, home, tools
from tests.e2e.test_credential_helpers import SNAP, snap
from tests.e2e.test_sign_in import nobody
from tests.lab import Environment, Lab
from tests.local_azure import names

ERROR, EXPIRED, LATER = 'DOCKER_LOGIN_ERROR', '2026-01-02 03:04 UTC', '2100-01-02 03:04 UTC'
NULL = '00000000-0000-0000-0000-000000000000'
AGAIN = 'az acr login --name demoregistry'
SECRET = 'planted-in-a-file'
LABELLED = 'labelregistry-h4k8drcuezf2bxgn.azurecr.io'


def token(end: int) -> str:
    """A token of az acr login, as far as it is looked at."""
    return 'eyJhbGciOiJSUzI1NiJ9.' + base64.urlsafe_b64encode(json.dumps({'exp': end}).encode()).decode() + '.planted'


OLD, NEW = token(1767323045), token(4102542245)


def auth(user: str, password: str) -> str:
    """A user name and password as config.json holds them."""
    return base64.b64encode(f'{user}:{password}'.encode()).decode()


def identity(secret: str) -> dict[str, str]:
    """What docker keeps after az acr login."""
    return {'auth': auth(NULL, ''), 'identitytoken': secret}


def kept(secret: str, server: str = R) -> dict[str, Any]:
    """A configuration with that login."""
    return {'auths': {server: identity(secret)}}


def helper(user: str, secret: str) -> Arrange:
    """A credential helper that has the login, and counts how often it is asked for it."""
    answer = json.dumps({'ServerURL': R, 'Username': user, 'Secret': secret})
    return broken(tools(**{'docker-credential-x': f"""case "$1" in get) cat >>"$HOME/asked"; echo >>"$HOME/asked"
        echo '{answer}';; list) echo '{{}}';; esac"""}), config(credsStore='x'))


def signed_in(*args: str, **env: str) -> Arrange:
    """Whoever uses this machine has run az acr login."""
    def arrange(lab: Lab) -> Environment:
        done = lab.az('acr', 'login', '--name', 'demoregistry', *args, env=env)
        assert done.status == 0, done.stderr
        return env
    return arrange


PODMAN = tools(docker=False, podman=True)


def expired(name: str, arrange: Arrange, *evidence: str, **options: Any) -> Case:
    """A case in which the login has expired."""
    return Case(name, arrange, 'docker-login-expired', None, [EXPIRED, *evidence], AGAIN, **options)


def healthy(name: str, arrange: Arrange, *evidence: str, **options: Any) -> Case:
    """A case in which nothing is wrong."""
    return Case(name, arrange, None, None, evidence, **options)


IN, OUT = '"signedIn": true', '"signedIn": false'
CASES = [
    healthy('not-signed-in', broken(), OUT, f'docker is not signed in to {R}'),
    healthy('signed-in-to-another', config(**kept(OLD, 'basicregistry.azurecr.io')), OUT),
    healthy('signed-in-by-az-acr-login', signed_in(), IN, NULL, '"until": "20'),
    # Whatever Podman says on standard error, such as that the machine's cgroups are old, ends az acr login.
    healthy('podman-signed-in-by-az-acr-login', broken(PODMAN, signed_in(
        DOCKER_COMMAND='podman', PODMAN_IGNORE_CGROUPSV1_WARNING='1')), IN, '"podman"'),
    expired('expired', config(**kept(OLD)), R, '/.docker/config.json'),
    healthy('holds', config(**kept(NEW)), IN, LATER),
    expired('expired-with-null-guid', config(auths={R: {'auth': auth(NULL, OLD)}}), R),
    healthy('password', config(auths={R: {'auth': auth('demotoken', SECRET)}}), IN, 'demotoken', 'with a password'),
    healthy('nothing-in-it', config(auths={R: {}}), OUT),
    healthy('no-base64-in-it', config(auths={R: {'auth': '%%%'}}), OUT),
    expired('expired-under-an-address', config(**kept(OLD, f'https://{R}')), R),
    expired('expired-under-an-old-address', config(**kept(OLD, f'https://{R}/v1/')), R),
    healthy('host-before-address', config(auths={f'https://{R}': identity(OLD), R: identity(NEW)}), LATER),
    Case('signed-in-to-capitals', config(**kept(NEW, R.upper())), 'docker-login-other-spelling', None, [R.upper(), OUT],
         AGAIN),
    healthy('signed-in-to-capitals-as-well', config(auths={R.upper(): identity(OLD), R: identity(NEW)}), LATER),
    expired('docker-config-elsewhere', broken(home('other/config.json', kept(OLD)), config(**kept(NEW)),
                                              DOCKER_CONFIG='other'), 'other/config.json'),
    expired('helper-has-an-expired-token', helper('<token>', OLD), '"helper": "x"'),
    healthy('helper-has-a-token', helper(NULL, NEW), LATER),
    healthy('helper-has-a-password', helper('demotoken', SECRET), IN, 'demotoken'),
    healthy('helper-has-nothing', broken(tools(**{'docker-credential-x': 'echo credentials not found in native keychain'
                                                                         '; exit 1'}), config(credsStore='x')), OUT),
    healthy('helper-hides-the-file', broken(helper('demotoken', SECRET), config(credsStore='x', **kept(OLD))), IN),
    expired('snap', broken(snap, home(SNAP, kept(OLD)), config(**kept(NEW))), f'/{SNAP}'),
    healthy('snap-that-holds', broken(snap, home(SNAP, kept(NEW)), config(**kept(OLD))), LATER),
    expired('podman-runtime-dir', broken(PODMAN, home('run/containers/auth.json', kept(OLD)), config(**kept(NEW)),
                                         XDG_RUNTIME_DIR='run'), '"podman"', 'run/containers/auth.json'),
    expired('podman-config-home', broken(PODMAN, home('.config/containers/auth.json', kept(OLD))),
            '/.config/containers/auth.json'),
    expired('podman-reads-docker-s', broken(PODMAN, config(**kept(OLD))), '/.docker/config.json'),
    healthy('podman-own-file-first', broken(PODMAN, home('.config/containers/auth.json', kept(NEW)),
                                            config(**kept(OLD))), LATER),
    expired('podman-auth-file', broken(PODMAN, home('mine.json', kept(OLD)), config(**kept(NEW)),
                                       REGISTRY_AUTH_FILE='mine.json'), 'mine.json'),
    healthy('podman-auth-file-alone', broken(PODMAN, home('mine.json', {}), config(**kept(OLD)),
                                             REGISTRY_AUTH_FILE='mine.json'), OUT),
    healthy('podman-docker-config-alone', broken(
        PODMAN, home('.config/containers/auth.json', kept(OLD)), home('other/config.json', kept(NEW)),
        DOCKER_CONFIG='other'), LATER),
    healthy('label', config(auths={LABELLED: identity(NEW), 'labelregistry.azurecr.io': identity(OLD)}), LATER,
            registry='labelregistry'),
]
ARGS = ['acr', 'check-health-ext', '--name', 'demoregistry', '--skip', 'container-daemon', 'container-pull', 'helm']


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_login(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    whole = Case(case.id, case.arrange, case.cause, case.code, case.evidence, case.remedy, ARGS[4:], case.registry,
                 environment=True)
    run = prove(lab, whole, request)
    assert 'planted' not in run.stdout + run.stderr
    if (lab.home / 'asked').exists():
        assert (lab.home / 'asked').read_text().split() == [R]


def login(report: dict[str, Any]) -> dict[str, Any]:
    """What the report says of the check."""
    return next(row for row in report['checks'] if row['name'] == 'docker-login')


@pytest.mark.parametrize('arrange, reason, said', [
    pytest.param(tools(docker=False), 'needs', 'container-client', id='no client'),
    pytest.param(home('.docker/config.json', '{'), 'not-applicable', 'not JSON', id='no configuration'),
    pytest.param(config(credsStore='gone'), 'not-applicable', 'docker-credential-gone', id='no helper'),
    pytest.param(broken(tools(**{'docker-credential-x': 'echo User interaction is not allowed; exit 1'}),
                        config(credsStore='x')), 'not-applicable', 'docker-credential-x', id='locked helper'),
    pytest.param(broken(tools(**{'docker-credential-x': 'sleep 600'}), config(credsStore='x')), 'not-applicable',
                 'docker-credential-x', id='silent helper'),
])
def test_it_says_nothing_where_another_check_says_why(lab: Lab, arrange: Arrange, reason: str, said: str) -> None:
    arrange(lab)
    report = lab.az(*ARGS, '--timeout', '2').report
    assert (login(report)['status'], login(report)['skipReason']) == ('skipped', reason)
    assert said in login(report)['message']
    assert len(report['rootCauses']) == 1


def test_it_needs_no_sign_in_of_the_azure_cli_and_sends_nothing(lab: Lab) -> None:
    nobody(lab)
    config(auths={R: {'auth': auth('demotoken', SECRET)}, R.upper(): identity(OLD)})(lab)
    lab.azure.clear_journal()
    run = lab.az(*ARGS, '--debug')
    assert (login(run.report)['status'], login(run.report)['details']['username']) == ('passed', 'demotoken')
    for secret in (SECRET, OLD, auth('demotoken', SECRET)):
        assert secret not in run.stdout + run.stderr + json.dumps(lab.azure.journal())
    assert names.REPOSITORY_TOKEN not in json.dumps(lab.azure.journal())
