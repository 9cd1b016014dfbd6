"""One HTTPS connection: its certificate, and requests over it.

Every wait inside it ends at a deadline that holds for the whole exchange, however slowly the other side drips; bodies
are read up to a cap; redirects are reported, never followed; nothing is sent over a connection that is not verified
(unless the user told the Azure CLI not to verify).
"""

import http.client
import json
import ssl
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, NamedTuple, Sequence

from knack.log import get_logger

from . import Deadline
from .proxy import page_title, proxy_for, tunnel, without_password
from .sockets import ConnectionFailed, Trust, answer_failure, connect_failure, connect_first, handshake_failure, \
    unverified_chain

__all__ = ['Connection', 'ConnectionFailed', 'Peer', 'Response', 'Trust', 'proxy_for', 'without_password']

logger = get_logger(__name__)

#: Bytes of a body that are read. The largest honest answer is a page of registries from Resource Manager.
BODY_CAP = 4 * 1024 * 1024


class Response(NamedTuple):
    """An answer. ``whole`` is False where the body was longer than ``most``, or shorter than its announced length.

    ``first_byte`` is the time from the request to the beginning of the answer, in seconds.
    """

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool
    most: int = BODY_CAP
    first_byte: float = 0.0

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        value = self.headers.get(name)
        return None if value is None else str(value)

    def all(self, name: str) -> list[str]:
        """Return each header of that name."""
        return [str(value) for value in self.headers.get_all(name) or []]

    def json(self) -> Any:
        """Return the body as JSON; None where it is not whole or not JSON."""
        if not self.whole:
            return None
        try:
            return json.loads(self.body.decode('utf-8'))
        except (ValueError, RecursionError):
            return None

    @property
    def flaw(self) -> str | None:
        """Why the body is not whole; None where it is."""
        if self.whole:
            return None
        return f'has more than {self.most} bytes' if len(self.body) >= self.most else 'ends before its announced length'

    @property
    def clock_skew(self) -> int | None:
        """By how many seconds this machine's clock is ahead of the server's ``Date``; None without one."""
        try:
            date = parsedate_to_datetime(self.header('Date') or '')
            return round(time.time() - date.timestamp()) if date.tzinfo else None
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def title(self) -> str | None:
        """The title of a page, or its first heading: who answered in place of a registry."""
        return page_title(self.body)


@dataclass
class Peer:  # pylint: disable=too-many-instance-attributes
    """Who is at the other end."""

    host: str
    port: int
    address: str | None
    proxy: str | None
    tls_version: str = ''
    certificate: Mapping[str, Any] = field(default_factory=dict)
    failed_addresses: Sequence[str] = ()


class Connection:
    """A verified HTTPS connection to one host, kept open between requests and opened anew when it was closed."""

    def __init__(self, host: str, addresses: Sequence[str], trust: Trust, *, port: int = 443) -> None:
        self.peer = Peer(host, port, None, proxy_for(host))
        self._addresses = list(addresses)
        self._trust = trust
        self._http: http.client.HTTPSConnection | None = None
        self._socket: Any = None
        # Whether the open connection has served a request.
        self._used = False

    def open(self, deadline: Deadline) -> Peer:
        """Connect, shake hands, and return who answered. Raises ConnectionFailed."""
        tls = self._shake_hands(self._tcp(deadline), deadline)
        self.peer.tls_version = tls.version() or ''
        self.peer.certificate = tls.getpeercert() or {}
        self._used = False
        # The context is not used, but without one it would read the system's certificates.
        self._http = http.client.HTTPSConnection(self.peer.host, self.peer.port, context=self._trust.context())
        self._http.sock = tls
        return self.peer

    def request(self, method: str, path: str, deadline: Deadline, *,
                headers: Mapping[str, str] | None = None, body: str | None = None,
                most: int = BODY_CAP) -> Response:
        """Return the answer to one request, whatever its status, with at most so many bytes of its body. Raises
        ConnectionFailed (stage answer)."""
        used = self._used
        try:
            return self._exchange(method, path, deadline, headers or {}, body, most)
        except ConnectionFailed as failure:
            # A server may close a connection that it kept open just as the next request is sent (RFC 9112, 9.3.1).
            if used and failure.kind in ('closed', 'reset') and failure.evidence.get('received') == 0:
                self.close()
                return self._exchange(method, path, deadline, headers or {}, body, most)
            raise

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._http is not None:
            self._http.close()
        self._http = None
        self._used = False

    # pylint: disable-next=too-many-arguments,too-many-positional-arguments
    def _exchange(self, method: str, path: str, deadline: Deadline, headers: Mapping[str, str],
                  body: str | None, most: int) -> Response:
        if self._http is None or self._http.sock is None:
            self.open(deadline)
        connection = self._http
        assert connection is not None
        self._socket.deadline = deadline
        logger.debug('%s https://%s%s', method, self.peer.host, path.split('?')[0])
        began = time.monotonic()
        received = 0
        chunks: list[bytes] = []
        try:
            connection.request(method, path, body=body, headers={
                'User-Agent': 'acrhealth', 'Accept': '*/*', 'Accept-Encoding': 'identity', **headers})
            answer = connection.getresponse()
            received = 1
            first_byte = time.monotonic() - began
            whole = _read(answer, chunks, deadline, most)
        except (OSError, http.client.HTTPException, ValueError) as ex:
            self.close()
            raise answer_failure(ex, {**self._where(), 'received': received,
                                      'body_bytes': sum(map(len, chunks)) or None,
                                      'seconds': round(time.monotonic() - began, 1)}) from ex
        logger.debug('https://%s%s answered %d', self.peer.host, path.split('?')[0], answer.status)
        if answer.will_close or not whole:
            self.close()
        else:
            self._used = True
        return Response(answer.status, answer.reason, answer.headers, b''.join(chunks)[:most], whole, most, first_byte)

    def _where(self) -> dict[str, Any]:
        return {'host': self.peer.host, 'port': self.peer.port, 'address': self.peer.address,
                'proxy': without_password(self.peer.proxy) if self.peer.proxy else None}

    def _shake_hands(self, way: Any, deadline: Deadline) -> Any:
        """Return TLS over that connection. Raises ConnectionFailed."""
        context = self._trust.context()
        tls: Any = None
        try:
            if isinstance(way, ssl.SSLSocket):  # to a proxy that speaks TLS itself: TLS within TLS
                from urllib3.util.ssltransport import SSLTransport
                self._socket = way
                return SSLTransport(way, context, server_hostname=self.peer.host)
            way.settimeout(max(deadline.left(), 0.01))
            tls = context.wrap_socket(way, server_hostname=self.peer.host, do_handshake_on_connect=False)
            tls.deadline = deadline
            tls.settimeout(max(deadline.left(), 0.01))
            tls.do_handshake()
        except (OSError, ValueError) as ex:
            failure = handshake_failure(ex, unverified_chain(tls), {**self._where(), 'bundle': self._trust.bundle})
            (tls or way).close()
            raise failure from ex
        self._socket = tls
        return tls

    def _tcp(self, deadline: Deadline) -> Any:
        if self.peer.proxy:
            return tunnel(self.peer.proxy, f'{self.peer.host}:{self.peer.port}', self._where(), self._trust, deadline)
        tcp, failed = connect_first(self._addresses, self.peer.port, deadline)
        if tcp is not None:
            self.peer.failed_addresses = [attempt.address for attempt in failed]
            self.peer.address = self._addresses[len(failed)]
            return tcp
        if not failed:
            raise ConnectionFailed('resolve', 'connect', 'no address', **self._where())
        first = failed[0]
        self.peer.address = first.address
        raise connect_failure(first.error, 'connect', {**self._where(), 'seconds': first.seconds}) from first.error


def _read(answer: http.client.HTTPResponse, chunks: list[bytes], deadline: Deadline, most: int) -> bool:
    """Read the body into ``chunks``, up to a little more than ``most`` bytes; return whether that is all of it."""
    size = 0
    while size <= most:
        if deadline.left() <= 0:
            raise TimeoutError('timed out')
        chunk = answer.read1(65536)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    # http.client says nothing when a body ends before its announced length.
    whole = size <= most and not answer.length
    answer.close()
    return whole
