"""The whole of it put together: which service is at which address and host, started, changed, healed, stopped."""
import dataclasses
from pathlib import Path
from typing import Any, Callable, Dict, List

from . import names, presets
from .certificates import Certificates
from .dns import NameServer
from .doors import Door
from .entra import Entra, Metadata
from .entra import refusal as entra_refusal
from .faults import Fault
from .front import Front, Mcr
from .journal import Journal
from .proxy import Proxy
from .resource_manager import ResourceManager
from .resource_manager import refusal as arm_refusal
from .serving import Serving
from .storage import Storage
from .tokens import Tokens
from .upstream import Upstreams
from .world import Grant, World

TLS_ADDRESSES = [names.RESOURCE_MANAGER_ADDRESS, names.ENTRA_ADDRESS, names.MCR_ADDRESS, names.MCR_DATA_ADDRESS,
                 names.FRONT_ADDRESS, names.STORAGE_ADDRESS, names.DATA_ENDPOINT_ADDRESS, *names.PRIVATE_ADDRESSES]


class Azure:
    """The local Azure; its public methods are the commands of the control socket, each answering with JSON."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self._world, self._journal = World(), Journal(state / 'journal.jsonl')
        certificates = Certificates(state)
        tokens = Tokens(self._world, state)
        self._upstreams = Upstreams(state, tokens)
        serving = self._serving = Serving(self._world, self._journal)
        self._proxy = Proxy(self._world, self._journal)

        storage = Storage(self._world)
        front = Front(self._world, tokens, self._upstreams, storage)
        for cloud in names.CLOUDS:
            serving.host(cloud.resource_manager, ResourceManager(self._world, tokens))
            serving.host(cloud.entra, Entra(tokens))
            serving.host(f'*.data{cloud.registry_suffix}', storage)
            serving.host(f'*{cloud.registry_suffix}', front)
        for host in names.MCR_HOSTS:
            serving.host(host, Mcr(self._upstreams, storage))
        serving.host(f'*.data.{names.MCR_HOST}', storage)
        serving.host('*.blob.core.windows.net', storage)
        serving.host(names.METADATA_ADDRESS, Metadata(tokens))
        serving.refusals('aadsts', entra_refusal)
        serving.refusals('arm', arm_refusal)
        serving.refusals('acr', front.refusal)

        common = (self._world, self._journal, serving)
        self._doors = [Door(address, 443, *common, certificates) for address in TLS_ADDRESSES]
        self._doors += [Door(names.FRONT_ADDRESS, 80, *common, None), Door(names.METADATA_ADDRESS, 80, *common, None),
                        Door(names.PROXY_ADDRESS, names.PROXY_PORT, *common, None, raw=self._proxy.client)]

    async def start(self) -> None:
        """Opens all doors."""
        for address in names.NAME_SERVERS:
            await NameServer(address, self._world, self._journal).start()
        self._arrange()

    async def stop(self) -> None:
        """Ends the registry servers; all else ends with the process."""
        await self._upstreams.stop()

    def _arrange(self) -> None:
        for door in self._doors:
            door.arrange()

    def command(self, request: Dict[str, Any]) -> Any:
        """Carries out one command: `do` names it (without it a fault), the rest are its arguments."""
        arguments = dict(request)
        command: Callable[..., Any] = getattr(self, 'do_' + arguments.pop('do', 'fault'))
        return command(**arguments)

    def do_fault(self, **spec: Any) -> None:
        """Breaks one thing: see faults.py."""
        self._world.faults.append(Fault.of(spec))
        self._arrange()

    def do_preset(self, name: str) -> None:
        """Breaks what presets.py has under that name."""
        for command in presets.PRESETS[name][1]:
            self.command(command)

    def do_heal(self) -> None:
        """Makes everything as it was at the start, and ends what a fault holds in suspense."""
        self._world.heal()
        self._arrange()
        self._proxy.release()
        for door in self._doors:
            door.release()
        self._serving.release()

    def do_registry(self, name: str, **overrides: Any) -> Dict[str, Any]:
        """Changes a registry or makes one."""
        return self._world.override(name, overrides)

    def do_resource(self, resource: Dict[str, Any]) -> None:
        """Adds or replaces a resource that is no registry."""
        self._world.resources[resource['id'].lower()] = resource

    def do_forget(self, name: str) -> None:
        """Takes a resource away."""
        self._world.forget(name)

    def do_forbid(self, name: str) -> None:
        """Lets nobody read a resource."""
        self._world.forbidden.add(name)

    def do_grant(self, identity: str, registry: str, repository: str, actions: List[str]) -> None:
        """Says what an identity may do on a repository; the newest that matches counts."""
        self._world.grants.append(Grant(identity, registry, repository, actions))

    def do_settings(self, **values: Any) -> Dict[str, Any]:
        """Changes settings; returns all."""
        self._world.settings = dataclasses.replace(self._world.settings, **values)
        return dataclasses.asdict(self._world.settings)

    def do_journal(self, since: int = 0) -> List[Dict[str, Any]]:
        """The entries after that number."""
        return [entry for entry in self._journal.entries if entry['number'] > since]

    def do_clear_journal(self) -> None:
        """Forgets the entries so far."""
        self._journal.clear()

    def do_secrets(self) -> List[str]:
        """Everything that must never show."""
        return sorted(self._world.secrets)
