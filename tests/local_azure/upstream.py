"""The real registry servers: one docker-registry for each registry, started when it is first asked for something.

Those of Azure registries run in token mode: they verify the tokens themselves, with the registry's name as audience.
"""
import asyncio
import ctypes
import json
import signal
import socket
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional

import aiohttp
from aiohttp import web

from . import images, names
from .answers import Call, Headers
from .tokens import REGISTRY_ISSUER, Tokens

START_SECONDS = 20
HOP_BY_HOP = {'connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'host', 'date', 'server',
              'docker-distribution-api-version', 'x-content-type-options'}
PR_SET_PDEATHSIG = 1


class Answered(NamedTuple):
    """What a server answered."""

    status: int
    headers: Headers
    body: str


class Upstream:
    """One docker-registry; `login_server` is None for the one without tokens, behind MCR."""

    def __init__(self, folder: Path, login_server: Optional[str], tokens: Tokens) -> None:
        self.folder, self._login_server, self._tokens = folder, login_server, tokens
        self._base = ''
        self._process: Optional[asyncio.subprocess.Process] = None  # pylint: disable=no-member
        self._starting: Optional[asyncio.Future[None]] = None
        self._session: Optional[aiohttp.ClientSession] = None

    async def _ready(self) -> aiohttp.ClientSession:
        """The server running, its sample images in it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        if self._starting is None or self._starting.done() and not self._runs():
            self._starting = asyncio.ensure_future(self._start(self._session))
        await asyncio.shield(self._starting)  # a client that leaves ends nothing that others wait for
        return self._session

    def _runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _start(self, session: aiohttp.ClientSession) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        config = self.folder / 'config.json'  # YAML is a superset of JSON
        config.write_text(json.dumps(self._config(port)))
        with (self.folder / 'log').open('a') as log:
            self._process = await asyncio.create_subprocess_exec(
                'docker-registry', 'serve', str(config), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent)  # pylint: disable=subprocess-popen-preexec-fn
        self._base = f'http://127.0.0.1:{port}'
        for _ in range(START_SECONDS * 50):
            try:
                _, writer = await asyncio.open_connection('127.0.0.1', port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        await self._seed(session)

    def _config(self, port: int) -> Dict[str, Any]:
        config: Dict[str, Any] = {
            'version': 0.1, 'log': {'level': 'warn', 'accesslog': {'disabled': True}},
            'storage': {'filesystem': {'rootdirectory': str(self.folder.absolute())}, 'delete': {'enabled': True}},
            'http': {'addr': f'127.0.0.1:{port}', 'secret': 'local'}}
        if self._login_server:
            config['auth'] = {'token': {
                'realm': f'https://{self._login_server}/oauth2/token', 'service': self._login_server,
                'issuer': REGISTRY_ISSUER, 'rootcertbundle': str(self._tokens.trusted.absolute())}}
        return config

    async def _seed(self, session: aiohttp.ClientSession) -> None:
        if not self._login_server:
            await images.Pusher(session, self._base, 'mcr/hello-world', {}).sample('latest')
            return
        repository = 'samples/hello'
        token = self._tokens.registry_access(self._login_server, 'seed', [
            {'type': 'repository', 'name': repository, 'actions': ['pull', 'push']}])
        await images.Pusher(session, self._base, repository, {'Authorization': f'Bearer {token}'}).index('1.0')

    async def stop(self) -> None:
        """Ends the server."""
        if self._session:
            await self._session.close()
        if self._process and self._runs():
            self._process.kill()
            await self._process.wait()

    def blob(self, address: str) -> Path:
        """Where the server keeps a blob: its path is the same one that Azure's storage links have."""
        return self.folder / blob_path(address)

    async def exists(self, call: Call, token: str) -> bool:
        """Whether the server shows a blob or manifest to the bearer of a token."""
        session = await self._ready()
        headers = [*_accept(call), *_bearer(token).items()]
        async with session.head(self._base + call.request.raw_path, headers=headers) as response:
            return bool(response.status == 200)

    async def read(self, call: Call) -> Answered:
        """The server's whole answer to a GET of what a request is about, in the formats that it accepts."""
        session = await self._ready()
        async with session.get(self._base + call.request.raw_path, headers=_accept(call)) as answered:
            return Answered(answered.status, _end_to_end(answered), await answered.text())

    async def forward(self, call: Call, token: str, headers: Dict[str, str]) -> web.StreamResponse:
        """The server's answer to a request, with the token in place of what the client sent."""
        session = await self._ready()
        passed = [(name, value) for name, value in call.request.headers.items()
                  if name.lower() not in HOP_BY_HOP | {'authorization'}]
        passed += [('Host', call.host), ('X-Forwarded-Proto', 'https'), *_bearer(token).items()]
        body = call.request.content if call.request.can_read_body else None
        async with session.request(call.method, self._base + call.request.raw_path, data=body, headers=passed,
                                   allow_redirects=False) as answered:
            response = web.StreamResponse(status=answered.status, reason=answered.reason)
            for name, value in [*_end_to_end(answered), *headers.items()]:
                response.headers.add(name, value)
            await response.prepare(call.request)
            async for chunk in answered.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def blob_path(address: str) -> str:
    """docker/registry/v2/blobs/sha256/fd/<hex>/data."""
    algorithm, _, digits = address.partition(':')
    return f'docker/registry/v2/blobs/{algorithm}/{digits[:2]}/{digits}/data'


def _end_to_end(answered: aiohttp.ClientResponse) -> Headers:
    return [(name, value) for name, value in answered.headers.items() if name.lower() not in HOP_BY_HOP]


def _accept(call: Call) -> Headers:
    return [('Accept', value) for value in call.accepted]


def _bearer(token: str) -> Dict[str, str]:
    return {'Authorization': f'Bearer {token}'} if token else {}


def _die_with_parent() -> None:
    """Has the kernel kill the child when this process ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Upstreams:
    """All registry servers by login server; MCR's under its host name."""

    def __init__(self, state: Path, tokens: Tokens) -> None:
        self._state, self._tokens = state / 'registry', tokens
        self._all: Dict[str, Upstream] = {}

    def of(self, login_server: Optional[str]) -> Upstream:
        """The server of the registry with that login server; without one, MCR's."""
        key = login_server or names.MCR_HOST
        if key not in self._all:
            self._all[key] = Upstream(self._state / key, login_server, self._tokens)
        return self._all[key]

    async def stop(self) -> None:
        """Ends all servers."""
        for one in self._all.values():
            await one.stop()
