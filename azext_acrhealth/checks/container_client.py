"""Whether there is a container client, docker or podman, that runs."""

import os
import re
from typing import Any, Mapping

from ..clients import Deadline, containers, process
from ..clients.containers import PODMAN, Client
from ..clients.later import Later
from ..clients.process import Completed, NotRun
from ..errors import DockerCommandError, DockerVersionError, HealthCheckError
from ..runner import Check, Found
from . import container_daemon, container_pull
from .tools import Sign, failed_run, first, outside_cloud_shell, searched, time_for, unrunnable, warnings

_VERSION = r'(?i)\bversion:?\s+"?v?(\d+\.\d+[\w.+~-]*)'

# The words of Docker Desktop's stand-in for docker in a WSL distribution that it does not serve.
_STUBS = [
    Sign('wsl1-without-docker', r'could not be found in this WSL 1 distro'),
    Sign('wsl-docker-stub', r"could not be found in this WSL 2 distro|activate the WSL integration in Docker Desktop"),
]
# Tools of a node that has containerd alone, which cannot tell what docker would do (FIELD e-containerd-support).
_CONTAINERD = ('crictl', 'ctr')
# A daemon that is well answers in less; one that was asked for more may take this share of the check's time.
_GLANCE_SECONDS, _GLANCE_SHARE = 0.9, 0.1


def check(context: Any, _needs: Mapping[str, Any]) -> Found:
    """Find the container client and ask for its version."""
    outside_cloud_shell()
    search = containers.find()
    if not search.found:
        raise DockerCommandError(_why_not_found(search), command=os.environ.get('DOCKER_COMMAND'),
                                 containerd=next(iter(process.search(*_CONTAINERD).found), None),
                                 engine=_engine_that_answers(), **searched(search))
    path = search.found[0]
    deadline = Deadline(time_for(context))
    return _by_its_answer(context, path, deadline.seconds * _GLANCE_SHARE) or _by_its_own_version(path, deadline)


def _by_its_own_version(path: str, deadline: Deadline) -> Found:
    """Ask the client for its version and nothing else."""
    try:
        answer = containers.ask_own_version(path, deadline.left())
    except NotRun as refusal:
        cause = 'client-exec-format' if refusal.why == 'exec-format' else 'client-cannot-run'
        raise DockerVersionError(cause, path=path, **unrunnable(refusal)) from refusal
    if answer.timed_out:
        raise DockerVersionError('client-silent', path=path, seconds=round(deadline.seconds))
    if answer.status:
        stub = first(_STUBS, answer.out + answer.err)
        raise DockerVersionError(stub.cause if stub else 'client-failed', path=path, **failed_run(answer))
    return _found(_client(path, answer), answer)


def _found(client: Client, answer: Completed) -> Found:
    name = f'{client.kind} {client.version}' if client.version else f'{client.kind} (its version is not understood)'
    return Found(f'{name} at {client.path}', value=client, details={
        'path': client.path, 'kind': client.kind, 'version': client.version, **warnings(answer)})


def _by_its_answer(context: Any, path: str, seconds: float) -> Found | None:
    """Return the client as it describes itself where it is asked for its daemon, which the next check wants to know
    anyway; None where that does not come within ``seconds``, or comes from podman: only docker speaks of a context."""
    if os.path.basename(path).startswith(PODMAN) or 'container-daemon' in context.options.skip:
        return None
    client = Client(path, containers.DOCKER)
    if context.options.pull and 'container-pull' not in context.options.skip:
        container_pull.set_out(context, client)
    asked = container_daemon.set_out(context, client)
    try:
        answer = asked.result(Deadline(seconds))
    except (NotRun, TimeoutError):
        return None
    facts = containers.object_in(answer.out)
    if not containers.text_at(facts, 'Client', 'Context'):
        return None
    return _found(client._replace(version=containers.text_at(facts, 'Client', 'Version')), answer)


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
    version = re.search(_VERSION, answer.out)
    kind = PODMAN if re.search(r'\bpodman\b', answer.out + answer.err, re.IGNORECASE) else containers.DOCKER
    return Client(path, kind, version[1] if version else None)


def _overrun(_context: Any, seconds: float) -> HealthCheckError:
    return DockerVersionError('client-silent', seconds=round(seconds))


CHECK = Check('container-client', 'environment', check, _overrun, of_registry=False)
