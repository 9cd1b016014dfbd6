"""The doors: listening sockets, what goes wrong before HTTP is spoken, and the way into the HTTP library."""
import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Any, Awaitable, Callable, List, Optional, Set, Tuple

from aiohttp import web

from . import dns
from .certificates import Certificates
from .faults import Fault
from .journal import Entry, Journal
from .serving import Serving
from .world import World

IP_FREEBIND = 15  # linux/in.h: bind to an address that the interface may get only later
HELLO_SECONDS = 30
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ABORT_ON_CLOSE = struct.pack('ii', 1, 0)  # SO_LINGER of no time: close() sends RST


class Door:  # pylint: disable=too-many-instance-attributes
    """One address and port; TLS if `certificates` are given; not for HTTP but for `raw` if that is given."""

    # pylint: disable-next=too-many-arguments,too-many-positional-arguments
    def __init__(self, address: str, port: int, world: World, journal: Journal, serving: Serving,
                 certificates: Optional[Certificates], raw: Optional[Client] = None) -> None:
        self.address, self.port = address, port
        self._world, self._journal, self._serving, self._certificates = world, journal, serving, certificates
        self._protocol: Callable[[], asyncio.BaseProtocol] = web.Server(
            serving, access_log=None, handler_cancellation=True)
        if raw:
            self._protocol = lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(), raw)
        self._mode = ''
        self._listener: Optional[socket.socket] = None
        self._accepting: Optional[asyncio.Task[None]] = None
        self._fillers: List[socket.socket] = []
        self._struck: Set[asyncio.Task[None]] = set()  # connections that have not got as far as HTTP

    def arrange(self) -> None:
        """Opens or closes the door as the faults say, which have just changed."""
        fault = self._fault()
        mode = fault.options['mode'] if fault else ''
        mode = mode if mode in ('refused', 'drop') else 'open'
        if mode == self._mode:
            return
        self._shut()
        self._mode = mode
        if mode != 'refused':
            self._listen(backlog=0 if mode == 'drop' else 128)
        if mode == 'drop':
            self._fill()
        elif mode == 'open':
            self._accepting = asyncio.ensure_future(self._accept())

    def _fault(self) -> Optional[Fault]:
        """The newest `tcp` fault that concerns this door."""
        for fault in reversed(self._world.faults):
            if fault.layer != 'tcp' or fault.options.get('port', 443) != self.port:
                continue
            addresses = [fault.options['address']] if 'address' in fault.options else [
                address for host in _hosts(self._world, fault) for address in dns.addresses(self._world, host)]
            if self.address in addresses:
                return fault
        return None

    def _listen(self, backlog: int) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        listener.setblocking(False)
        listener.bind((self.address, self.port))
        listener.listen(backlog)
        self._listener = listener

    def _fill(self) -> None:
        """Fills the queue of connections that nobody accepts: from then on the kernel drops each SYN."""
        for _ in range(2):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError, OSError):
                filler.connect((self.address, self.port))
            self._fillers.append(filler)

    def _shut(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            self._accepting = None
        for one in self._fillers + ([self._listener] if self._listener else []):
            one.close()
        self._fillers, self._listener = [], None

    def release(self) -> None:
        """Ends the connections that a fault holds in suspense."""
        for task in list(self._struck):
            task.cancel()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._listener is not None
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listener)
            except OSError:
                continue
            task = asyncio.ensure_future(self._welcome(connection, peer))
            self._struck.add(task)
            task.add_done_callback(self._struck.discard)

    async def _welcome(self, connection: socket.socket, peer: Any) -> None:
        """From an accepted connection to an HTTP one, unless something goes wrong by order."""
        entry = self._journal.begin('connection', address=self.address, port=self.port, peer=list(peer[:2]),
                                    server_name=None, ok=None)
        outcome = 'ok'
        try:
            outcome = await self._introduce(connection, peer, entry)
        except (OSError, EOFError, asyncio.TimeoutError) as ex:
            outcome = str(ex) or type(ex).__name__
        except asyncio.CancelledError:
            outcome = 'released'
        finally:
            if outcome != 'ok':
                connection.close()
            self._journal.end(entry, ok=outcome == 'ok', outcome=outcome)

    async def _introduce(self, connection: socket.socket, peer: Any, entry: Entry) -> str:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        trips = 2 if self._certificates else 1
        await asyncio.sleep(trips * self._world.settings.rtt_ms / 1000)
        struck = self._fault()
        if struck:
            self._world.spend(struck)
            return await _strike(connection, struck.options['mode'])
        context = None
        if self._certificates:
            name = await asyncio.wait_for(_server_name(connection), HELLO_SECONDS)
            entry['server_name'] = name
            fault = self._world.fault('tls', host=name or self.address)
            options = fault.options if fault else {}
            if 'mode' in options:
                return await _strike(connection, options['mode'])
            context = self._certificates.context(name, options.get('certificate', 'good'),
                                                 options.get('newest', 'TLSv1_3'))
            alert = _alert(connection, context) if 'newest' in options else b''
            if alert:
                await loop.sock_sendall(connection, alert)
                return 'protocol refused'
        self._serving.connection(peer, entry['number'])
        await loop.connect_accepted_socket(self._protocol, connection, ssl=context)
        return 'ok'


def _hosts(world: World, fault: Fault) -> List[str]:
    return [host for host in dns.zone(world) if fault.matches(host)]


async def _strike(connection: socket.socket, mode: str) -> str:
    """Does to a connection what the fault says; returns what that was."""
    if mode == 'silent':
        await asyncio.Event().wait()
    if mode in ('close', 'plain'):  # with the ClientHello unread the kernel would send RST instead of FIN
        with contextlib.suppress(BlockingIOError):
            connection.recv(65536)
    if mode == 'plain':
        await asyncio.get_running_loop().sock_sendall(
            connection, b'HTTP/1.1 400 Bad Request\r\nServer: openresty\r\nConnection: close\r\n\r\n')
    if mode == 'reset':
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT_ON_CLOSE)
    return mode


_names: List[str] = []
_name_reader = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
_name_reader.sni_callback = lambda _, name, __: _names.append(name or '')


async def _server_name(connection: socket.socket) -> str:
    """The name in the ClientHello, which stays unread; what is no ClientHello is left to the handshake to refuse.

    OpenSSL reads it: a server that has no certificate gets just far enough to tell.
    """
    while True:
        await _readable(connection)
        hello = connection.recv(65536, socket.MSG_PEEK)
        if not hello:
            raise EOFError('closed before the ClientHello')
        if hello[0] != 22 or len(hello) >= 5 + int.from_bytes(hello[3:5], 'big'):
            break
        await asyncio.sleep(0.01)  # the rest is still under way; the socket stays readable meanwhile
    _names.clear()
    _rehearse(hello, _name_reader)
    return _names[0].lower() if _names else ''


def _rehearse(hello: bytes, context: ssl.SSLContext) -> Tuple[bool, bytes]:
    """Whether a server with that context would go on after the ClientHello, and what it would send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    try:
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return True, outgoing.read()
    except ssl.SSLError:
        pass
    return False, outgoing.read()


def _alert(connection: socket.socket, context: ssl.SSLContext) -> bytes:
    """The alert that refuses the ClientHello, which asyncio would not send; nothing if the context can do with it."""
    goes_on, sent = _rehearse(connection.recv(65536, socket.MSG_PEEK), context)
    if not goes_on:
        connection.recv(65536)
    return b'' if goes_on else sent


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(connection, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(connection)
