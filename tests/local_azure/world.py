"""What can be changed while the local Azure runs: registries, other resources, grants, settings, faults.

`heal` makes it new again. Keys, certificates and the images in the registry servers are not in here: they stay.
"""
import copy
import fnmatch
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Set

from . import names, resources
from .faults import Fault

ALL_ACTIONS = ['pull', 'push', 'delete', 'metadata_read', 'metadata_write']


@dataclass
class Settings:
    """Knobs that are no faults; every field can be set by name over the control socket."""

    rtt_ms: float = 0  # an injected round trip: one for a DNS answer and a request, two for TCP with TLS
    page_size: int = 100  # of Resource Manager's lists
    api_versions: List[str] = field(default_factory=lambda: list(resources.API_VERSIONS))
    client_address: str = names.CLIENT_ADDRESS  # what a registry's firewall takes the client for
    token_lifetime: int = 4800  # seconds, of Entra's access tokens
    proxy_needs_password: bool = False
    role_assignments: List[Dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Grant:
    """Actions of one identity on repositories of registries; of several that match the newest counts."""

    identity: str
    registry: str
    repository: str
    actions: List[str]


class World:
    """The changeable state; one for each process."""

    def __init__(self) -> None:
        self.secrets = set(names.PLANTED_SECRETS)  # and each token minted since the process began
        self.changes = 0  # of registries, so far
        self.heal()

    def heal(self) -> None:
        """Everything as it was at the start; only the secrets already given out stay known."""
        self.settings = Settings()
        self.faults: List[Fault] = []
        self.changes += 1
        self.registries = {registry['name']: registry for registry in resources.registries()}
        self.resources = {resource['id'].lower(): resource for resource in resources.others()}
        self.forbidden: Set[str] = set()  # names that Resource Manager lets nobody read
        self.grants = [Grant('*', '*', '*', ALL_ACTIONS),
                       Grant(names.ANONYMOUS, '*', '*', ['pull', 'metadata_read'])]

    def secret(self, value: str) -> str:
        """The value, remembered as one that must never show in any output."""
        self.secrets.add(value)
        return value

    def fault(self, layer: str, **where: Any) -> Optional[Fault]:
        """The newest fault of that layer that matches, one use of it spent; None if there is none."""
        for fault in reversed(self.faults):
            if fault.layer == layer and fault.matches(**where):
                self.spend(fault)
                return fault
        return None

    def spend(self, fault: Fault) -> None:
        """Counts one use of a fault; the last takes it away."""
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)

    def granted(self, identity: str, registry: str, repository: str) -> List[str]:
        """The actions that an identity has on a repository."""
        for grant in reversed(self.grants):
            if (fnmatch.fnmatch(identity, grant.identity) and fnmatch.fnmatch(registry, grant.registry)
                    and fnmatch.fnmatch(repository, grant.repository)):
                return grant.actions
        return []

    def registry_at(self, host: str) -> Optional[Dict[str, Any]]:
        """The registry whose login server or regional endpoint a host name is, in any cloud."""
        public = host.lower().replace(names.cloud_of(host).registry_suffix, names.CLOUDS[0].registry_suffix)
        for registry in self.registries.values():
            if public in endpoints(registry):
                return registry
        return None

    def override(self, name: str, overrides: Dict[str, Any]) -> Dict[str, Any]:
        """Changes a registry (made from the usual Premium one if it is new); see `resources.merge`."""
        registry = copy.deepcopy(self.registries.get(name) or resources.registry(name))
        top = {key: overrides[key] for key in resources.TOP_LEVEL if key in overrides}
        resources.merge(registry, top)
        resources.merge(registry['properties'], {key: overrides[key] for key in overrides if key not in top})
        self.changes += 1
        self.registries[name] = registry
        return registry

    def forget(self, name: str) -> None:
        """Takes a registry or another resource out of Resource Manager."""
        self.changes += 1
        self.registries.pop(name, None)
        self.resources = {key: one for key, one in self.resources.items() if one['name'] != name}


def endpoints(registry: Dict[str, Any]) -> Iterable[str]:
    """The host names that the front knows a registry by, in the public cloud's spelling."""
    login_server = str(registry['properties'].get('loginServer', '')).lower()
    yield login_server
    yield login_server.replace('.azurecr.io', '.privatelink.azurecr.io')
    yield from registry['properties'].get('regionalEndpointHostNames') or []
