"""Whether the daemon answers that the user's own client would use; where not, why.

The client's own words tell most; what is at the socket and what answers elsewhere tells the rest.
"""

import os
import platform
import re
import sys
from typing import Any, Mapping

from ..clients import Deadline, containers, daemon_socket, process
from ..clients.containers import PODMAN, Client, Daemon, Endpoint
from ..clients.later import Later
from ..clients.process import Completed, NotRun
from ..errors import DockerDaemonError, HealthCheckError
from ..runner import Check, Found
from .tools import Sign, first, outside_cloud_shell, reason, time_for, unrunnable, warnings

_UNKNOWN_CONTEXT = Sign('docker-context-unknown',
                        r'context "(?P<context>[^"]+)":? (context |is )?(not found|does not exist)')

# Docker's and podman's own words: client 20.10 to 29, engine 20.10 to 29, podman 4 and 5.
_SIGNS = [
    _UNKNOWN_CONTEXT,
    Sign('docker-cert-path', r'(open|stat|read) (?P<file>[^\n:]+\.pem): (no such file|cannot find|permission denied)'),
    Sign('daemon-ssh', r'command \[ssh [^\n]*stderr=(?P<ssh>[^\n]*)|(?P<ssh_>(exec: ")?ssh"?: [^\n]*)|'
                       r'(?P<ssh__>ssh resolves to [^\n]*)'),
    Sign('client-api-too-old', r'client version (?P<client_api>[\d.]+) is too old\. Minimum supported API version is '
                               r'(?P<daemon_api>[\d.]*\d)'),
    Sign('client-api-too-new', r'client version (?P<client_api>[\d.]+) is too new\. Maximum supported API version is '
                               r'(?P<daemon_api>[\d.]*\d)'),
    Sign('daemon-denied', r'permission denied while trying to connect|connect: permission denied|Access is denied'),
    Sign('docker-desktop-stopped', r'dockerDesktop\w*Engine|open //\./pipe/[^\n]*cannot find the file'),
    Sign('podman-machine-stopped', r'Cannot connect to Podman|podman machine (start|init)'),
    Sign('endpoint-unusable',
         r'panic: |unable to parse docker host|invalid (bind address|proto)|protocol not available'),
    Sign('daemon-tls', r'(?P<tls>(x509|tls): [^\n]*|HTTP request to an HTTPS server|HTTP response to HTTPS client)'),
    Sign('daemon-host-unknown', r'lookup (?P<host>[^\s:]+)(?: on (?P<resolver>\S+?))?: '),
    Sign('daemon-refused', r'connection refused|actively refused'),
    Sign('daemon-silent', r'i/o timeout|context deadline exceeded|Client\.Timeout'),
    Sign('daemon-socket-missing', r'(dial|connect)[^\n]*no such file or directory'),
    Sign('daemon-unreachable', r'Cannot connect to the Docker daemon|failed to connect to the docker API|'
                               r'no route to host|network is unreachable|connection reset'),
]

# Where another daemon that does answer makes the endpoint that was tried a leftover.
_NOBODY_THERE = {'daemon-socket-missing', 'daemon-refused', 'daemon-silent', 'daemon-unreachable',
                 'daemon-host-unknown', 'daemon-socket-directory'}
# Shares of the check's time: for the daemon's answer, and for the client's endpoint. Explaining a silence takes more.
_SHARE, _LOOKING_SHARE = 0.6, 0.15


def check(context: Any, needs: Mapping[str, Any]) -> Found:
    """Ask the daemon of the user's own client for its version; for podman, which needs none, ask podman itself."""
    outside_cloud_shell()
    client: Client = needs['container-client']
    seconds = time_for(context)
    try:
        answer = set_out(context, client).result(Deadline(seconds))
        facts = containers.object_in(answer.out)
        in_use = containers.text_at(facts, 'Client', 'Context') if answer.status == 0 else None
        endpoint, lost = containers.endpoint_of(client, seconds * _LOOKING_SHARE, in_use)
    except NotRun as refusal:
        raise DockerDaemonError('daemon-client-gone', path=client.path, **unrunnable(refusal)) from refusal
    if lost and first([_UNKNOWN_CONTEXT], lost.err):
        answer = lost
    if answer.status != 0:
        raise explain(client, endpoint, answer, seconds * (1 - _SHARE) / 2)
    return _answered(client, endpoint, answer, facts)


def set_out(context: Any, client: Client) -> Later[Completed]:
    """Return the daemon's answer, asked for at the first call for a client of this kind: it may come before the client
    has told what it is."""
    seconds = time_for(context) * _SHARE
    answer: Later[Completed] = context.once(f'ask the daemon of {client.kind}',
                                            lambda: containers.ask_version(client, seconds))
    return answer


def _answered(client: Client, endpoint: Endpoint, answer: Completed, facts: Mapping[str, Any]) -> Found:
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


def explain(client: Client, endpoint: Endpoint, answer: Completed, seconds: float) -> DockerDaemonError:
    """Return the finding that ``answer``, which was none, amounts to; ``seconds`` may go into looking around."""
    deadline = Deadline(seconds)
    evidence: dict[str, Any] = {'endpoint': endpoint.host, 'source': endpoint.source, 'client': client.path}
    cause = _cause(client, answer, evidence)
    if cause == 'docker-context-unknown' and endpoint.is_default:
        evidence['source'] = 'currentContext in config.json'
    if cause == 'daemon-unreachable':
        cause = _look_at_socket(endpoint.host) or cause
    if cause == 'daemon-denied':
        cause = _look_at_group(endpoint.host, evidence)
    if cause in ('client-api-too-old', 'client-api-too-new'):
        evidence['api_pinned'] = os.environ.get('DOCKER_API_VERSION')
    if client.kind != PODMAN:
        evidence.update(_alternatives(client, endpoint, deadline))
        evidence.update(_names_for_commands(endpoint))
        if cause in _NOBODY_THERE:
            cause = _deeper(cause, endpoint, evidence)
    return DockerDaemonError(cause, **evidence)


def _cause(client: Client, answer: Completed, evidence: dict[str, Any]) -> str:
    if answer.timed_out:
        evidence['seconds'] = round(answer.seconds, 1)
        return 'daemon-silent'
    words = answer.err + '\n' + answer.out
    found = first(_SIGNS, words)
    evidence.update(reason=reason(answer, found.pattern if found else ''), exit_status=answer.status)
    if not found:
        return 'podman-failed' if client.kind == PODMAN else 'daemon-error'
    evidence.update(found.evidence)
    return found.cause


def _look_at_socket(host: str) -> str | None:
    """Return what a local socket is like where docker only says that it cannot connect."""
    path = daemon_socket.path_of(host)
    state = daemon_socket.state(path) if path else None
    return {'missing': 'daemon-socket-missing', 'directory': 'daemon-socket-directory',
            'refused': 'daemon-refused'}.get(state or '')


def _look_at_group(host: str, evidence: dict[str, Any]) -> str:
    """Tell who may use the socket: a group this user is not in, or not yet in this session."""
    path = daemon_socket.path_of(host)
    access = daemon_socket.access(path) if path else None
    if access is None:
        return 'daemon-denied'
    evidence.update(socket=path, user=access.user, group=access.group)
    if access.of_root:
        return 'daemon-denied'
    return 'docker-group-session' if access.enrolled else 'docker-group'


def _alternatives(client: Client, endpoint: Endpoint, deadline: Deadline) -> Mapping[str, Any]:
    """Return what does answer: the default endpoint, and podman."""
    found: dict[str, Any] = {}
    if not endpoint.is_default and _answers(client, deadline.left() / 2, containers.default_environment()):
        found['default_endpoint'] = containers.DEFAULT_ENDPOINT
    podman = process.search('podman').found
    if podman and _answers(Client(podman[0], PODMAN), deadline.left(), None):
        found['podman'] = podman[0]
    return found


def _answers(client: Client, seconds: float, env: Mapping[str, str] | None) -> bool:
    try:
        return containers.ask_version(client, seconds, env).status == 0
    except NotRun:
        return False


def _deeper(cause: str, endpoint: Endpoint, evidence: dict[str, Any]) -> str:
    """Return why nobody is there: a variable or context left behind, WSL, a container, a daemon not started."""
    if endpoint.host == 'unix:///docker.sock':
        return 'docker-host-without-runtime-dir'  # FIELD a-rootless-xdg-runtime-dir-missing
    if 'default_endpoint' in evidence:
        if endpoint.source.startswith('context '):
            return 'docker-context-left-behind'
        return 'docker-host-left-behind'  # FIELD a-docker-host-rootless-for-root
    if endpoint.is_default and cause in ('daemon-socket-missing', 'daemon-socket-directory'):
        return _place() or cause
    return cause


def _place() -> str | None:
    """Return why no daemon is to be expected where this runs."""
    kernel = _kernel()
    if 'microsoft' in kernel.lower():
        return 'wsl-without-docker' if re.search(r'WSL2|microsoft-standard', kernel) else 'wsl1-without-docker'
    if os.environ.get('KUBERNETES_SERVICE_HOST'):
        return 'pod-without-daemon'
    in_container = any(os.path.exists(path) for path in ('/.dockerenv', '/run/.containerenv'))
    return 'container-without-daemon' if in_container and not _has_dockerd() else None


def _kernel() -> str:
    try:
        with open('/proc/version', encoding='utf-8', errors='replace') as file:
            return file.read(1000)
    except OSError:
        return ''


def _has_dockerd() -> bool:
    """Return whether this machine, or container, has an engine of its own that could be started."""
    usual = ('/usr/bin/dockerd', '/usr/sbin/dockerd', '/usr/local/bin/dockerd', '/snap/bin/dockerd')
    return bool(process.search('dockerd').found) or any(os.path.isfile(path) for path in usual)


def _names_for_commands(endpoint: Endpoint) -> Mapping[str, str]:
    """Return what the remedies' commands need: what chose the endpoint, and what starts its daemon."""
    if endpoint.source.startswith('context '):
        chosen = {'back_to': 'default'}
    else:
        chosen = {} if endpoint.is_default else {'variable': endpoint.source.split('=')[0]}
    return {**chosen, **_how_to_start(endpoint)}


def _how_to_start(endpoint: Endpoint) -> Mapping[str, str]:
    if 'colima' in endpoint.host or endpoint.source == 'context colima':
        return {'colima': 'colima'}
    if '.docker/desktop' in endpoint.host or endpoint.source == 'context desktop-linux':
        return {'desktop': 'desktop'}
    if platform.system() != 'Linux':
        return {'desktop': 'desktop'} if endpoint.is_default else {}
    systemd = os.path.isdir('/run/systemd/system')
    if endpoint.host.startswith('unix:///run/user/'):
        return {'user_unit': 'docker'} if systemd else {}
    if endpoint.host in ('unix:///var/run/docker.sock', 'unix:///run/docker.sock'):
        return {'unit': 'docker'} if systemd else {'service': 'docker'}
    return {}


def _overrun(_context: Any, seconds: float) -> HealthCheckError:
    return DockerDaemonError('daemon-silent', seconds=round(seconds), endpoint=os.environ.get('DOCKER_HOST')
                             or (containers.DEFAULT_ENDPOINT if sys.platform != 'win32' else None))


CHECK = Check('container-daemon', 'environment', check, _overrun, needs=('container-client',),
              of_registry=False)
