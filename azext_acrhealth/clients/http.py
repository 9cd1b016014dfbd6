"""One HTTPS connection: its certificate, and requests over it.

Every wait inside it ends at a deadline that holds for the whole exchange, however slowly the other side drips; bodies
are read up to a cap; redirects are reported, never followed; nothing is sent over a connection that is not verified
(unless the user told the Azure CLI not to verify).
"""

import errno
import http.client
import json
import os
import re
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from knack.log import get_logger

from . import Deadline

logger = get_logger(__name__)

#: Bytes of a body that are read. The largest honest answer is a page of registries from Resource Manager.
BODY_CAP = 4 * 1024 * 1024
_PAGE_CAP = 64 * 1024


class ConnectionFailed(Exception):  # pylint: disable=too-many-instance-attributes
    """No connection, or no answer over it.

    ``kind`` says what happened: resolve, refused, reset, unreachable, timeout, closed, tls, not-tls, not-http,
    proxy-address, proxy-status, ca-bundle. ``stage`` says when: proxy, connect, tls or answer. The rest is evidence.
    """

    def __init__(self, kind: str, stage: str, text: str = '', **evidence: Any) -> None:
        super().__init__(text or kind)
        self.kind = kind
        self.stage = stage
        self.text = text or kind
        self.evidence = evidence


@dataclass(frozen=True)
class Response:
    """An answer. ``whole`` is False where the body was longer than the cap, or shorter than its announced length."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool

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


def page_title(body: bytes) -> str | None:
    """Return the title of an HTML page, else its first heading."""
    text = body[:_PAGE_CAP].decode('utf-8', 'replace')
    found = re.search(r'<title[^>]*>([^<]{1,300})', text, re.I) or re.search(r'<h[12][^>]*>([^<]{1,300})', text, re.I)
    return ' '.join(found[1].split()) or None if found else None


@dataclass(frozen=True)
class Trust:
    """What certificates are verified against: as requests does, so that this command and the CLI agree."""

    bundle: str | None
    verify: bool = True

    @classmethod
    def of_the_cli(cls) -> 'Trust':
        """Return the CLI's own trust: AZURE_CLI_DISABLE_CONNECTION_VERIFICATION, REQUESTS_CA_BUNDLE,
        CURL_CA_BUNDLE, else certifi's bundle (azure.cli.core.util, requests.Session.merge_environment_settings)."""
        from azure.cli.core.util import should_disable_connection_verify
        bundle = os.environ.get('REQUESTS_CA_BUNDLE') or os.environ.get('CURL_CA_BUNDLE')
        return cls(bundle or None, not should_disable_connection_verify())

    def context(self) -> ssl.SSLContext:
        """Return a TLS context. Raises ConnectionFailed (ca-bundle) where the bundle cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class = _BoundedTls
        context.set_alpn_protocols(['http/1.1'])
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        # Python 3.13 made this part of ssl.create_default_context, which requests and so the CLI use.
        if sys.version_info >= (3, 13):
            context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        bundle = self.bundle
        if bundle is None:
            import certifi
            bundle = certifi.where()
        if not os.path.exists(bundle):
            raise ConnectionFailed('ca-bundle', 'tls', 'is missing', bundle=bundle)
        try:
            if os.path.isdir(bundle):
                context.load_verify_locations(capath=bundle)
            else:
                context.load_verify_locations(cafile=bundle)
        except (OSError, ssl.SSLError) as ex:
            text = 'may not be read' if isinstance(ex, PermissionError) else 'holds no certificates'
            raise ConnectionFailed('ca-bundle', 'tls', text, bundle=bundle) from ex
        return context


def proxy_for(host: str) -> str | None:
    """Return the URL of the proxy that the CLI would use for ``host``: HTTPS_PROXY and NO_PROXY as requests reads
    them."""
    from requests.utils import get_environ_proxies, select_proxy
    url = f'https://{host}/'
    proxy = select_proxy(url, get_environ_proxies(url))
    return str(proxy) if proxy else None


class _Bounded:
    """A socket each of whose waits ends at ``deadline``."""

    # None only while ssl makes the socket, which reads from one that is no longer connected.
    deadline: Deadline | None = None

    def _arm(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline.left()
        if left <= 0:
            raise TimeoutError('timed out')
        self.settimeout(left)  # type: ignore[attr-defined]

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """Receive before the deadline."""
        self._arm()
        return super().recv(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive before the deadline."""
        self._arm()
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send before the deadline."""
        self._arm()
        return super().send(*args, **kwargs)  # type: ignore[misc,no-any-return]


class _BoundedTcp(_Bounded, socket.socket):
    pass


class _BoundedTls(_Bounded, ssl.SSLSocket):
    pass


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

    def open(self, deadline: Deadline) -> Peer:
        """Connect, shake hands, and return who answered. Raises ConnectionFailed."""
        tcp = self._tcp(deadline)
        context = self._trust.context()
        tcp.settimeout(max(deadline.left(), 0.01))
        try:
            tls = context.wrap_socket(tcp, server_hostname=self.peer.host, do_handshake_on_connect=False)
        except (OSError, ValueError) as ex:
            tcp.close()
            raise ConnectionFailed('reset', 'tls', str(ex), **self._where()) from ex
        setattr(tls, 'deadline', deadline)
        try:
            tls.settimeout(max(deadline.left(), 0.01))
            tls.do_handshake()
        except (OSError, ValueError) as ex:
            failure = _handshake_failure(ex, _unverified_chain(tls), self._where())
            tls.close()
            raise failure from ex
        self.peer.tls_version = tls.version() or ''
        self.peer.certificate = tls.getpeercert() or {}
        self._socket = tls
        self._http = http.client.HTTPSConnection(self.peer.host, self.peer.port)
        self._http.sock = tls
        return self.peer

    def request(self, method: str, path: str, deadline: Deadline, *,
                headers: Mapping[str, str] | None = None, body: str | None = None) -> Response:
        """Return the answer to one request, whatever its status. Raises ConnectionFailed (stage answer)."""
        used = self._http is not None and getattr(self._http, 'used', False)
        try:
            return self._exchange(method, path, deadline, headers or {}, body)
        except ConnectionFailed as failure:
            # A server may close a connection that it kept open just as the next request is sent (RFC 9112, 9.3.1).
            if used and failure.kind in ('closed', 'reset') and failure.evidence.get('received') == 0:
                self.close()
                return self._exchange(method, path, deadline, headers or {}, body)
            raise

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._http is not None:
            self._http.close()
        self._http = None

    def _exchange(self, method: str, path: str, deadline: Deadline, headers: Mapping[str, str],
                  body: str | None) -> Response:
        if self._http is None or self._http.sock is None:
            self.open(deadline)
        connection = self._http
        assert connection is not None
        self._socket.deadline = deadline
        logger.debug('%s https://%s%s', method, self.peer.host, path.split('?')[0])
        began = time.monotonic()
        received = 0
        try:
            connection.request(method, path, body=body, headers={
                'User-Agent': 'acrhealth', 'Accept': '*/*', 'Accept-Encoding': 'identity', **headers})
            answer = connection.getresponse()
            received = 1
            content, whole = _read(answer, deadline)
        except (OSError, http.client.HTTPException, ValueError) as ex:
            self.close()
            raise _answer_failure(ex, {**self._where(), 'received': received,
                                       'seconds': round(time.monotonic() - began, 1)}) from ex
        logger.debug('https://%s%s answered %d', self.peer.host, path.split('?')[0], answer.status)
        if answer.will_close or not whole:
            self.close()
        else:
            setattr(connection, 'used', True)
        return Response(answer.status, answer.reason, answer.headers, content, whole)

    def _where(self) -> dict[str, Any]:
        return {'host': self.peer.host, 'port': self.peer.port, 'address': self.peer.address,
                'proxy': without_password(self.peer.proxy) if self.peer.proxy else None}

    def _tcp(self, deadline: Deadline) -> _BoundedTcp:
        if self.peer.proxy:
            return self._through_proxy(self.peer.proxy, deadline)
        failures: list[ConnectionFailed] = []
        for position, address in enumerate(self._addresses):
            self.peer.address = address
            # One dead address (broken IPv6 is the usual one) must not use up the time of those behind it.
            share = deadline.within(deadline.left() / (len(self._addresses) - position))
            try:
                tcp = _connect(address, self.peer.port, share)
            except OSError as ex:
                failures.append(_connect_failure(ex, 'connect', {**self._where(), 'seconds': _seconds(share)}))
            else:
                self.peer.failed_addresses = [str(failure.evidence['address']) for failure in failures]
                return tcp
        if not failures:
            raise ConnectionFailed('resolve', 'connect', 'no address', **self._where())
        raise failures[0]

    def _through_proxy(self, proxy: str, deadline: Deadline) -> _BoundedTcp:
        """Return a tunnel (RFC 9110, 9.3.6) through the proxy at that URL."""
        where = self._where()
        parts, port = _proxy_address(proxy, where)
        where.update(proxy_host=parts.hostname, proxy_port=port)
        try:
            found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as ex:
            raise ConnectionFailed('resolve', 'proxy', str(ex), **where) from ex
        try:
            tcp = _connect(str(found[0][4][0]), port, deadline)
        except OSError as ex:
            raise _connect_failure(ex, 'proxy', where) from ex
        try:
            answer = _tunnel(tcp, f'{self.peer.host}:{self.peer.port}', parts.username, parts.password)
            if answer.status == 200:
                return tcp
            page = answer.read(_PAGE_CAP)
        except (OSError, http.client.HTTPException, ValueError) as ex:
            tcp.close()
            raise _answer_failure(ex, where, 'proxy') from ex
        tcp.close()
        raise ConnectionFailed('proxy-status', 'proxy', answer.reason, status=answer.status, title=page_title(page),
                               authenticate=answer.headers.get('Proxy-Authenticate'), **where)


def _proxy_address(proxy: str, where: Mapping[str, Any]) -> tuple[SplitResult, int]:
    """Return the parts of a proxy's URL and its port. Raises ConnectionFailed (proxy-address)."""
    try:
        parts = urlsplit(proxy if '://' in proxy else 'http://' + proxy)
        port = parts.port or (443 if parts.scheme == 'https' else 80)
    except ValueError as ex:
        raise ConnectionFailed('proxy-address', 'proxy', str(ex), **where) from ex
    if not parts.hostname or parts.scheme not in ('http', 'https'):
        raise ConnectionFailed('proxy-address', 'proxy', 'it names no host and port of an HTTP proxy', **where)
    return parts, port


def _connect(address: str, port: int, deadline: Deadline) -> _BoundedTcp:
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    tcp = _BoundedTcp(family, socket.SOCK_STREAM)
    tcp.deadline = deadline
    try:
        tcp.settimeout(max(deadline.left(), 0.01))
        tcp.connect((address, port))
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        tcp.close()
        raise
    return tcp


def _tunnel(tcp: _BoundedTcp, target: str, user: str | None, password: str | None) -> http.client.HTTPResponse:
    lines = [f'CONNECT {target} HTTP/1.1', f'Host: {target}']
    if user is not None:
        from base64 import b64encode
        from urllib.parse import unquote
        pair = f'{unquote(user)}:{unquote(password or "")}'.encode()
        lines.append('Proxy-Authorization: Basic ' + b64encode(pair).decode())
    tcp.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1', 'replace'))
    answer = http.client.HTTPResponse(tcp, method='CONNECT')
    answer.begin()
    return answer


def _read(answer: http.client.HTTPResponse, deadline: Deadline) -> tuple[bytes, bool]:
    """Return the body up to the cap and whether that is all of it."""
    chunks: list[bytes] = []
    size = 0
    while size <= BODY_CAP:
        if deadline.left() <= 0:
            raise TimeoutError('timed out')
        chunk = answer.read1(65536)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    # http.client says nothing when a body ends before its announced length.
    whole = size <= BODY_CAP and not answer.length
    answer.close()
    return b''.join(chunks)[:BODY_CAP], whole


def without_password(url: str) -> str:
    """Return a proxy's URL without the user and password in it."""
    return re.sub(r'^((?:[a-z][a-z0-9+.-]*://)?)[^/]*@', r'\1', url, flags=re.I)


def _seconds(deadline: Deadline) -> float | None:
    return None if deadline.left() > 0 else round(deadline.seconds, 1)


def _connect_failure(ex: OSError, stage: str, where: dict[str, Any]) -> ConnectionFailed:
    kind = 'unreachable'
    if isinstance(ex, TimeoutError) or ex.errno == errno.ETIMEDOUT:
        kind = 'timeout'
    elif isinstance(ex, ConnectionRefusedError):
        kind = 'refused'
    elif isinstance(ex, ConnectionError):
        kind = 'reset'
    return ConnectionFailed(kind, stage, ex.strerror or str(ex), **where)


def _answer_failure(ex: Exception, where: dict[str, Any], stage: str = 'answer') -> ConnectionFailed:
    kind = 'not-http'
    if isinstance(ex, TimeoutError):
        kind = 'timeout'
    elif isinstance(ex, (http.client.RemoteDisconnected, http.client.IncompleteRead, ssl.SSLEOFError)):
        kind = 'closed'
    elif isinstance(ex, OSError):
        kind = 'reset'
    return ConnectionFailed(kind, stage, str(ex), **where)


# OpenSSL's words for a peer that speaks something else than TLS on this port.
_NOT_TLS = ('WRONG_VERSION_NUMBER', 'HTTP_REQUEST', 'PACKET_LENGTH_TOO_LONG', 'UNKNOWN_PROTOCOL',
            'RECORD_LAYER_FAILURE')


def _handshake_failure(ex: Exception, chain: Sequence[Mapping[str, Any]], where: dict[str, Any]) -> ConnectionFailed:
    if isinstance(ex, ssl.SSLCertVerificationError):
        return ConnectionFailed('tls', 'tls', ex.verify_message, verify_code=ex.verify_code, chain=chain, **where)
    if isinstance(ex, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return ConnectionFailed('closed', 'tls', str(ex), **where)
    if isinstance(ex, ssl.SSLError) and not isinstance(ex, TimeoutError):
        kind = 'not-tls' if ex.reason in _NOT_TLS else 'tls'
        return ConnectionFailed(kind, 'tls', ex.reason or str(ex), reason=ex.reason, **where)
    if isinstance(ex, TimeoutError):
        return ConnectionFailed('timeout', 'tls', str(ex), **where)
    return ConnectionFailed('reset', 'tls', str(ex), **where)


def _unverified_chain(tls: ssl.SSLSocket) -> list[dict[str, Any]]:
    """Return what the certificates say that this very handshake brought, leaf first, though they were refused."""
    # Public from Python 3.13 (as DER); before that only on the private object.
    try:
        handshake = tls._sslobj  # type: ignore[attr-defined] # pylint: disable=protected-access
        certificates = handshake.get_unverified_chain() or []
        return [certificate.get_info() for certificate in certificates]
    except (AttributeError, ValueError, ssl.SSLError):
        return []
