"""The user's own container client, and the endpoint that it talks to.

The client itself is asked for everything: it follows contexts, DOCKER_HOST, ssh, named pipes and ``docker.exe`` under
WSL as the user's own ``docker`` does, and costs no import. The docker SDK serves where there is no client.
"""

import contextlib
import json
import os
import sys
from typing import Any, Mapping, NamedTuple, Sequence

from . import daemon_socket, process
from .process import Completed, Search

DOCKER, PODMAN = 'docker', 'podman'

#: What makes docker talk to another daemon than that of the default endpoint.
_REDIRECTS = ('DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH',
              'DOCKER_API_VERSION')
# Where no daemon is, which shows at once.
_NOWHERE = 'npipe:////./pipe/nowhere' if sys.platform == 'win32' else 'unix:///nowhere/docker.sock'
DEFAULT_ENDPOINT = 'npipe:////./pipe/docker_engine' if sys.platform == 'win32' else 'unix:///var/run/docker.sock'


class Client(NamedTuple):
    """A container client that runs. ``kind`` is what it is, whatever its file is called."""

    path: str
    kind: str
    version: str | None = None

    @property
    def is_of_windows(self) -> bool:
        """Whether it is docker.exe under WSL, whose daemon and configuration are on the other side."""
        return self.path.lower().endswith('.exe') and sys.platform != 'win32'

    def ask(self, seconds: float, *args: str, env: Mapping[str, str] | None = None, spared: bool = False) -> Completed:
        """Run the client with ``args``; ``spared`` as in ``process.run``."""
        return process.run([self.path, *args], seconds, env=env, spared=spared)


class Endpoint(NamedTuple):
    """Where the client looks for its daemon, and what made it look there."""

    host: str
    source: str
    is_default: bool


class Daemon(NamedTuple):
    """A daemon that answered; for podman, podman itself."""

    client: Client
    endpoint: Endpoint
    name: str
    version: str | None
    os: str | None = None


def find() -> Search:
    """Look for the client as az does: DOCKER_COMMAND, then docker, podman, and Windows' docker.exe under WSL."""
    command = os.environ.get('DOCKER_COMMAND')
    if not command:
        return process.search('docker', 'podman', *(() if sys.platform == 'win32' else ('docker.exe',)))
    if not os.path.isabs(command):
        return process.search(command)
    is_file, runs = os.path.isfile(command), os.access(command, os.X_OK)
    return Search([command], [command] if is_file and runs else [], [command] if is_file and not runs else [], [], [])


def engine_without_client() -> str | None:
    """Return which daemon there is where there is no client to ask it, such as at a mounted socket in a container of
    the Azure CLI; None where there is none. Cannot be interrupted: call it where it may be left."""
    endpoint = os.environ.get('DOCKER_HOST') or DEFAULT_ENDPOINT
    path = daemon_socket.path_of(endpoint)
    if path is not None:
        return f'a daemon at {endpoint}' if daemon_socket.state(path) == 'listening' else None
    # Pipes, TLS and ssh take the docker SDK, whose import costs a tenth of a second. It needs requests whole: see
    # clients/azure.py.
    import requests  # noqa: F401  pylint: disable=unused-import
    import docker
    try:
        with contextlib.closing(docker.from_env(timeout=2)) as sdk:
            return f'Docker Engine {sdk.version()["Version"]} at {endpoint}'
    # Its failures are of every kind: docker, requests, paramiko, KeyError for a broken context.
    except Exception:  # pylint: disable=broad-except
        return None


def endpoint_of(client: Client, seconds: float, context: str | None = None) -> tuple[Endpoint, Completed | None]:
    """Return the client's endpoint, and what ``docker context inspect`` said where it failed. ``context`` is the one
    that docker says it uses, where it said so: where the default one leads is known without asking."""
    if client.kind == PODMAN:
        host = os.environ.get('CONTAINER_HOST')
        return Endpoint(host or 'local', 'CONTAINER_HOST' if host else 'default', not host), None
    if context == 'default' and not os.environ.get('DOCKER_HOST') and not client.is_of_windows:
        return _endpoint('', ''), None
    answer = client.ask(seconds, 'context', 'inspect', '--format', '{{.Name}}|{{.Endpoints.docker.Host}}')
    name, _, host = answer.out.strip().partition('|')
    refused = None if answer.status == 0 else answer
    if not host or len(host) > 500 or '\n' in host:
        name, host = '', ''
    return _endpoint(name, host), refused


def _endpoint(name: str, host: str) -> Endpoint:
    """Return where docker's own order of precedence leads: DOCKER_HOST, DOCKER_CONTEXT, the context in config.json."""
    if given := os.environ.get('DOCKER_HOST'):
        return Endpoint(host or given, 'DOCKER_HOST', False)
    context = os.environ.get('DOCKER_CONTEXT')
    if context and context != 'default':
        return Endpoint(host or f'context {context}', f'DOCKER_CONTEXT={context}', False)
    if name and name != 'default':
        return Endpoint(host, f'context {name}', False)
    return Endpoint(host or DEFAULT_ENDPOINT, 'default', True)


def ask_own_version(path: str, seconds: float) -> Completed:
    """Ask the client at that path for its own version, and nothing of its daemon: docker 20.10 looks for that even
    then, and stops where a context is gone or waits where a daemon is silent."""
    rest = {name: value for name, value in os.environ.items() if name not in _REDIRECTS}
    return process.run([path, '--version'], seconds, env={**rest, 'DOCKER_HOST': _NOWHERE})


def ask_version(client: Client, seconds: float, env: Mapping[str, str] | None = None) -> Completed:
    """Ask the daemon for its version: the smallest question that only it can answer."""
    if client.kind == PODMAN:
        return client.ask(seconds, 'info', '--format', '{{json .}}', env=env)
    return client.ask(seconds, 'version', '--format', '{{json .}}', env=env)


def default_environment() -> Mapping[str, str]:
    """Return this environment without what leads docker away from its default endpoint."""
    rest = {name: value for name, value in os.environ.items() if name not in _REDIRECTS}
    return {**rest, 'DOCKER_CONTEXT': 'default'}


def object_in(text: str) -> Mapping[str, Any]:
    """Return the JSON object that ``text`` holds, an empty one where it holds anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def text_at(value: Any, *path: str) -> str | None:
    """Return the text at ``path`` inside nested objects, None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def list_at(value: Any, *path: str) -> Sequence[Any]:
    """Return the list at ``path`` inside nested objects, an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []
