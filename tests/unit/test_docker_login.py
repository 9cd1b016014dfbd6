"""The container client's own login: whatever a file or a helper holds, and which files podman reads."""
from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks import docker_config
from azext_acrhealth.checks.docker_login import CHECK
from azext_acrhealth.clients import process
from azext_acrhealth.clients.containers import Client
from azext_acrhealth.clients.process import Completed
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Found, NotApplicable
from tests.stand_ins import Machine, context

R = 'contosoprod.azurecr.io'
DOCKER, PODMAN = Client('/usr/bin/docker', 'docker'), Client('/usr/bin/podman', 'podman')
SECRET = 's3cr3t-planted'


def token(content: Any) -> str:
    """A token that says this."""
    return 'e30.' + base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip('=') + '.' + SECRET


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3))
TOKEN = st.builds(lambda end: token({'exp': end}), JSON | st.integers(0, 10 ** 11)) | st.builds(token, JSON)
AUTH = st.builds(lambda user, secret: base64.b64encode(f'{user}:{secret}'.encode()).decode(),
                 st.text(st.characters(exclude_categories=['Cs']), max_size=9), TOKEN | st.just(SECRET))
LOGIN = st.fixed_dictionaries({}, optional={
    'auth': AUTH | JSON, 'identitytoken': TOKEN | JSON, 'registrytoken': TOKEN | JSON, 'username': JSON,
    'password': st.just(SECRET)})
CONFIG = st.fixed_dictionaries({}, optional={
    'auths': st.dictionaries(st.sampled_from([R, R.upper(), f'https://{R}/v1/']) | st.text(max_size=9), LOGIN | JSON,
                             max_size=3) | JSON,
    'credsStore': st.sampled_from(['x', '']) | JSON, 'credHelpers': st.just({R: 'x'}) | JSON}) | JSON
STORED = st.fixed_dictionaries({}, optional={'Username': JSON, 'Secret': TOKEN | JSON | st.just(SECRET)})
ANSWER = st.builds(Completed, st.just(0) | st.none() | st.integers(-70, 255), STORED.map(json.dumps) | st.text(),
                   st.text(), st.just(1.0))


@settings(deadline=None, max_examples=300)
@given(st.binary() | CONFIG.map(json.dumps).map(str.encode), ANSWER, st.sampled_from([DOCKER, PODMAN]))
def test_whatever_is_kept_a_finding_comes_of_it_and_no_secret(content: bytes, answer: Completed,
                                                              client: Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_config, '_content', lambda path: content)
        patch.setattr(process, 'run', lambda *_, **__: answer)
        patch.setattr(process, 'search', lambda *names: process.Search(names, ['/x/helper'], [], [], []))
        try:
            found = CHECK.run(context(host=R, registry='contosoprod'), {
                'container-client': client, 'login-server': SimpleNamespace(login_server=R)})
        except NotApplicable as stopped:
            assert SECRET not in str(stopped)
            return
    assert isinstance(found, Found) and found.value is None
    assert SECRET not in f'{found.message} {found.details}'
    if found.warning:
        assert isinstance(found.warning, HealthCheckError) and found.warning.code == 'DOCKER_LOGIN_ERROR'
        assert SECRET not in f'{found.warning} {found.warning.evidence}'


@pytest.mark.parametrize('variables, read', [
    ({}, '.config/containers/auth.json'),
    ({'XDG_CONFIG_HOME': 'mine'}, 'mine/containers/auth.json'),
    ({'XDG_RUNTIME_DIR': 'run'}, 'run/containers/auth.json'),
    ({'DOCKER_CONFIG': 'other', 'XDG_RUNTIME_DIR': 'run'}, 'other/config.json'),
    ({'REGISTRY_AUTH_FILE': 'own.json', 'DOCKER_CONFIG': 'other'}, 'own.json')])
def test_which_file_of_podman_is_read_first(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str],
                                            read: str) -> None:
    monkeypatch.delenv('XDG_CONFIG_HOME', raising=False)
    machine = Machine(tmp_path, monkeypatch)
    machine.setenv(**variables)
    names = ['.config/containers/auth.json', 'mine/containers/auth.json', 'run/containers/auth.json',
             'other/config.json', 'own.json', '.docker/config.json']
    for name in names:
        machine.file(name, json.dumps({'auths': {R: {'auth': base64.b64encode(f'{name}:x'.encode()).decode()}}}))
    found = CHECK.run(context(host=R), {'container-client': PODMAN, 'login-server': SimpleNamespace(login_server=R)})
    assert isinstance(found, Found) and found.details['username'] == read
    assert found.details['config'].endswith(read)
