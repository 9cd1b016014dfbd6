"""Whether the credential helpers work that the container client would ask about this registry.

A helper that is missing, locked or broken spoils every ``docker login`` and ``az acr login``, and shows at the registry
as "unauthorized". It is asked as docker asks it: ``docker-credential-X get`` with the server's name on its standard
input (https://github.com/docker/docker-credential-helpers). What it hands out is looked at and thrown away.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ..clients import Deadline, process
from ..clients.containers import PODMAN, Client, object_in
from ..clients.process import Completed, NotRun
from ..errors import CredentialHelperError, HealthCheckError
from ..runner import Check, Found, NotApplicable
from .tools import Finding, Sign, failed_run, first, outside_cloud_shell, time_for

# A configuration is some hundred bytes; what is longer than this is none.
_CAP = 1 << 20

_NOT_STORED = r'credentials not found|not found in (native )?(keychain|store)|no credentials server URL'

# What helpers print, mostly on stdout, when their store does not open (FIELD a-keychain-*, a-pass-*, a-wincred-*,
# a-credential-*; docker-credential-helpers issues 24, 118, 199).
_SIGNS = [
    Sign('keychain-locked', r'User interaction is not allowed|errSecInteractionNotAllowed'),
    Sign('keychain-passphrase', r'user name or passphrase you entered is not correct'),
    Sign('pass-not-initialized', r'pass (store )?(is )?not initiali[sz]ed|password store is empty|'
                                 r'exec: "pass": executable file not found|you must run:?\s+pass init'),
    Sign('pass-wrong-key', r'No public key|encryption failed'),
    Sign('pass-locked', r'No secret key|decryption failed|No pinentry|Inappropriate ioctl for device'),
    Sign('secret-service-missing', r'Cannot autolaunch D-Bus|org\.freedesktop\.secrets|DBUS_SESSION_BUS_ADDRESS|'
                                   r'Could not connect: |Cannot spawn a message bus'),
    Sign('secret-service-locked', r'Cannot create an item in a locked collection|prompt (was )?dismissed|is locked'),
    Sign('wincred-no-session', r'specified logon session does not exist'),
    Sign('credential-helper-exec-format', r'Invalid argument|exec format error|cannot execute binary file'),
]


@dataclass(frozen=True)
class Config:
    """A configuration file. ``trouble`` says why it cannot be used."""

    path: str
    exists: bool = False
    trouble: str = ''
    store: str | None = None
    by_registry: Mapping[str, str] = field(default_factory=dict)
    logins: Sequence[str] = ()

    def helper_for(self, server: str) -> str | None:
        """Return the helper that is asked about ``server``: its own in credHelpers, else that in credsStore."""
        return self.by_registry.get(server) or self.store

    def setting_for(self, server: str) -> str:
        """Return which setting names that helper."""
        return f'credHelpers["{server}"]' if server in self.by_registry else 'credsStore'

    def helpers(self) -> set[str]:
        """Return all helpers that are named."""
        return {*self.by_registry.values(), *([self.store] if self.store else [])}


@dataclass(frozen=True)
class _Trouble:
    """What is wrong with one helper."""

    cause: str
    evidence: Mapping[str, Any]


def check(context: Any, needs: Mapping[str, Any]) -> Found:
    """Try each helper that the client's configuration names for this registry."""
    outside_cloud_shell()
    client: Client = needs['container-client']
    if client.path.lower().endswith('.exe') and sys.platform != 'win32':
        raise NotApplicable('docker.exe keeps its configuration on the Windows side')
    server = context.guessed_host or context.azure.mcr_host
    config = read_config(client)
    if config.trouble:
        raise CredentialHelperError('docker-config-invalid', config=config.path, reason=config.trouble)
    deadline = Deadline(time_for(context))
    surprise = snap_surprise(client, config, server)
    helper = config.helper_for(server)
    details: dict[str, Any] = {'config': config.path, 'server': server, 'helper': helper, **_others(config, helper)}
    if helper:
        trouble = _try(helper, server, deadline)
        if trouble:
            evidence = {**details, 'setting': config.setting_for(server), **trouble.evidence}
            raise CredentialHelperError(trouble.cause, **evidence)
    warning = CredentialHelperError(surprise.cause, **details, **surprise.evidence) if surprise else None
    message = f'docker-credential-{helper} works' if helper else 'No credential helper is configured'
    return Found(message, details=details, warning=warning)


def _others(config: Config, helper: str | None) -> Mapping[str, Any]:
    """Return which helpers for other registries are missing: that does not concern this one."""
    others = {name for name in config.helpers() if name != helper and not _path_of(name)}
    return {'missing_for_other_registries': sorted(others)} if others else {}


def _path_of(helper: str) -> str | None:
    found = process.search(f'docker-credential-{helper}').found
    return found[0] if found else None


def _try(helper: str, server: str, deadline: Deadline) -> _Trouble | None:
    """Return what is wrong with the helper, None if it answers as the protocol says."""
    program = f'docker-credential-{helper}'
    search = process.search(program)
    if not search.found:
        lame = search.not_executable
        return _Trouble('credential-helper-not-executable', {'program': program, 'path': lame[0]}) if lame else \
            _Trouble('credential-helper-missing', {'program': program})
    path = search.found[0]
    evidence = {'program': program, 'path': path}
    try:
        got = process.run([path, 'get'], deadline.left() * 0.7, stdin=server.encode())
        trouble = _judge(got, unknown_matters=True) or _hidden_trouble(helper, got)
        if trouble is None:
            listed = process.run([path, 'list'], deadline.left())
            trouble = _judge(listed, unknown_matters=False)
    except NotRun as refusal:
        cause = 'credential-helper-exec-format' if refusal.why == 'exec-format' else 'credential-helper-failed'
        return _Trouble(cause, {**evidence, 'reason': str(refusal)})
    return _Trouble(trouble.cause, {**evidence, **trouble.evidence}) if trouble else None


def _judge(answer: Completed, *, unknown_matters: bool) -> _Trouble | None:
    """Return the trouble that an answer shows. Not every helper can list: that alone is none."""
    words = answer.out + '\n' + answer.err
    if answer.timed_out:
        return _Trouble('credential-helper-silent', {'seconds': round(answer.seconds, 1)}) if unknown_matters else None
    if answer.status == 0:
        if unknown_matters and not object_in(answer.out):
            return _Trouble('credential-helper-garbled', {})
        return None
    if first([Sign('', _NOT_STORED)], words):
        return None
    found = first(_SIGNS, words)
    if found:
        return _Trouble(found.cause, failed_run(answer))
    return _Trouble('credential-helper-failed', failed_run(answer)) if unknown_matters else None


def _hidden_trouble(helper: str, got: Completed) -> _Trouble | None:
    """Return the trouble of a password store that was never initialized: to ``get`` its helper answers with an empty
    login, and only ``store`` then says so (docker-credential-pass 0.6.4)."""
    login = object_in(got.out)
    if helper == 'pass' and login.get('Username') == login.get('Secret') == '':
        return _Trouble('pass-not-initialized', {'reason': 'it answers with an empty login'})
    return None


def _overrun(_context: Any, seconds: float) -> HealthCheckError:
    return CredentialHelperError('credential-helper-silent', seconds=round(seconds))


def read_config(client: Client) -> Config:
    """Return the configuration that this client reads.

    Podman reads the per-registry helpers of its auth.json and, like the logins there, those of docker's file after it
    (containers-auth.json(5)); credsStore is docker's alone.
    """
    config = _read(_docker_config(client))
    if client.kind != PODMAN:
        return config
    own = _read(_podman_auth())
    if own.trouble or not own.exists and not config.exists:
        return own
    return Config(own.path if own.exists else config.path, True, '', None,
                  {**config.by_registry, **own.by_registry}, [*own.logins, *config.logins])


def _docker_config(client: Client) -> str:
    if is_snap(client):
        return os.path.join(_snap_home(), 'config.json')
    directory = os.environ.get('DOCKER_CONFIG') or os.path.join(os.path.expanduser('~'), '.docker')
    return os.path.join(directory, 'config.json')


def _podman_auth() -> str:
    if given := os.environ.get('REGISTRY_AUTH_FILE'):
        return given
    runtime = os.environ.get('XDG_RUNTIME_DIR') or (f'/run/containers/{os.getuid()}' if hasattr(os, 'getuid') else '')
    return os.path.join(runtime, 'containers', 'auth.json')


def is_snap(client: Client) -> bool:
    """Return whether the client is a snap, which lives in a home of its own."""
    return '/snap/bin/' in client.path or os.path.realpath(client.path) == '/usr/bin/snap'


def _snap_home() -> str:
    return os.path.join(os.path.expanduser('~'), 'snap', 'docker', 'current', '.docker')


def snap_surprise(client: Client, config: Config, server: str) -> Finding | None:
    """Return a login for ``server`` that only the file holds which a snap's docker does not read (FIELD a-snap-*)."""
    if not is_snap(client) or server in config.logins:
        return None
    directory = os.environ.get('DOCKER_CONFIG') or os.path.join(os.path.expanduser('~'), '.docker')
    usual = _read(os.path.join(directory, 'config.json'))
    if server not in usual.logins:
        return None
    return Finding('snap-docker-other-config', {'login_in': usual.path})


def _read(path: str) -> Config:
    try:
        content = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return Config(path)
    except (OSError, ValueError) as ex:
        return Config(path, True, getattr(ex, 'strerror', None) or str(ex))
    if not content.strip():
        return Config(path, True)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as ex:
        return Config(path, True, f'it is not JSON ({ex})')
    if not isinstance(value, dict):
        return Config(path, True, f'it holds a JSON {type(value).__name__} where an object is expected')
    store, helpers, logins = value.get('credsStore'), value.get('credHelpers'), value.get('auths')
    return Config(path, True, '', store if isinstance(store, str) and store else None, _texts(helpers),
                  [_host(name) for name in logins] if isinstance(logins, dict) else [])


def _content(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read(_CAP)


def _texts(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    return {_host(name): helper for name, helper in value.items() if isinstance(helper, str) and helper}


def _host(name: str) -> str:
    """Return the host of a key, which old logins wrote as an address."""
    return name.split('://')[-1].split('/')[0]


CHECK = Check('docker-credentials', 'environment', check, _overrun, needs=('container-client',), of_registry=False)
