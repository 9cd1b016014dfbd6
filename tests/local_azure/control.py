"""The client that tests and the lab steer the local Azure with, and the socket that it speaks to.

One JSON object a line in, one out: {"do": "fault", ...} -> {"ok": true, "value": ...}; the commands are
`azure.Azure.do_*`.
"""
import asyncio
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List

from .presets import PRESETS, Preset

if TYPE_CHECKING:  # tests that only steer need none of what it takes to be steered
    from .azure import Azure

CONTROL_SOCKET = 'control.sock'
LINE_LIMIT = 1 << 24
CLIENT_SECONDS = 30

JSON = Dict[str, Any]


class LocalAzure:
    """Steers a local Azure by its state directory; synchronous. Use as a context manager, or `close` it."""

    def __init__(self, state: Path) -> None:
        self.ca_bundle = state / 'ca.pem'
        self.inspection_ca = state / 'certs' / 'inspection-ca.pem'  # who signs for `unknown-issuer`
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(CLIENT_SECONDS)
        self._socket.connect(os.path.relpath(state / CONTROL_SOCKET))  # such a path may not be longer than 107 bytes
        self._stream = self._socket.makefile('rwb')

    def __enter__(self) -> 'LocalAzure':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the control socket; the local Azure goes on."""
        self._stream.close()
        self._socket.close()

    def _do(self, command: str, **arguments: Any) -> Any:
        self._stream.write(json.dumps({'do': command, **arguments}).encode() + b'\n')
        self._stream.flush()
        answer = json.loads(self._stream.readline())
        if not answer['ok']:
            raise ValueError(answer['error'])
        return answer['value']

    def fault(self, layer: str, host: str = '*', **options: Any) -> None:
        """Breaks one thing until `heal`, or `times` times; see faults.py for layers and their options."""
        self._do('fault', layer=layer, host=host, **options)

    def preset(self, name: str) -> None:
        """Breaks what `presets.PRESETS` has under that name."""
        self._do('preset', name=name)

    @staticmethod
    def presets() -> Dict[str, Preset]:
        """All presets: name -> description, commands."""
        return PRESETS

    def heal(self) -> None:
        """Makes everything as at the start: faults, registries, grants, settings; held connections end. Log stays."""
        self._do('heal')

    def registry(self, name: str, **overrides: Any) -> JSON:
        """Changes a registry, or makes one like `demoregistry`; returns it in its newest shape.

        Overrides are properties, or `sku`, `identity`, `id`, `location`, `tags`; objects are merged, other values
        replaced; `resources.REMOVED` takes a key away.
        """
        made: JSON = self._do('registry', name=name, **overrides)
        return made

    def resource(self, resource: JSON) -> None:
        """Adds or replaces another resource (an identity, a private endpoint, a replication below a registry)."""
        self._do('resource', resource=resource)

    def forget(self, name: str) -> None:
        """Takes a registry or resource away: Resource Manager answers 404, the front and DNS do not know it."""
        self._do('forget', name=name)

    def forbid(self, name: str) -> None:
        """Lets nobody read a registry or resource: Resource Manager answers 403 and leaves it out of lists."""
        self._do('forbid', name=name)

    def grant(self, identity: str, registry: str, repository: str, actions: List[str]) -> None:
        """What an identity (names are globs) may do on repositories; the newest that matches counts, [] is nothing.

        At first everybody may everything, and `names.ANONYMOUS`, where a registry allows that, pull and metadata_read.
        """
        self._do('grant', identity=identity, registry=registry, repository=repository, actions=actions)

    def settings(self, **values: Any) -> JSON:
        """Changes `world.Settings` by name (rtt_ms, page_size, api_versions, client_address, ...); returns them all."""
        settings: JSON = self._do('settings', **values)
        return settings

    def journal(self, since: int = 0, kind: str = '') -> List[JSON]:
        """The log after the entry of that number; of one kind (dns, connection, http, proxy) if that is given."""
        entries: List[JSON] = self._do('journal', since=since)
        return [entry for entry in entries if kind in ('', entry['kind'])]

    def clear_journal(self) -> None:
        """Empties the log (journal.jsonl keeps it)."""
        self._do('clear_journal')

    def secrets(self) -> List[str]:
        """What must never show: planted passwords, and each token and link signature given out since the start."""
        secrets: List[str] = self._do('secrets')
        return secrets


async def serve(azure: 'Azure', state: Path) -> None:
    """Takes commands on the control socket."""
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                answer = {'ok': True, 'value': azure.command(json.loads(line))}
            except Exception as ex:  # only the sender of a wrong command hears of it  # pylint: disable=broad-except
                answer = {'ok': False, 'error': repr(ex)}
            writer.write(json.dumps(answer).encode() + b'\n')
        writer.close()
    path = os.path.relpath(state / CONTROL_SOCKET)
    if os.path.exists(path):
        os.unlink(path)
    await asyncio.start_unix_server(client, path, limit=LINE_LIMIT)
