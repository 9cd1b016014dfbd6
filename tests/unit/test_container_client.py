"""The container client and its daemon: the words of real tools (FIELD ids in the table) and the causes behind them."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks import container_daemon
from azext_acrhealth.checks.container_client import CHECK as CLIENT
from azext_acrhealth.checks.container_daemon import CHECK as DAEMON
from azext_acrhealth.clients import daemon_socket, process
from azext_acrhealth.clients.containers import Client, Endpoint
from azext_acrhealth.clients.process import Completed, NotRun
from azext_acrhealth.errors import DockerDaemonError, HealthCheckError
from azext_acrhealth.runner import Found, NotApplicable
from tests.stand_ins import Machine, context, failed, passed

BANNER = 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg'


@pytest.fixture(name='machine')
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


# The client

def test_a_client_is_found_with_its_version(machine: Machine) -> None:
    path = machine.tool('docker', 'echo Docker version 28.2.2, build e6534b4')
    found = passed(CLIENT, context())
    assert found.message == f'docker 28.2.2 at {path}'
    assert found.value == Client(str(path), 'docker', '28.2.2')


@pytest.mark.parametrize(('script', 'kind', 'version'), [
    ('echo podman version 4.3.1', 'podman', '4.3.1'),
    (f'echo "{BANNER}" >&2; echo podman version 5.0.0-dev', 'podman', '5.0.0-dev'),
    (f'echo "{BANNER}" >&2', 'podman', None),
    ('echo nerdctl version 1.7.7', 'docker', '1.7.7'),
    (r"printf '\377\000\033[31m'", 'docker', None),
    ('echo WARNING: something >&2; echo Docker version 20.10.24+dfsg1, build 297e128', 'docker', '20.10.24+dfsg1')])
def test_a_client_is_what_it_says_it_is_and_warnings_fail_nothing(machine: Machine, script: str, kind: str,
                                                                  version: str | None) -> None:
    machine.tool('docker', script)
    found = passed(CLIENT, context())
    assert (found.value.kind, found.value.version) == (kind, version)
    if '>&2' in script:
        assert len(found.details['warnings']) == 1


@pytest.mark.parametrize(('script', 'code', 'cause', 'evidence'), [
    ('echo broken >&2; exit 3', 'DOCKER_VERSION_ERROR', 'client-failed', {'exit_status': 3, 'reason': 'broken'}),
    ('kill -ILL $$', 'DOCKER_VERSION_ERROR', 'client-failed', {'signal': 'SIGILL'}),
    ('sleep 60', 'DOCKER_VERSION_ERROR', 'client-silent', {'seconds': 1}),
    ("echo; echo \"The command 'docker' could not be found in this WSL 2 distro.\"; "
     'echo We recommend to activate the WSL integration in Docker Desktop settings.; exit 1',
     'DOCKER_VERSION_ERROR', 'wsl-docker-stub', {'exit_status': 1}),
    ("echo \"The command 'docker' could not be found in this WSL 1 distro.\"; exit 1",
     'DOCKER_VERSION_ERROR', 'wsl1-without-docker', {'exit_status': 1}),
])
def test_a_client_that_does_not_say_its_version(machine: Machine, script: str, code: str, cause: str,
                                                evidence: dict[str, Any]) -> None:
    path = machine.tool('docker', script)
    error = failed(CLIENT, context(1))
    assert (error.code, error.cause) == (code, cause)
    assert error.evidence.items() >= {**evidence, 'path': str(path)}.items()


def test_a_client_for_another_processor(machine: Machine) -> None:
    path = machine.foreign('docker')
    error = failed(CLIENT, context())
    assert (error.code, error.cause) == ('DOCKER_VERSION_ERROR', 'client-exec-format')
    assert error.evidence['path'] == str(path)


def test_a_client_whose_interpreter_is_gone(machine: Machine) -> None:
    machine.tool('docker', '').write_text('#!/no/such/python\n', encoding='utf-8')
    error = failed(CLIENT, context())
    assert (error.code, error.cause) == ('DOCKER_VERSION_ERROR', 'client-cannot-run')


def test_no_client_anywhere(machine: Machine) -> None:
    error = failed(CLIENT, context())
    assert (error.code, error.cause) == ('DOCKER_COMMAND_ERROR', 'client-missing')
    assert error.evidence['looked_for'] == ['docker', 'podman', 'docker.exe']
    assert error.evidence['searched'] == [str(machine.bin)]


def test_a_node_with_containerd_alone(machine: Machine) -> None:
    path = machine.tool('crictl', '')
    error = failed(CLIENT, context())
    assert error.cause == 'client-missing' and error.evidence['containerd'] == str(path)
    assert 'az aks check-acr' in error.advice.solution


def test_a_client_in_the_current_directory_only(machine: Machine) -> None:
    path = machine.tool('docker', f'touch {machine.home}/it-ran', directory=machine.home)
    machine.setenv(PATH=f'.:{machine.bin}:{machine.home}')
    error = failed(CLIENT, context())
    assert (error.cause, error.evidence['path']) == ('client-in-current-directory', str(path))
    assert not (machine.home / 'it-ran').exists()


def test_a_client_that_is_not_executable(machine: Machine) -> None:
    path = machine.tool('docker', '', mode=0o644)
    error = failed(CLIENT, context())
    assert (error.code, error.cause) == ('DOCKER_COMMAND_ERROR', 'client-not-executable')
    assert error.advice.commands == [f'sudo chmod +x {path}']
    machine.tool('podman', 'echo podman version 4.3.1')
    assert passed(CLIENT, context()).value.kind == 'podman'


def test_a_docker_command_that_is_none(machine: Machine) -> None:
    machine.tool('docker', 'echo Docker version 28.2.2')
    machine.setenv(DOCKER_COMMAND='sudo docker')
    error = failed(CLIENT, context())
    assert (error.code, error.cause, error.evidence['command']) == (
        'DOCKER_COMMAND_ERROR', 'docker-command-missing', 'sudo docker')


@pytest.mark.parametrize('variables', [{'ACC_CLOUD': 'PROD'}, {'AZUREPS_HOST_ENVIRONMENT': 'cloud-shell/1.0'}])
def test_cloud_shell_is_named(machine: Machine, variables: dict[str, str]) -> None:
    machine.setenv(**variables)
    for check in (CLIENT, DAEMON):
        with pytest.raises(NotApplicable, match='Cloud Shell'):
            check.run(context(), {})


# The daemon

SERVER = {'Version': '28.2.2', 'Os': 'linux', 'Components': [{'Name': 'Engine'}]}


def docker(machine: Machine, version: str, inspect: str = 'echo "default|unix:///var/run/docker.sock"') -> Client:
    """Return a stand-in for docker with these answers to `version` and `context inspect`."""
    script = f'case $1 in context) {inspect} ;; version) {version} ;; esac'
    return Client(str(machine.tool('docker', script)), 'docker', '28.2.2')


def says(text: str, status: int = 1) -> str:
    """Return a script that says something on stderr and ends with a status."""
    return f"cat >&2 <<'EOF'\n{text}\nEOF\nexit {status}"


@pytest.mark.parametrize(('server', 'message'), [
    (SERVER, 'Docker Engine 28.2.2 at unix:///var/run/docker.sock'),
    ({**SERVER, 'Os': 'windows'}, 'Docker Engine 28.2.2 (Windows containers) at unix:///var/run/docker.sock'),
    ({**SERVER, 'Components': [{'Name': 'Podman Engine'}], 'Version': '4.3.1'},
     'Podman Engine 4.3.1 at unix:///var/run/docker.sock'),
    (['nonsense'], 'Docker Engine at unix:///var/run/docker.sock'),
])
def test_a_daemon_that_answers(machine: Machine, server: Any, message: str) -> None:
    client = docker(machine, f"echo '{json.dumps({'Server': server})}'")
    found = passed(DAEMON, context(), container_client=client)
    assert found.message == message and found.value.client == client


@pytest.mark.parametrize('noise', [
    # FIELD a-cli-plugin-exec-format: a broken plugin, while docker itself and the daemon work
    'WARNING: Plugin "/h/.docker/cli-plugins/docker-compose" is not valid: failed to fetch metadata: exec format error',
    'WARNING: Error loading config file: /h/.docker/config.json: permission denied'])
def test_warnings_go_into_the_details(machine: Machine, noise: str) -> None:
    client = docker(machine, says(noise, 0), inspect=says(noise, 0))
    assert passed(DAEMON, context(), container_client=client).details['warnings'] == [noise]


def test_a_plain_answer_is_read_too(machine: Machine) -> None:
    client = docker(machine, 'printf "Client:\\n OS/Arch:  linux/amd64\\nServer:\\n  OS/Arch:  windows/amd64\\n"')
    assert passed(DAEMON, context(), container_client=client).value.os == 'windows'


def test_podman_needs_no_daemon(machine: Machine) -> None:
    client = Client(str(machine.tool('podman', 'echo \'{"version": {"Version": "4.3.1"}, "host": {"os": "linux"}}\'')),
                    'podman', '4.3.1')
    found = passed(DAEMON, context(), container_client=client)
    assert found.message == 'Podman 4.3.1 needs no daemon'


CONNECT = 'Cannot connect to the Docker daemon at tcp://10.0.0.5:2376. Is the docker daemon running?'
GET = 'error during connect: Get "http://h:2375/v1.50/version": '


@pytest.mark.parametrize(('words', 'cause', 'evidence'), [
    (CONNECT, 'daemon-unreachable', {'exit_status': 1, 'reason': CONNECT}),
    ('failed to connect to the docker API at tcp://10.0.0.5:2376; check if the path is correct and if the daemon is '
     'running: dial tcp 10.0.0.5:2376: connect: connection refused', 'daemon-refused', {}),
    # FIELD a-gha-windows-engine-not-up
    ('failed to connect to the docker API at npipe:////./pipe/docker_engine; check if the path is correct and if the '
     'daemon is running: open //./pipe/docker_engine: The system cannot find the file specified.',
     'docker-desktop-stopped', {}),
    ('error during connect: Get "http://%2F%2F.%2Fpipe%2FdockerDesktopLinuxEngine/v1.47/version": open '
     '//./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified.', 'docker-desktop-stopped', {}),
    # FIELD a-client-too-old-bundled-compose
    ('Error response from daemon: client version 1.42 is too old. Minimum supported API version is 1.44, please '
     'upgrade your client to a newer version', 'client-api-too-old', {'client_api': '1.42', 'daemon_api': '1.44'}),
    ('Error response from daemon: client version 1.99 is too new. Maximum supported API version is 1.41',
     'client-api-too-new', {'client_api': '1.99', 'daemon_api': '1.41'}),
    ('Failed to initialize: unable to resolve docker endpoint: open /nope/ca.pem: no such file or directory',
     'docker-cert-path', {'file': '/nope/ca.pem'}),
    (GET + 'tls: failed to verify certificate: x509: certificate signed by unknown authority', 'daemon-tls',
     {'tls': 'tls: failed to verify certificate: x509: certificate signed by unknown authority'}),
    ('Error response from daemon: Client sent an HTTP request to an HTTPS server.', 'daemon-tls', {}),
    ('error during connect: Get "http://docker.example.com/v1.50/version": command [ssh -o ConnectTimeout=30 -T -- h '
     'docker system dial-stdio] has exited with exit status 255, make sure the URL is valid, and Docker 18.09 or later '
     'is installed on the remote host: stderr=ssh: connect to host h port 22: Connection refused', 'daemon-ssh',
     {'ssh': 'ssh: connect to host h port 22: Connection refused'}),
    ('error during connect: Get "http://docker.example.com/v1.50/version": exec: "ssh": executable file not found in '
     '$PATH', 'daemon-ssh', {}),
    (GET + 'dial tcp: lookup h on 10.255.255.53:53: no such host', 'daemon-host-unknown',
     {'host': 'h', 'resolver': '10.255.255.53:53'}),
    (GET + 'dial tcp 10.0.0.5:2375: i/o timeout', 'daemon-silent', {}),
    ('panic: runtime error: invalid memory address or nil pointer dereference', 'endpoint-unusable', {}),
    ('unable to parse docker host `foo`', 'endpoint-unusable', {}),
    ('request returned 500 Internal Server Error for API route and version, check if the server supports the requested '
     'API version', 'daemon-error', {}),
    ('error during connect: in the default daemon configuration on Windows, the docker client must be run with '
     'elevated privileges to connect: Get "http://%2F%2F.%2Fpipe%2Fdocker_engine/v1.24/version": open '
     '//./pipe/docker_engine: Access is denied.', 'daemon-denied', {}),
    ('', 'daemon-error', {'exit_status': 1}),
])
def test_the_words_of_a_client_without_a_daemon(machine: Machine, words: str, cause: str,
                                                evidence: dict[str, Any]) -> None:
    client = docker(machine, says(words), inspect='echo "default|tcp://10.0.0.5:2376"')
    error = failed(DAEMON, context(), container_client=client)
    assert (error.code, error.cause) == ('DOCKER_DAEMON_ERROR', cause)
    assert error.evidence.items() >= {**evidence, 'endpoint': 'tcp://10.0.0.5:2376'}.items()


def test_a_daemon_that_is_silent(machine: Machine) -> None:
    client = docker(machine, 'sleep 60', inspect='sleep 60')
    error = failed(DAEMON, context(2), container_client=client)
    assert (error.code, error.cause) == ('DOCKER_DAEMON_ERROR', 'daemon-silent')
    assert 0 < error.evidence['seconds'] < 2 and 'did not answer in' in error.advice.message


def test_a_client_that_vanished_in_between(machine: Machine) -> None:
    error = failed(DAEMON, context(), container_client=Client(str(machine.bin / 'docker'), 'docker'))
    assert (error.code, error.cause) == ('DOCKER_DAEMON_ERROR', 'daemon-client-gone')


def at(endpoint: str, words: str = 'Is the docker daemon running?') -> str:
    """Return what docker says where nobody is."""
    return f'Cannot connect to the Docker daemon at {endpoint}. {words}'


# A docker that reaches a daemon at the default endpoint only.
HALF = f"""if [ -n "$DOCKER_HOST" ] || [ "${{DOCKER_CONTEXT-old}}" != default ]; then
{says(at('there'))}
fi; echo '{{"Server": {{"Version": "28.2.2"}}}}'"""


@pytest.mark.parametrize(('variables', 'inspected', 'cause', 'command'), [
    # FIELD a-docker-host-rootless-for-root
    ({'DOCKER_HOST': 'unix:///run/user/0/docker.sock'}, 'default|unix:///run/user/0/docker.sock',
     'docker-host-left-behind', 'unset DOCKER_HOST'),
    ({'DOCKER_CONTEXT': 'old'}, 'old|unix:///gone.sock', 'docker-host-left-behind', 'unset DOCKER_CONTEXT'),
    ({}, 'old|unix:///gone.sock', 'docker-context-left-behind', 'docker context use default'),
    # FIELD a-rootless-xdg-runtime-dir-missing
    ({'DOCKER_HOST': 'unix:///docker.sock'}, 'default|unix:///docker.sock', 'docker-host-without-runtime-dir',
     'unset DOCKER_HOST'),
])
def test_what_was_left_behind_names_both_endpoints(machine: Machine, variables: dict[str, str], inspected: str,
                                                   cause: str, command: str) -> None:
    client = docker(machine, HALF, inspect=f'echo "{inspected}"')
    machine.setenv(**variables)
    error = failed(DAEMON, context(), container_client=client)
    assert error.cause == cause and command in error.advice.commands
    assert inspected.split('|')[1] in error.advice.message and 'unix:///var/run/docker.sock' in error.advice.message


def test_an_endpoint_that_nobody_serves_is_not_left_behind_where_the_default_one_is_dead_too(machine: Machine) -> None:
    client = docker(machine, says(at('there')), inspect='echo "default|unix:///no/such.sock"')
    machine.setenv(DOCKER_HOST='unix:///no/such.sock')
    error = failed(DAEMON, context(), container_client=client)
    assert error.cause == 'daemon-socket-missing' and 'DOCKER_HOST' in error.advice.message


def test_an_unknown_context(machine: Machine) -> None:
    words = 'context "nope": context not found: open /h/meta.json: no such file or directory'
    client = docker(machine, says('Failed to initialize: ' + words), inspect=says(words))
    machine.setenv(DOCKER_CONTEXT='nope')
    error = failed(DAEMON, context(), container_client=client)
    assert error.cause == 'docker-context-unknown' and error.evidence['context'] == 'nope'
    assert 'unset DOCKER_CONTEXT' in error.advice.commands


def test_podman_beside_a_dead_docker_is_named(machine: Machine) -> None:
    client = docker(machine, says(at('there')))
    podman = machine.tool('podman', 'exit 0')
    error = failed(DAEMON, context(), container_client=client)
    assert f'export DOCKER_COMMAND={podman}' in error.advice.commands and str(podman) in error.advice.solution
    machine.tool('podman', 'exit 125')
    assert 'podman' not in failed(DAEMON, context(), container_client=client).evidence


@pytest.mark.parametrize(('words', 'cause'), [
    ('Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection '
     'list`, or try `podman machine init` and `podman machine start` to manage a new Linux VM',
     'podman-machine-stopped'),
    ('Error: cannot clone: Operation not permitted', 'podman-failed')])
def test_a_podman_that_does_not_work(machine: Machine, words: str, cause: str) -> None:
    client = Client(str(machine.tool('podman', says(words, 125))), 'podman')
    error = failed(DAEMON, context(), container_client=client)
    assert (error.code, error.cause) == ('DOCKER_DAEMON_ERROR', cause)


def explained(where: Path, words: str = 'Is the docker daemon running?') -> DockerDaemonError:
    """Return what a docker whose daemon is at that socket comes to."""
    answer = Completed(1, '', at(str(where), words), 1)
    endpoint = Endpoint(f'unix://{where}', 'DOCKER_HOST', False)
    return container_daemon.explain(Client('/no/such/docker', 'docker'), endpoint, answer, 1)


@pytest.mark.usefixtures('machine')
def test_a_socket_is_looked_at(tmp_path: Path) -> None:
    stale, directory, live = tmp_path / 'stale.sock', tmp_path / 'directory.sock', tmp_path / 'live.sock'
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    directory.mkdir()
    assert explained(tmp_path / 'missing.sock').cause == 'daemon-socket-missing'
    assert explained(stale).cause == 'daemon-refused'
    assert explained(directory).cause == 'daemon-socket-directory'
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(live))
        listening.listen()
        assert explained(live).cause == 'daemon-unreachable'


@pytest.mark.usefixtures('machine')
@pytest.mark.parametrize(('access', 'cause', 'commands'), [
    (daemon_socket.Access('ann', 'docker', False, False), 'docker-group',
     ['sudo usermod -aG docker ann', 'newgrp docker']),
    (daemon_socket.Access('ann', 'docker', False, True), 'docker-group-session', ['newgrp docker']),
    (daemon_socket.Access('ann', 'root', True, False), 'daemon-denied', ['ls -l /x.sock']),
    (None, 'daemon-denied', []),
])
def test_permission_denied_names_the_group(monkeypatch: pytest.MonkeyPatch, access: Any, cause: str,
                                           commands: list[str]) -> None:
    monkeypatch.setattr(daemon_socket, 'access', lambda path: access)
    error = explained(Path('/x.sock'), 'permission denied while trying to connect to the Docker daemon socket')
    assert error.cause == cause and [c for c in error.advice.commands if 'unset' not in c] == commands


@pytest.mark.usefixtures('machine')
def test_the_access_to_a_real_socket(tmp_path: Path) -> None:
    (tmp_path / 'x').touch()
    os.chown(tmp_path / 'x', -1, os.getgid())
    access = daemon_socket.access(str(tmp_path / 'x'))
    assert access and access.of_root == (os.getgid() == 0)
    assert daemon_socket.access(str(tmp_path / 'y')) is None


def at_default() -> DockerDaemonError:
    """Return what a docker comes to that finds no socket at its default endpoint."""
    default = Endpoint('unix:///no/such/docker.sock', 'default', True)
    answer = Completed(1, '', at(default.host), 1)
    return container_daemon.explain(Client('/no/such/docker', 'docker'), default, answer, 1)


def test_a_pod_can_have_no_daemon(machine: Machine) -> None:
    machine.setenv(KUBERNETES_SERVICE_HOST='10.0.0.1')
    error = at_default()
    assert error.cause == 'pod-without-daemon' and '--expose-token' in error.advice.solution


@pytest.mark.usefixtures('machine')
@pytest.mark.parametrize(('kernel', 'cause'), [
    ('Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x)', 'wsl-without-docker'),
    ('Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)', 'wsl1-without-docker')])
def test_wsl_is_known_by_its_kernel(monkeypatch: pytest.MonkeyPatch, kernel: str, cause: str) -> None:
    monkeypatch.setattr(container_daemon, '_kernel', lambda: kernel)
    assert at_default().cause == cause


@pytest.mark.usefixtures('machine')
@pytest.mark.parametrize(('marker', 'dockerd', 'cause'), [
    (True, False, 'container-without-daemon'), (True, True, 'daemon-socket-missing'),
    (False, False, 'daemon-socket-missing')])
def test_a_container_without_an_engine_of_its_own_can_have_no_daemon(monkeypatch: pytest.MonkeyPatch, marker: bool,
                                                                     dockerd: bool, cause: str) -> None:
    monkeypatch.setattr(container_daemon, '_kernel', lambda: '')
    monkeypatch.setattr(os.path, 'exists', lambda path: marker)
    monkeypatch.setattr(container_daemon, '_has_dockerd', lambda: dockerd)
    assert at_default().cause == cause


# Whatever tools do

OUTPUT = st.text() | st.sampled_from([CONNECT, '{"Server": []}', '{"Server": {"Components": [1]}}', 'x' * 100000])
ANSWER = st.builds(Completed, st.none() | st.integers(-70, 255), OUTPUT, OUTPUT, st.just(1.0))


def sometimes(answer: Completed | NotRun) -> Completed:
    """Return the answer, or raise it."""
    if isinstance(answer, NotRun):
        raise answer
    return answer


@settings(deadline=None)
@given(st.lists(ANSWER | st.builds(NotRun, st.builds(OSError, st.integers(1, 40), st.text())), min_size=6, max_size=6),
       st.sampled_from(['docker', 'podman']))
def test_whatever_the_client_does_the_code_is_right(answers: list[Completed | NotRun], kind: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        later = iter(answers * 3)
        patch.setattr(process, 'run', lambda *_, **__: sometimes(next(later)))
        patch.setattr(process, 'search', lambda *names: process.Search(names, ['/x/docker'], [], [], []))
        for check, needs, codes in ((CLIENT, {}, {'DOCKER_VERSION_ERROR'}),
                                    (DAEMON, {'container-client': Client('/x/docker', kind)}, {'DOCKER_DAEMON_ERROR'})):
            try:
                assert isinstance(check.run(context(), needs), Found)
            except HealthCheckError as error:
                assert error.code in codes and error.advice.message
