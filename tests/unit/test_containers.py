"""Which container client is the user's, and where it looks for its daemon."""

import http.server
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrhealth.clients import containers
from azext_acrhealth.clients.containers import Client, endpoint_of
from tests.stand_ins import Machine


@pytest.fixture(name='machine')
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_docker_comes_before_podman_and_docker_exe(machine: Machine) -> None:
    names = [str(machine.tool(name, 'true')) for name in ('docker.exe', 'podman', 'docker')]
    assert containers.find().found == names[::-1]


def test_docker_command_comes_first_and_alone(machine: Machine) -> None:
    machine.tool('docker', 'true')
    podman, elsewhere = machine.tool('podman', 'true'), machine.tool('nerdctl', 'true', directory=machine.home)
    machine.setenv(DOCKER_COMMAND='podman')
    assert containers.find().found == [str(podman)]
    machine.setenv(DOCKER_COMMAND=str(elsewhere))
    assert containers.find().found == [str(elsewhere)]
    for wrong in ('nerdctl', 'sudo docker', './nerdctl', '/no/such/docker', str(machine.home)):
        machine.setenv(DOCKER_COMMAND=wrong)
        assert containers.find().found == []


CONTEXTS = 'if [ "$1 $2" = "context inspect" ]; then echo "{}"; fi'


@pytest.mark.parametrize(('environment', 'inspected', 'expected'), [
    ({}, 'default|unix:///var/run/docker.sock', ('unix:///var/run/docker.sock', 'default', True)),
    ({}, 'colima|unix:///h/.colima/default/docker.sock',
     ('unix:///h/.colima/default/docker.sock', 'context colima', False)),
    ({'DOCKER_CONTEXT': 'old'}, 'old|tcp://10.0.0.5:2376', ('tcp://10.0.0.5:2376', 'DOCKER_CONTEXT=old', False)),
    ({'DOCKER_CONTEXT': 'default'}, 'default|unix:///var/run/docker.sock',
     ('unix:///var/run/docker.sock', 'default', True)),
    ({'DOCKER_HOST': 'tcp://h:1', 'DOCKER_CONTEXT': 'old'}, 'default|tcp://h:1', ('tcp://h:1', 'DOCKER_HOST', False)),
    ({'DOCKER_HOST': 'tcp://h:1'}, '', ('tcp://h:1', 'DOCKER_HOST', False)),
    ({}, 'Usage: something else', ('unix:///var/run/docker.sock', 'default', True)),
])
def test_the_endpoint_and_what_named_it(machine: Machine, environment: dict[str, str], inspected: str,
                                        expected: tuple[Any, ...]) -> None:
    client = Client(str(machine.tool('docker', CONTEXTS.format(inspected))), 'docker')
    machine.setenv(**environment)
    endpoint, refused = endpoint_of(client, 5)
    assert (endpoint.host, endpoint.source, endpoint.is_default) == expected and refused is None


def test_podman_is_asked_nothing_to_know_its_endpoint(machine: Machine) -> None:
    client = Client('/no/such/podman', 'podman')
    assert endpoint_of(client, 5)[0].is_default
    machine.setenv(CONTAINER_HOST='ssh://core@127.0.0.1:2222/run/podman.sock')
    assert endpoint_of(client, 5)[0].source == 'CONTAINER_HOST'


def test_the_default_environment_has_nothing_that_leads_elsewhere(machine: Machine) -> None:
    machine.setenv(DOCKER_HOST='tcp://h:1', DOCKER_TLS_VERIFY='1', DOCKER_CERT_PATH='/x', DOCKER_API_VERSION='1.1')
    environment = containers.default_environment()
    assert environment['DOCKER_CONTEXT'] == 'default' and environment['HOME'] == str(machine.home)
    assert not {'DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'DOCKER_API_VERSION'} & set(environment)


class _Engine(http.server.BaseHTTPRequestHandler):
    """What a daemon says of itself over TCP."""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        body = json.dumps({'Version': '28.2.2', 'ApiVersion': '1.50', 'MinAPIVersion': '1.24'}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
        """Say nothing."""


def test_a_daemon_without_a_client_is_found_where_docker_host_leads(machine: Machine) -> None:
    with http.server.HTTPServer(('127.0.0.1', 0), _Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        machine.setenv(DOCKER_HOST=f'tcp://127.0.0.1:{server.server_port}')
        assert containers.engine_without_client() == f'Docker Engine 28.2.2 at tcp://127.0.0.1:{server.server_port}'
        server.shutdown()
    assert containers.engine_without_client() is None


def test_a_daemon_without_a_client_is_found_at_a_local_socket(machine: Machine) -> None:
    path = machine.home / 'docker.sock'
    machine.setenv(DOCKER_HOST=f'unix://{path}')
    assert containers.engine_without_client() is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert containers.engine_without_client() is None
        listener.listen()
        assert str(path) in (containers.engine_without_client() or '')


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.sampled_from(['Server', 'Components', 'Name', 'Version']), inner))


@given(JSON)
def test_facts_are_found_in_any_json_or_not_there(value: Any) -> None:
    assert isinstance(containers.text_at(value, 'Server', 'Version'), (str, type(None)))
    assert isinstance(containers.list_at(value, 'Server', 'Components'), list)


@given(st.text() | st.just('[' * 100000))
def test_whatever_a_tool_prints_is_an_object_or_an_empty_one(text: str) -> None:
    assert isinstance(containers.object_in(text), dict)
