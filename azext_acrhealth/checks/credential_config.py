"""The configuration file that the container client reads: which credential helper it names for which registry."""

import json
import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ..clients.containers import PODMAN, Client
from .reading import Finding

# A configuration is some hundred bytes; what is longer than this is none.
_CAP = 1 << 20


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
