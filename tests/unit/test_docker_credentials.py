"""Credential helpers: which one is asked, and the words of those whose store does not open (FIELD ids in the table)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks import docker_config
from azext_acrhealth.checks.docker_credentials import CHECK
from azext_acrhealth.clients import process
from azext_acrhealth.clients.containers import Client
from azext_acrhealth.clients.process import Completed
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Found, NotApplicable
from tests.stand_ins import Machine, context, failed, passed

R = 'contosoprod.azurecr.io'
DOCKER, PODMAN = Client('/usr/bin/docker', 'docker'), Client('/usr/bin/podman', 'podman')
SNAP = Client('/snap/bin/docker', 'docker')
STORED = '{"ServerURL":"https://contosoprod.azurecr.io","Username":"u","Secret":"s3cr3t"}'


@pytest.fixture(name='machine')
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def config(machine: Machine, value: Any, name: str = '.docker/config.json') -> str:
    """Write a configuration and return its path."""
    return str(machine.file(name, value if isinstance(value, str) else json.dumps(value)))


def helper(machine: Machine, get: str, listing: str = "echo '{}'", name: str = 'x') -> Path:
    """Put a credential helper on PATH."""
    return machine.tool(f'docker-credential-{name}', f'case $1 in get) {get} ;; list) {listing} ;; esac')


def error_of(run: Any, client: Client = DOCKER) -> HealthCheckError:
    """Return what the check warned of or failed by."""
    return failed(CHECK, run, container_client=client)


@pytest.mark.parametrize('value', [
    None, {}, '', '  \n', {'auths': {R: {}}}, {'credsStore': ''}, {'credsStore': None}, {'credsStore': ['x']},
    {'credHelpers': []}, {'credHelpers': {R: 7}}, {'auths': 3}])
def test_no_helper_is_no_trouble(machine: Machine, value: Any) -> None:
    path = str(machine.home / '.docker/config.json') if value is None else config(machine, value)
    found = passed(CHECK, context(host=R), container_client=DOCKER)
    assert found.message == 'No credential helper is configured' and found.details['config'] == path


@pytest.mark.parametrize('get', [
    f"cat > $HOME/asked; echo '{STORED}'", 'echo credentials not found in native keychain; exit 1'])
def test_a_helper_that_works_and_gives_nothing_away(machine: Machine, get: str) -> None:
    config(machine, {'credsStore': 'x'})
    helper(machine, get)
    found = passed(CHECK, context(host=R), container_client=DOCKER)
    assert found.message == 'docker-credential-x works' and 's3cr3t' not in str(found)
    if 'asked' in get:
        assert (machine.home / 'asked').read_text(encoding='utf-8') == R


def test_a_helper_that_cannot_list_works_all_the_same(machine: Machine) -> None:
    config(machine, {'credHelpers': {R: 'x'}})
    helper(machine, f"echo '{STORED}'", 'echo not implemented; exit 1')
    passed(CHECK, context(host=R), container_client=DOCKER)


@pytest.mark.parametrize(('value', 'host', 'asked'), [
    ({'credsStore': 'store', 'credHelpers': {R: 'own'}}, R, 'own'),
    ({'credsStore': 'store', 'credHelpers': {f'https://{R}/v1/': 'own'}}, R, 'own'),
    ({'credsStore': 'store', 'credHelpers': {'ghcr.io': 'own'}}, R, 'store'),
    ({'credHelpers': {'mcr.microsoft.com': 'own', R: 'other'}}, None, 'own'),
    ({'credHelpers': {'ghcr.io': 'own'}}, R, None)])
def test_the_helper_of_this_registry_is_asked(machine: Machine, value: Any, host: str | None,
                                              asked: str | None) -> None:
    config(machine, value)
    for name in ('store', 'own', 'other'):
        helper(machine, f"echo '{STORED}'", name=name)
    found = passed(CHECK, context(host=host), container_client=DOCKER)
    assert found.details['helper'] == asked
    assert found.details['server'] == (host or 'mcr.microsoft.com')


def test_a_missing_helper_of_another_registry_is_a_note(machine: Machine) -> None:
    config(machine, {'credHelpers': {'ghcr.io': 'gone', R: 'x'}})
    helper(machine, f"echo '{STORED}'")
    found = passed(CHECK, context(host=R), container_client=DOCKER)
    assert found.details['missing_for_other_registries'] == ['gone']


def test_a_helper_that_is_not_there(machine: Machine) -> None:
    path = config(machine, {'credsStore': 'desktop'})
    error = error_of(context(host=R))
    assert (error.code, error.cause) == ('CREDENTIAL_HELPER_ERROR', 'credential-helper-missing')
    assert 'docker-credential-desktop' in error.advice.message and path in error.advice.message
    assert 'credsStore' in error.advice.solution
    path = str(machine.tool('docker-credential-desktop', '', mode=0o644))
    error = error_of(context(host=R))
    assert (error.cause, error.evidence['path']) == ('credential-helper-not-executable', path)
    machine.foreign('docker-credential-desktop').chmod(0o755)
    assert error_of(context(host=R)).cause == 'credential-helper-exec-format'  # FIELD a-credential-helper-exec-format


@pytest.mark.parametrize(('words', 'cause'), [
    # FIELD a-keychain-locked-over-ssh, a-keychain-wrong-passphrase
    ('error getting credentials - err: exit status 1, out: `User interaction is not allowed.`', 'keychain-locked'),
    ('The user name or passphrase you entered is not correct.', 'keychain-passphrase'),
    # FIELD a-pass-gpg-no-public-key, a-pass-locked-no-secret-key
    ('exit status 1: gpg: sec: skipped: No public key\ngpg: [stdin]: encryption failed: No public key',
     'pass-wrong-key'),
    ('error fetching password during initialization: exit status 2: gpg: decryption failed: No secret key',
     'pass-locked'),
    ('pass not initialized: exit status 1: Error: password store is empty. Try "pass init".', 'pass-not-initialized'),
    ('exec: "pass": executable file not found in $PATH', 'pass-not-initialized'),
    ('Cannot autolaunch D-Bus without X11 $DISPLAY', 'secret-service-missing'),
    ('Cannot create an item in a locked collection', 'secret-service-locked'),
    # FIELD a-wincred-no-logon-session, a-credential-desktop-invalid-argument
    ('A specified logon session does not exist. It may already have been terminated.', 'wincred-no-session'),
    ('/usr/bin/docker-credential-desktop.exe: Invalid argument', 'credential-helper-exec-format'),
    ('', 'credential-helper-failed'),  # FIELD a-pass-locked-silent-anonymous-pull
    ('something nobody has seen yet', 'credential-helper-failed')])
@pytest.mark.parametrize('stream', ['', '>&2'])
def test_the_words_of_a_store_that_does_not_open(machine: Machine, words: str, cause: str, stream: str) -> None:
    config(machine, {'credHelpers': {R: 'x'}})
    path = helper(machine, f"cat {stream} <<'EOF'\n{words}\nEOF\nexit 1")
    error = error_of(context(host=R))
    assert (error.code, error.cause) == ('CREDENTIAL_HELPER_ERROR', cause)
    assert error.evidence.items() >= {'path': str(path), 'exit_status': 1, 'server': R}.items()
    assert f'credHelpers["{R}"]' in error.advice.solution


def test_a_password_store_that_was_never_initialized(machine: Machine) -> None:
    config(machine, {'credsStore': 'pass'})
    helper(machine, 'echo \'{"ServerURL":"x","Username":"","Secret":""}\'', name='pass')
    assert error_of(context(host=R)).cause == 'pass-not-initialized'


def test_a_store_that_opens_for_nothing_else_is_found_by_listing(machine: Machine) -> None:
    config(machine, {'credsStore': 'x'})
    helper(machine, 'echo credentials not found in native keychain; exit 1',
           'echo User interaction is not allowed.; exit 1')
    assert error_of(context(host=R)).cause == 'keychain-locked'


@pytest.mark.parametrize(('get', 'cause'), [
    ('sleep 60', 'credential-helper-silent'), ('exit 0', 'credential-helper-garbled'),
    ('echo "[]"', 'credential-helper-garbled'),
    (r"printf '\377\000s3cr3t'", 'credential-helper-garbled'),
    (f"echo '{STORED}'; exit 1", 'credential-helper-failed'),
    ('head -c 3000000 /dev/zero', 'credential-helper-garbled')])
def test_a_helper_that_speaks_otherwise(machine: Machine, get: str, cause: str) -> None:
    config(machine, {'credsStore': 'x'})
    helper(machine, get)
    error = error_of(context(1.5, host=R))
    assert (error.code, error.cause) == ('CREDENTIAL_HELPER_ERROR', cause)
    assert 's3cr3t' not in f'{error} {error.evidence} {error.advice}'


@pytest.mark.parametrize(('text', 'reason'), [
    ('{', 'not JSON'), ('[]', 'list'), ('"x"', 'str'), ('null', 'NoneType'), ('\x00\x01', 'not JSON'),
    ('[' * 100000, 'JSON')])
def test_a_configuration_that_is_none(machine: Machine, text: str, reason: str) -> None:
    path = config(machine, text)
    error = error_of(context(host=R))
    assert (error.code, error.cause) == ('CREDENTIAL_HELPER_ERROR', 'docker-config-invalid')
    assert reason in error.evidence['reason'] and path in error.advice.message


def test_a_configuration_that_is_a_directory(machine: Machine) -> None:
    (machine.home / '.docker/config.json').mkdir(parents=True)
    assert error_of(context(host=R)).cause == 'docker-config-invalid'


def test_docker_config_is_followed(machine: Machine) -> None:
    config(machine, {'credsStore': 'gone'})
    config(machine, {}, 'elsewhere/config.json')
    machine.setenv(DOCKER_CONFIG=str(machine.home / 'elsewhere'))
    passed(CHECK, context(host=R), container_client=DOCKER)


def test_podman_reads_its_own_file_and_no_creds_store(machine: Machine) -> None:
    config(machine, {'credsStore': 'gone', 'credHelpers': {'ghcr.io': 'gone'}})
    machine.setenv(REGISTRY_AUTH_FILE=config(machine, {}, 'auth.json'))
    passed(CHECK, context(host=R), container_client=PODMAN)
    config(machine, {'credHelpers': {R: 'gone'}}, 'auth.json')
    assert error_of(context(host=R), PODMAN).cause == 'credential-helper-missing'


def test_a_snap_reads_another_file(machine: Machine) -> None:
    # FIELD a-snap-docker-other-config-json, a-snap-docker-config-env-unreadable
    usual = config(machine, {'auths': {f'https://{R}': {'auth': 's3cr3t'}}, 'credsStore': 'gone'})
    error = error_of(context(host=R), SNAP)
    assert (error.code, error.cause, error.evidence['login_in']) == (
        'CREDENTIAL_HELPER_ERROR', 'snap-docker-other-config', usual)
    assert 's3cr3t' not in str(error.evidence)
    assert isinstance(CHECK.run(context(host=R), {'container-client': SNAP}), Found), 'a warning'
    config(machine, {'auths': {R: {}}}, 'snap/docker/current/.docker/config.json')
    passed(CHECK, context(host=R), container_client=SNAP)


def test_a_snap_is_known_by_its_place() -> None:
    assert docker_config.is_snap(SNAP)
    assert not docker_config.is_snap(DOCKER)


def test_docker_exe_keeps_its_configuration_elsewhere(machine: Machine) -> None:
    config(machine, {'credsStore': 'gone'})
    with pytest.raises(NotApplicable, match='Windows'):
        CHECK.run(context(host=R), {'container-client': Client('/mnt/c/docker.exe', 'docker')})


def test_cloud_shell_is_named(machine: Machine) -> None:
    machine.setenv(ACC_CLOUD='PROD')
    with pytest.raises(NotApplicable, match='Cloud Shell'):
        CHECK.run(context(), {'container-client': DOCKER})


JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(['credsStore', 'credHelpers', 'auths', R]), inner))
ANSWER = st.builds(Completed, st.none() | st.integers(-70, 255), st.text(), st.text(), st.just(1.0))


@settings(deadline=None)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), ANSWER, st.sampled_from([DOCKER, PODMAN]))
def test_whatever_is_configured_and_said_the_code_is_right(content: bytes, answer: Completed, client: Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_config, '_content', lambda path: content)
        patch.setattr(process, 'run', lambda *_, **__: answer)
        patch.setattr(process, 'search', lambda *names: process.Search(names, ['/x/helper'], [], [], []))
        try:
            assert isinstance(CHECK.run(context(host=R), {'container-client': client}), Found)
        except HealthCheckError as error:
            assert error.code == 'CREDENTIAL_HELPER_ERROR' and error.advice.message
