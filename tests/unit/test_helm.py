"""Helm's version, in all the ways in which Helm 2, 3 and 4 say it or do not (FIELD ids in the tables)."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks.helm import CHECK
from azext_acrhealth.clients import process
from azext_acrhealth.clients.process import Completed, NotRun
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Found, NotApplicable
from tests.stand_ins import Machine, context, failed, passed

V4 = 'version.BuildInfo{Version:"v4.3.1", GitCommit:"x", GitTreeState:"clean", GoVersion:"go1.25", Kube:"v1"}'
V3 = 'version.BuildInfo{Version:"v3.10.3", GitCommit:"835b733", GitTreeState:"clean", GoVersion:"go1.18.9"}'


def two(version: str, who: str = 'Client') -> str:
    """Return the line of Helm 2."""
    return f'{who}: &version.Version{{SemVer:"v{version}", GitCommit:"cf1de4f", GitTreeState:"clean"}}'


@pytest.fixture(name='machine')
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def says(out: str, err: str = '', status: int = 0, then: str = '') -> str:
    """Return a script that prints to both streams and ends with a status."""
    return f"cat <<'EOF'\n{out}\nEOF\ncat >&2 <<'EOF'\n{err}\nEOF\n{then}\nexit {status}"


@pytest.mark.parametrize(('script', 'version', 'warnings'), [
    (says(V4), '4.3.1', 0), (says(V3), '3.10.3', 0),
    (says('v3.17.1+g980d8ac'), '3.17.1', 0),
    (says('version.BuildInfo{Version:"v5.0.0-rc.1"}'), '5.0.0-rc.1', 0),
    # FIELD c-helm3-version-plain and c-helm3-plugin-unknown-field: noise of kubeconfig and plugins
    (says(V3, 'WARNING: Kubernetes configuration file is group-readable. This is insecure. Location: /h/config\n'
              'WARNING: Kubernetes configuration file is world-readable. This is insecure. Location: /h/config'),
     '3.10.3', 2),
    (says(V3, 'failed to load plugins: failed to load plugin at "/h/plugin.yaml": unknown field "platformHooks"'),
     '3.10.3', 1),
    # FIELD c-helm3-unreachable-config: other commands fail, this one does not
    ('[ "$1" = version ] || exit 1\n' + says(V3), '3.10.3', 0)])
def test_a_helm_that_is_new_enough(machine: Machine, script: str, version: str, warnings: int) -> None:
    path = machine.tool('helm', script)
    found = passed(CHECK, context())
    assert found.message == f'Helm {version} at {path}'
    assert len(found.details.get('warnings', [])) == warnings


@pytest.mark.parametrize(('script', 'version'), [
    (says(two('2.15.1') + '\n' + two('2.15.1', 'Server')), '2.15.1'),  # FIELD c-helm2-client-and-server
    (says(two('2.16.3'), 'Error: could not find tiller', 1), '2.16.3'),  # FIELD c-helm-downgraded-2-in-cloud-shell
    (says(two('2.11.0')), '2.11.0'),
    # FIELD c-helm2-tiller-error-hides-client
    (f'[ "$2" = -c ] && echo \'{two("2.12.0")}\' && exit 0\n' + says('', 'Error: could not find a ready tiller pod', 1),
     '2.12.0')])
def test_helm_2_works_and_is_warned_of(machine: Machine, script: str, version: str) -> None:
    machine.tool('helm', script)
    error = failed(CHECK, context())
    assert (error.code, error.cause) == ('HELM_VERSION_ERROR', 'helm-unsupported')
    assert error.evidence['version'] == version
    assert isinstance(CHECK.run(context(), {}), Found)


@pytest.mark.parametrize(('script', 'version'), [
    (says(two('2.9.1'), 'Error: cannot connect to Tiller', 1), '2.9.1'),  # FIELD c-helm2-client-then-tiller-error
    (says(two('2.8.2'), then='sleep 60'), '2.8.2'),  # FIELD c-helm2-version-hangs
    (says('Client: v2.1.0+ga72cebe\nServer: v2.1.0+gb7b6484'), '2.1.0'),  # FIELD c-helm2-version-short
    (says(two('2.11.0-rc.4')), '2.11.0-rc.4'), (says(two('2.10.999')), '2.10.999')])
def test_an_obsolete_helm_fails_by_version(machine: Machine, script: str, version: str) -> None:
    machine.tool('helm', script)
    error = failed(CHECK, context(1.5))
    assert (error.code, error.cause) == ('HELM_VERSION_ERROR', 'helm-obsolete')
    assert error.evidence['version'] == version and error.evidence['needed'] == '2.11.0'
    assert version in error.advice.message and '2.11.0' in error.advice.message
    with pytest.raises(HealthCheckError):
        CHECK.run(context(1.5), {})


@pytest.mark.parametrize(('script', 'cause', 'evidence'), [
    (says('', 'Error: it is broken', 3), 'helm-failed', {'exit_status': 3, 'reason': 'it is broken'}),
    (says(V3, 'Error: it is broken', 1), 'helm-failed', {'exit_status': 1}),
    ('kill -ILL $$', 'helm-failed', {'signal': 'SIGILL'}),
    ('sleep 60', 'helm-silent', {}), (says(V3, then='sleep 60'), 'helm-silent', {}),
    (says('Helm, the Unix launcher 1.2'), 'helm-output', {'output': 'Helm, the Unix launcher 1.2'}),
    (r"printf '\377\000\033[31m'", 'helm-output', {}), ('exit 0', 'helm-output', {}),
    ('head -c 3000000 /dev/zero', 'helm-output', {})])
def test_a_helm_that_does_not_say_its_version(machine: Machine, script: str, cause: str, evidence: Any) -> None:
    path = machine.tool('helm', script)
    error = failed(CHECK, context(1.5))
    assert (error.code, error.cause) == ('HELM_VERSION_ERROR', cause)
    assert error.evidence.items() >= {**evidence, 'path': str(path)}.items()


def test_no_helm(machine: Machine) -> None:
    error = failed(CHECK, context())
    assert (error.code, error.cause) == ('HELM_COMMAND_ERROR', 'helm-missing')
    assert 'helm' in error.evidence['looked_for'] and error.evidence['searched'] == [str(machine.bin)]


def test_helm_exe_will_do(machine: Machine) -> None:
    path = machine.tool('helm.exe', says(V3))
    assert passed(CHECK, context()).message == f'Helm 3.10.3 at {path}'


def test_a_helm_that_is_not_executable_or_in_the_current_directory(machine: Machine) -> None:
    machine.tool('helm', says(V3), directory=machine.home)
    machine.setenv(PATH=f'.:{machine.bin}')
    error = failed(CHECK, context())
    assert (error.code, error.cause) == ('HELM_COMMAND_ERROR', 'helm-in-current-directory')
    path = machine.tool('helm', says(V3), mode=0o644)
    error = failed(CHECK, context())
    assert (error.code, error.cause) == ('HELM_COMMAND_ERROR', 'helm-not-executable')
    assert error.evidence['path'] == str(path)


def test_a_foreign_helm_that_hides_a_good_one(machine: Machine) -> None:
    # FIELD c-snap-helm-shadowed-by-wrong-arch, c-helm-x86-on-raspberry
    foreign = machine.foreign('helm')
    error = failed(CHECK, context())
    assert (error.code, error.cause) == ('HELM_VERSION_ERROR', 'helm-exec-format')
    assert error.evidence['path'] == str(foreign)
    assert 'other' not in error.evidence
    snap = machine.home / 'snap'
    snap.mkdir()
    good = machine.tool('helm', says(V3), directory=snap)
    machine.setenv(PATH=f'{machine.bin}:{snap}')
    error = failed(CHECK, context())
    assert error.evidence.items() >= {'other': str(good), 'other_version': '3.10.3'}.items()
    assert str(good) in error.advice.solution


def test_cloud_shell_is_named(machine: Machine) -> None:
    machine.setenv(ACC_CLOUD='PROD')
    with pytest.raises(NotApplicable, match='Cloud Shell'):
        CHECK.run(context(), {})


PARTS = st.sampled_from(['Client: ', '&version.Version{SemVer:"', 'version.BuildInfo{Version:"', 'v', '2.11.0', '3.1',
                         '.', '\n', '-', '+', '٣.٣.٣', '9' * 5000 + '.1.1', 'tiller', '\x1b[0m'])
OUTPUT = st.text() | st.lists(PARTS, max_size=12).map(''.join)
ANSWER = st.builds(Completed, st.none() | st.integers(-70, 255), OUTPUT, OUTPUT, st.just(1.0))


@settings(deadline=None)
@given(st.lists(ANSWER | st.builds(NotRun, st.builds(OSError, st.integers(1, 40), st.text())), min_size=8, max_size=8))
def test_whatever_helm_does_the_code_is_right(answers: list[Completed | NotRun]) -> None:
    later = iter(answers)

    def answer(*_: Any, **__: Any) -> Completed:
        given_answer = next(later)
        if isinstance(given_answer, NotRun):
            raise given_answer
        return given_answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, 'run', answer)
        patch.setattr(process, 'search', lambda *names: process.Search(names, ['/a/helm', '/b/helm'], [], [], []))
        try:
            assert isinstance(CHECK.run(context(), {}), Found)
        except HealthCheckError as error:
            assert error.code == 'HELM_VERSION_ERROR' and error.advice.message
