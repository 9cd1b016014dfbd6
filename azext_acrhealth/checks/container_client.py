"""Whether there is a container client, and whether the daemon that it would use answers."""

import os
import re
import sys
from typing import Any, Mapping

from ..clients import Deadline, containers, process
from ..clients.containers import PODMAN, Client, Daemon, Endpoint
from ..clients.later import Later
from ..clients.process import Completed, NotRun
from ..errors import DockerCommandError, DockerDaemonError, DockerVersionError, HealthCheckError
from ..runner import Check, Found
from . import daemon_trouble
from .reading import Sign, failed_run, first, outside_cloud_shell, searched, time_for, unrunnable, warnings

_VERSION = re.compile(r'\bversion:?\s+"?v?(\d+\.\d+[\w.+~-]*)', re.IGNORECASE)

# The words of Docker Desktop's stand-in for docker in a WSL distribution that it does not serve.
_STUBS = [
    Sign('wsl1-without-docker', r'could not be found in this WSL 1 distro'),
    Sign('wsl-docker-stub', r"could not be found in this WSL 2 distro|activate the WSL integration in Docker Desktop"),
]
# Tools of a node that has containerd alone, which cannot tell what docker would do (FIELD e-containerd-support).
_CONTAINERD = ('crictl', 'ctr')
# A daemon that is well answers in less.
_GLANCE_SECONDS = 0.9
# The first question may use this share of the check's time: explaining a silence takes some as well.
_SHARE = 0.6


def check_client(context: Any, _needs: Mapping[str, Any]) -> Found:
    """Find the container client and ask for its version."""
    outside_cloud_shell()
    search = containers.find()
    if not search.found:
        raise DockerCommandError(_why_not_found(search), command=os.environ.get('DOCKER_COMMAND'),
                                 containerd=next(iter(process.search(*_CONTAINERD).found), None),
                                 engine=_engine_that_answers(), **searched(search))
    path = search.found[0]
    try:
        answer = process.run([path, '--version'], time_for(context))
    except NotRun as refusal:
        cause = 'client-exec-format' if refusal.why == 'exec-format' else 'client-cannot-run'
        raise DockerVersionError(cause, path=path, **unrunnable(refusal)) from refusal
    if answer.timed_out:
        raise DockerVersionError('client-silent', path=path, seconds=round(answer.seconds))
    if answer.status:
        stub = first(_STUBS, answer.out + answer.err)
        raise DockerVersionError(stub.cause if stub else 'client-failed', path=path, **failed_run(answer))
    client = _client(path, answer)
    name = f'{client.kind} {client.version}' if client.version else f'{client.kind} (its version is not understood)'
    return Found(f'{name} at {path}', value=client,
                 details={'path': path, 'kind': client.kind, 'version': client.version, **warnings(answer)})


def _engine_that_answers() -> str | None:
    try:
        return Later(containers.engine_without_client, 'engine without client').result(Deadline(_GLANCE_SECONDS))
    except TimeoutError:
        return None


def _why_not_found(search: process.Search) -> str:
    if search.not_executable:
        return 'client-not-executable'
    if search.in_current_directory:
        return 'client-in-current-directory'
    return 'docker-command-missing' if os.environ.get('DOCKER_COMMAND') else 'client-missing'


def _client(path: str, answer: Completed) -> Client:
    """Return what the client is by its own words: podman-docker calls itself podman, on stdout or in its banner."""
    version = _VERSION.search(answer.out)
    kind = PODMAN if re.search(r'\bpodman\b', answer.out + answer.err, re.IGNORECASE) else containers.DOCKER
    return Client(path, kind, version[1] if version else None)


def _client_overrun(_context: Any, seconds: float) -> HealthCheckError:
    return DockerVersionError('client-silent', seconds=round(seconds))


def check_daemon(context: Any, needs: Mapping[str, Any]) -> Found:
    """Ask the daemon of the user's own client for its version; for podman, which needs none, ask podman itself."""
    outside_cloud_shell()
    client: Client = needs['container-client']
    seconds = time_for(context)
    try:
        endpoint, lost = containers.endpoint_of(client, seconds / 4)
        answer = lost if lost and daemon_trouble.is_unknown_context(lost) else \
            containers.ask_version(client, seconds * _SHARE)
        if answer.status != 0:
            raise daemon_trouble.explain(client, endpoint, answer, seconds * (1 - _SHARE) / 2)
    except NotRun as refusal:
        raise DockerDaemonError('daemon-client-gone', path=client.path, **unrunnable(refusal)) from refusal
    return _answered(client, endpoint, answer)


def _answered(client: Client, endpoint: Endpoint, answer: Completed) -> Found:
    facts = containers.object_in(answer.out)
    if client.kind == PODMAN:
        version = containers.text_at(facts, 'version', 'Version') or client.version
        daemon = Daemon(client, endpoint, 'Podman', version, containers.text_at(facts, 'host', 'os'))
        where = 'needs no daemon' if endpoint.is_default else f'at {endpoint.host}'
    else:
        version = containers.text_at(facts, 'Server', 'Version')
        daemon = Daemon(client, endpoint, _engine(facts), version, _os(facts, answer.out))
        where = f'at {endpoint.host}'
    mode = ' (Windows containers)' if daemon.os == 'windows' else ''
    message = f'{daemon.name}{" " + daemon.version if daemon.version else ""}{mode} {where}'
    return Found(message, value=daemon, details={
        'endpoint': endpoint.host, 'source': endpoint.source, 'engine': daemon.name, 'version': daemon.version,
        'os': daemon.os, **warnings(answer)})


def _engine(facts: Mapping[str, Any]) -> str:
    """Return the daemon's name: podman's service answers docker's questions too, as "Podman Engine"."""
    names = [containers.text_at(part, 'Name') for part in containers.list_at(facts, 'Server', 'Components')]
    return 'Podman Engine' if any(name and 'podman' in name.lower() for name in names) else 'Docker Engine'


def _os(facts: Mapping[str, Any], text: str) -> str | None:
    if facts:
        return containers.text_at(facts, 'Server', 'Os')
    found = re.findall(r'OS/Arch:?\s+(\w+)/', text)
    return found[-1] if found else None


def _daemon_overrun(_context: Any, seconds: float) -> HealthCheckError:
    return DockerDaemonError('daemon-silent', seconds=round(seconds), endpoint=os.environ.get('DOCKER_HOST')
                             or (containers.DEFAULT_ENDPOINT if sys.platform != 'win32' else None))


CLIENT = Check('container-client', 'environment', check_client, _client_overrun, of_registry=False)
DAEMON = Check('container-daemon', 'environment', check_daemon, _daemon_overrun, needs=('container-client',),
               of_registry=False)
