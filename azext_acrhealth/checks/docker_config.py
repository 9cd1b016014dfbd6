"""The files in which docker and podman keep their logins and the names of their credential helpers.

They are read as the client at hand reads them: docker's config.json (docs.docker.com, "docker login"), that of a snap,
podman's auth.json (containers-auth.json(5)).
"""

import json
import os
import sys
from types import MappingProxyType
from typing import Any, Iterator, Mapping, NamedTuple

from ..clients.containers import PODMAN, Client
from ..clients.untrusted import mapping
from ..runner import NotApplicable

# A configuration is some hundred bytes; what is longer than this is none.
_CAP = 1 << 20


class Config(NamedTuple):
    """A configuration file. ``trouble`` says why it cannot be used. ``logins`` holds secrets, by host."""

    path: str
    exists: bool = False
    trouble: str = ''
    store: str | None = None
    by_registry: Mapping[str, str] = MappingProxyType({})
    logins: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    def __repr__(self) -> str:
        return f'Config({self.path!r})'

    def helper_for(self, server: str) -> str | None:
        """Return the helper that is asked about ``server``: its own in credHelpers, else that in credsStore."""
        return self.by_registry.get(server) or self.store

    def setting_for(self, server: str) -> str:
        """Return which setting names that helper."""
        return f'credHelpers["{server}"]' if server in self.by_registry else 'credsStore'

    def helpers(self) -> set[str]:
        """Return all helpers that are named."""
        return {*self.by_registry.values(), *([self.store] if self.store else [])}


def elsewhere(client: Client) -> None:
    """Raise NotApplicable where the client's configuration is on the other side of WSL."""
    if client.is_of_windows:
        raise NotApplicable('docker.exe keeps its configuration on the Windows side')


def read_config(client: Client) -> Config:
    """Return the configuration that this client reads; of several files the first that names a registry counts.

    Podman reads logins and the per-registry helpers of docker's file as well; credsStore is docker's alone.
    """
    if is_snap(client):
        return read(os.path.join(os.path.expanduser('~'), 'snap', 'docker', 'current', '.docker', 'config.json'))
    if client.kind != PODMAN:
        return read(usual_path())
    files = [read(path) for path in _of_podman()]
    if trouble := next((file for file in files if file.trouble), None):
        return trouble
    first = next((file for file in files if file.exists), files[0])
    helpers: dict[str, str] = {}
    logins: dict[str, Mapping[str, Any]] = {}
    for file in reversed(files):
        helpers.update(file.by_registry)
        logins.update(file.logins)
    return Config(first.path, first.exists, '', None, helpers, logins)


def usual_path() -> str:
    """Return where docker's configuration is, unless docker is a snap."""
    directory = os.environ.get('DOCKER_CONFIG') or os.path.join(os.path.expanduser('~'), '.docker')
    return os.path.join(directory, 'config.json')


def _of_podman() -> Iterator[str]:
    """Yield the files that podman reads, in its order; one that a variable names is read alone."""
    if given := os.environ.get('REGISTRY_AUTH_FILE'):
        yield given
        return
    if not os.environ.get('DOCKER_CONFIG'):
        if runtime := os.environ.get('XDG_RUNTIME_DIR'):
            yield os.path.join(runtime, 'containers', 'auth.json')
        elif sys.platform == 'linux':
            yield f'/run/containers/{os.getuid()}/auth.json'
        config = os.environ.get('XDG_CONFIG_HOME') or os.path.join(os.path.expanduser('~'), '.config')
        yield os.path.join(config, 'containers', 'auth.json')
    yield usual_path()


def is_snap(client: Client) -> bool:
    """Return whether the client is a snap, which lives in a home of its own."""
    return '/snap/bin/' in client.path or os.path.realpath(client.path) == '/usr/bin/snap'


def read(path: str) -> Config:
    """Return what that file holds, or why it cannot be used."""
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
    store, helpers, logins = value.get('credsStore'), mapping(value.get('credHelpers')), mapping(value.get('auths'))
    return Config(path, True, '', store if isinstance(store, str) and store else None,
                  {host: helper for host, helper in _by_host(helpers).items() if isinstance(helper, str) and helper},
                  {host: mapping(login) for host, login in _by_host(logins).items()})


def _content(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read(_CAP)


def _by_host(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values by host: old logins wrote an address, and the host itself comes before one."""
    return {**{name.split('://')[-1].split('/')[0]: item for name, item in value.items()}, **value}
