"""One HTTPS exchange against servers on the loopback interface: certificates, kept connections, bodies, proxies."""
from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from azext_acrhealth.checks.connection import why
from azext_acrhealth.clients import Deadline, http, sockets
from azext_acrhealth.clients.http import Connection, ConnectionFailed, Trust, proxy_for, without_password
from tests.local_azure.certificates import Issuer, issue, new_key, pem

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
KEY, ROOT_KEY = new_key(), new_key()
ROOT = Issuer(issue('Test Root', ROOT_KEY, None, valid=(-9, 9)), ROOT_KEY)
Handler = Callable[[Any], None]


class Servers:
    """Makes servers that have a certificate of the test's own root, and the trust in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._listeners: list[socket.socket] = []
        self.bundle = directory / 'root.pem'
        self.bundle.write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
        self.trust = Trust(str(self.bundle))

    def start(self, handle: Handler, issuer: Issuer = ROOT, **options: Any) -> int:
        """The port of a server that gives each connection to ``handle``, once its handshake is over."""
        leaf = issue('localhost', KEY, issuer, hosts=('localhost',), **{'valid': (-2, 2), **options})
        path = self._directory / f'{len(self._listeners)}.pem'
        path.write_bytes(pem(KEY) + b''.join(one.public_bytes(Encoding.PEM) for one in (leaf, *issuer.sent)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        listener = socket.create_server(('127.0.0.1', 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, context, handle), daemon=True).start()
        return int(listener.getsockname()[1])

    @staticmethod
    def _accept(listener: socket.socket, context: ssl.SSLContext, handle: Handler) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    handle(tls)
            except OSError:
                pass

    def connection(self, port: int, trust: Trust | None = None, addresses: tuple[str, ...] = ('127.0.0.1',)
                   ) -> Connection:
        return Connection('localhost', addresses, trust or self.trust, port=port)

    def stop(self) -> None:
        for listener in self._listeners:
            listener.close()


@pytest.fixture(name='servers')
def _servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    for name in ('HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'NO_PROXY', 'no_proxy'):
        monkeypatch.delenv(name, raising=False)
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


def answering(*answers: bytes) -> Handler:
    """Each request on a connection gets the next answer; then the connection is closed."""
    def handle(tls: Any) -> None:
        for answer in answers:
            if not tls.recv(65536):
                return
            tls.sendall(answer)
    return handle


def get(connection: Connection, seconds: float = 5) -> http.Response:
    return connection.request('GET', '/', Deadline(seconds))


def test_requests_share_a_connection_and_one_that_was_closed_is_opened_anew(servers: Servers) -> None:
    opened = []

    def handle(tls: Any) -> None:
        opened.append(tls)
        answering(OK, OK)(tls)
    connection = servers.connection(servers.start(handle))
    for _ in range(4):
        assert get(connection).body == b'ok'
    assert len(opened) == 2
    assert connection.peer.tls_version == 'TLSv1.3' and connection.peer.certificate['subject']


def test_a_dead_address_leaves_time_for_the_next(servers: Servers) -> None:
    port = servers.start(answering(OK))
    connection = servers.connection(port, addresses=('127.0.0.2', '127.0.0.1'))
    assert connection.open(Deadline(5)).address == '127.0.0.1'
    assert connection.peer.failed_addresses == ['127.0.0.2']


def test_no_more_of_a_body_is_read_than_is_wanted(servers: Servers) -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n' + b'o' * 500_000
    connection = servers.connection(servers.start(answering(answer)))
    response = connection.request('GET', '/', Deadline(5), most=1024)
    assert (response.body, response.whole, response.flaw) == (b'o' * 1024, False, 'has more than 1024 bytes')
    assert 0 < response.first_byte < 5


def test_how_much_of_a_body_came_before_it_stopped_is_known(servers: Servers) -> None:
    def handle(tls: Any) -> None:
        tls.recv(65536)
        tls.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok')
        time.sleep(5)
    with pytest.raises(ConnectionFailed) as failed:
        get(servers.connection(servers.start(handle)), 0.5)
    assert (failed.value.kind, failed.value.evidence['body_bytes']) == ('timeout', 2)


@pytest.mark.parametrize('answer, flaw', [
    (OK, None), (b'HTTP/1.1 200 OK\r\n\r\nok', None),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', 'ends before its announced length'),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n' + b'o' * 5_000_000, f'has more than {http.BODY_CAP} bytes'),
])
def test_a_body_that_is_not_whole_is_known_for_it(servers: Servers, answer: bytes, flaw: str | None) -> None:
    response = get(servers.connection(servers.start(answering(answer))))
    assert response.flaw == flaw and response.body.startswith(b'o') and len(response.body) <= http.BODY_CAP
    assert response.json() is None


@pytest.mark.parametrize('answer, kind', [
    (b'', 'closed'), (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok', 'closed'),
    (b'noise\r\n\r\n', 'not-http'), (b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 200, 'not-http'),
    (b'HTTP/1.1 ninety OK\r\n\r\n', 'not-http'),
])
def test_what_is_no_answer(servers: Servers, answer: bytes, kind: str) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        get(servers.connection(servers.start(answering(answer))))
    assert (failed.value.kind, failed.value.stage) == (kind, 'answer')


@pytest.mark.parametrize('drip', [b'H', b'HTTP/1.1 200 OK\r\nX: ', b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
                                  b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'])
def test_the_deadline_is_that_of_the_whole_exchange(servers: Servers, drip: bytes) -> None:
    def handle(tls: Any) -> None:
        tls.recv(65536)
        tls.sendall(drip)
        for _ in range(100):
            tls.sendall(b'0')
            time.sleep(0.1)
    began = time.monotonic()
    with pytest.raises(ConnectionFailed) as failed:
        get(servers.connection(servers.start(handle)), 0.6)
    assert failed.value.kind == 'timeout' and time.monotonic() - began < 2


def cause_of(connection: Connection) -> tuple[str, dict[str, Any]]:
    with pytest.raises(ConnectionFailed) as failed:
        connection.open(Deadline(5))
    assert failed.value.stage == 'tls'
    return why(failed.value)


def running_on(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]) -> None:
    """The rules of that Python: the strict ones of 3.13 are known to the OpenSSL of others as well."""
    monkeypatch.setattr(sockets, 'sys', SimpleNamespace(version_info=version))
    monkeypatch.setattr(sockets, '_contexts', {})


def test_certificates_are_told_apart(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = issue('no CA', KEY, ROOT, hosts=('no.ca.example',))
    cause, evidence = cause_of(servers.connection(servers.start(answering(), Issuer(leaf, KEY, (leaf,)))))
    assert cause == 'certificate-refused' and evidence['issuer'] == 'no CA'
    bare = servers.start(answering(OK, OK), identifiers=False)
    running_on(monkeypatch, (3, 12))
    assert get(servers.connection(bare)).body == b'ok'
    running_on(monkeypatch, (3, 13))
    cause, evidence = cause_of(servers.connection(bare))
    assert cause == 'certificate-form' and 'Authority Key Identifier' in evidence['text']


def test_the_time_is_asked_in_spite_of_the_dates_but_not_of_the_issuer(servers: Servers) -> None:
    answer = b'HTTP/1.1 401 No\r\nDate: Tue, 24 Nov 2020 12:00:00 GMT\r\nContent-Length: 0\r\n\r\n'
    late = servers.start(answering(answer), valid=(-5, -2))
    assert cause_of(servers.connection(late))[0] == 'certificate-expired'
    lenient = Trust(str(servers.bundle), dates=False)
    skew = get(servers.connection(late, lenient)).clock_skew
    assert skew is not None and skew > 86400
    strange = new_key()
    stranger = servers.start(answering(answer), Issuer(issue('Stranger', strange, None), strange))
    assert cause_of(servers.connection(stranger, lenient))[0] == 'certificate-issuer-unknown'


def forwarding(to: int) -> Handler:
    """A proxy that knows CONNECT only."""
    def carry(source: Any, target: Any) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass

    def handle(tls: Any) -> None:
        assert tls.recv(65536).startswith(b'CONNECT localhost:')
        with socket.create_connection(('127.0.0.1', to)) as target:
            tls.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
            tls.settimeout(0.05)
            target.settimeout(0.05)
            for _ in range(40):
                carry(tls, target)
                carry(target, tls)
    return handle


def test_a_proxy_that_speaks_tls_itself(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    target = servers.start(answering(OK, OK))
    monkeypatch.setenv('HTTPS_PROXY', f'https://localhost:{servers.start(forwarding(target))}')
    monkeypatch.setattr(http, 'proxy_for', lambda _: __import__('os').environ['HTTPS_PROXY'])
    connection = servers.connection(target, addresses=())
    assert get(connection).body == b'ok'
    assert connection.peer.tls_version == 'TLSv1.3'
    connection.close()


@pytest.mark.parametrize('setting, host, proxy', [
    ({'HTTPS_PROXY': 'http://p:1'}, 'r.azurecr.io', 'http://p:1'),
    ({'https_proxy': 'http://p:1', 'NO_PROXY': '.azurecr.io'}, 'r.azurecr.io', None),
    ({'HTTPS_PROXY': 'http://p:1', 'no_proxy': 'other.example'}, 'r.azurecr.io', 'http://p:1'),
    ({'HTTP_PROXY': 'http://p:1'}, 'r.azurecr.io', None), ({'ALL_PROXY': 'http://p:1'}, 'r.azurecr.io', 'http://p:1'),
])
@pytest.mark.usefixtures('servers')
def test_the_proxy_is_the_one_that_requests_would_take(
        monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], host: str, proxy: str | None) -> None:
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(host) == proxy


@pytest.mark.parametrize('url', ['http://user:pa/ss@p:1', 'http://user:p@ss@p:1', 'user:pass@p:1', 'http://p:1'])
def test_a_proxy_is_shown_without_its_password(url: str) -> None:
    shown = without_password(url)
    assert shown.endswith('p:1') and 'pa' not in shown.removesuffix('p:1') and 'user' not in shown
