"""An HTTP proxy for CONNECT, on 203.0.113.50:3128; it resolves names by itself, as company proxies do.

Modes of a `proxy` fault: 407-basic, 407-ntlm, policy (403 with a page), status (`status` and `body` given), drip (its
answer a byte a second), garbage, silent, close. Without one it works; with the setting `proxy_needs_password` only for
who gives it.
"""
import asyncio
import base64
import contextlib
from typing import Dict, List, Set

from . import dns, names
from .journal import Entry, Journal
from .presets import BLOCK_PAGE
from .world import World

PASSWORD = base64.b64encode(f'{names.PROXY_USER}:{names.PROXY_PASSWORD}'.encode()).decode()
WANTS = {'407-basic': 'Basic realm="Contoso proxy"', '407-ntlm': 'NTLM'}
GARBAGE = b'\x16\x03\x01\x00\xff\xfe garbage \x1b[31m\r\n\x00\r\n\r\n'


class Proxy:
    """Listens, answers CONNECT, and carries bytes both ways."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world, self._journal = world, journal
        self._clients: Set[asyncio.Task[None]] = set()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    def release(self) -> None:
        """Ends all connections, which a fault may hold."""
        for task in list(self._clients):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1').split('\r\n')
        method, target, _ = head[0].split(' ', 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in head[1:])}
        entry = self._journal.begin('proxy', method=method, target=target, headers=headers, status=None)
        await asyncio.sleep(self._world.settings.rtt_ms / 1000)
        host, _, port = target.rpartition(':')
        fault = self._world.fault('proxy', host=host)
        needs = self._world.settings.proxy_needs_password
        if fault:
            await self._misbehave(writer, fault.options, entry)
        elif needs and headers.get('proxy-authorization') != f'Basic {PASSWORD}':
            await self._misbehave(writer, {'mode': '407-basic'}, entry)
        elif method != 'CONNECT':
            await self._say(writer, entry, 405, [], '')
        else:
            await self._connect(reader, writer, host, int(port), entry)

    async def _misbehave(self, writer: asyncio.StreamWriter, options: Dict[str, object], entry: Entry) -> None:
        mode = str(options['mode'])
        if mode in WANTS:
            await self._say(writer, entry, 407, [f'Proxy-Authenticate: {WANTS[mode]}'],
                            '<html><head><title>407 Proxy Authentication Required</title></head></html>')
        elif mode == 'policy':
            await self._say(writer, entry, 403, [], BLOCK_PAGE)
        elif mode == 'status':
            await self._say(writer, entry, int(str(options['status'])), [], str(options.get('body', '')))
        elif mode == 'garbage':
            writer.write(GARBAGE)
            await writer.drain()
        elif mode == 'drip':
            for byte in b'HTTP/1.1 200 Connection established\r\n' + b'X-Drip: a\r\n' * 1000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        elif mode == 'silent':
            await asyncio.Event().wait()
        self._journal.end(entry, outcome=mode)

    async def _say(self, writer: asyncio.StreamWriter, entry: Entry, status: int, headers: List[str],
                   page: str) -> None:
        lines = [f'HTTP/1.1 {status} {_REASONS.get(status, "Error")}', 'Server: ContosoProxy/2.1', *headers,
                 'Content-Type: text/html', f'Content-Length: {len(page.encode())}', 'Connection: close', '', page]
        writer.write('\r\n'.join(lines).encode())
        await writer.drain()
        self._journal.end(entry, status=status)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int,
                       entry: Entry) -> None:
        addresses = dns.addresses(self._world, host) or ([host] if host.replace('.', '').isdigit() else [])
        try:
            if not addresses:
                raise OSError('no such host')
            upstream_reader, upstream = await asyncio.open_connection(addresses[0], port)
        except OSError as ex:
            await self._say(writer, entry, 503, [], f'<html><head><title>503 {ex}</title></head></html>')
            return
        writer.write(b'HTTP/1.1 200 Connection established\r\n\r\n')
        self._journal.end(entry, status=200)
        try:
            await asyncio.gather(_carry(reader, upstream), _carry(upstream_reader, writer))
        finally:
            upstream.close()


_REASONS = {403: 'Forbidden', 405: 'Method Not Allowed', 407: 'Proxy Authentication Required',
            503: 'Service Unavailable'}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
