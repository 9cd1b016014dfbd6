"""Sockets each of whose waits ends at a deadline, and what TLS on them is verified against."""

import errno
import http.client
import os
import re
import socket
import ssl
import sys
import threading
from typing import Any, Mapping, NamedTuple, Sequence

from . import Deadline

_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTDOWN)
# X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h), which ssl does not name.
_NO_CHECK_TIME = 0x200000
# How OpenSSL finds a certificate in a directory: by the hash of its subject (openssl rehash).
_HASHED = r'[0-9a-f]{8}\.\d+'


class ConnectionFailed(Exception):  # pylint: disable=too-many-instance-attributes
    """No connection, or no answer over it.

    ``kind`` says what happened: resolve, refused, reset, unreachable, failed, timeout, closed, tls, not-tls, not-http,
    proxy-address, proxy-status, ca-bundle. ``stage`` says when: proxy (on the way to it), tunnel (through it),
    connect, tls or answer. The rest is evidence.
    """

    def __init__(self, kind: str, stage: str, text: str = '', **evidence: Any) -> None:
        super().__init__(text or kind)
        self.kind = kind
        self.stage = stage
        self.text = text or kind
        self.evidence = evidence


# What the class below lacks, the sockets that it is mixed into have. pylint: disable=no-member,abstract-method
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


class BoundedTcp(_Bounded, socket.socket):
    """A TCP socket that keeps its deadline."""


class BoundedTls(_Bounded, ssl.SSLSocket):
    """A TLS socket that keeps its deadline."""


class Attempt(NamedTuple):
    """A connection attempt that failed; ``seconds`` where it was given up."""

    address: str
    error: OSError
    seconds: float | None


class Trust(NamedTuple):
    """What certificates are verified against: as requests does, so that this command and the CLI agree.

    Without ``dates`` one that has expired will do: for asking the time of a server, never with a secret.
    """

    bundle: str | None
    verify: bool = True
    dates: bool = True

    @classmethod
    def of_the_cli(cls) -> 'Trust':
        """Return the CLI's own trust: AZURE_CLI_DISABLE_CONNECTION_VERIFICATION, REQUESTS_CA_BUNDLE,
        CURL_CA_BUNDLE, else certifi's bundle (azure.cli.core.util, requests.Session.merge_environment_settings)."""
        from azure.cli.core.util import should_disable_connection_verify
        bundle = os.environ.get('REQUESTS_CA_BUNDLE') or os.environ.get('CURL_CA_BUNDLE')
        return cls(bundle or None, not should_disable_connection_verify())

    def context(self) -> ssl.SSLContext:
        """Return a TLS context. Raises ConnectionFailed (ca-bundle) where the bundle cannot be used.

        It is made once: reading a bundle takes as long as a round trip.
        """
        with _making:
            if self not in _contexts:
                _contexts[self] = self._new_context()
            return _contexts[self]

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class = BoundedTls
        context.set_alpn_protocols(['http/1.1'])
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        if not self.dates:
            context.verify_flags |= _NO_CHECK_TIME
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
                if not any(re.fullmatch(_HASHED, name) for name in os.listdir(bundle)):
                    raise ssl.SSLError
                context.load_verify_locations(capath=bundle)
            else:
                context.load_verify_locations(cafile=bundle)
        except (OSError, ssl.SSLError) as ex:
            text = 'may not be read' if isinstance(ex, PermissionError) else 'holds no certificates'
            raise ConnectionFailed('ca-bundle', 'tls', text, bundle=bundle) from ex
        return context


_contexts: dict[Trust, ssl.SSLContext] = {}
_making = threading.Lock()


def connect_first(addresses: Sequence[str], port: int, deadline: Deadline) -> tuple[BoundedTcp | None, list[Attempt]]:
    """Return a connection to the first address that takes one, None where none does, and the attempts that failed."""
    failed: list[Attempt] = []
    for position, address in enumerate(addresses):
        # One dead address (broken IPv6 is the usual one) must not use up the time of those behind it.
        share = deadline.within(deadline.left() / (len(addresses) - position))
        try:
            tcp = _connect(address, port, share)
        except OSError as ex:
            failed.append(Attempt(address, ex, None if share.left() > 0 else round(share.seconds, 1)))
        else:
            tcp.deadline = deadline
            return tcp, failed
    return None, failed


def _connect(address: str, port: int, deadline: Deadline) -> BoundedTcp:
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    tcp = BoundedTcp(family, socket.SOCK_STREAM)
    tcp.deadline = deadline
    try:
        tcp.settimeout(max(deadline.left(), 0.01))
        tcp.connect((address, port))
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        tcp.close()
        raise
    return tcp


def connect_failure(ex: OSError, stage: str, where: dict[str, Any]) -> ConnectionFailed:
    """Return what a failed connection attempt means."""
    kind = 'failed'
    if isinstance(ex, TimeoutError) or ex.errno == errno.ETIMEDOUT:
        kind = 'timeout'
    elif isinstance(ex, ConnectionRefusedError):
        kind = 'refused'
    elif isinstance(ex, ConnectionError):
        kind = 'reset'
    elif ex.errno in _NO_ROUTE:
        kind = 'unreachable'
    return ConnectionFailed(kind, stage, ex.strerror or str(ex), **where)


def answer_failure(ex: Exception, where: dict[str, Any], stage: str = 'answer') -> ConnectionFailed:
    """Return what the failure to get an answer over a connection means."""
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


def handshake_failure(ex: Exception, chain: Sequence[Mapping[str, Any]], where: dict[str, Any]) -> ConnectionFailed:
    """Return what a failed handshake means; ``chain`` is what came of the certificates."""
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


def unverified_chain(tls: Any) -> list[dict[str, Any]]:
    """Return what the certificates say that this very handshake brought, leaf first, though they were refused."""
    # Public from Python 3.13 (as DER); before that only on the private object.
    try:
        handshake = tls._sslobj  # pylint: disable=protected-access
        certificates = handshake.get_unverified_chain() or []
        return [certificate.get_info() for certificate in certificates]
    except (AttributeError, ValueError, ssl.SSLError):
        return []
