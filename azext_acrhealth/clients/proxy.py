"""The way through an HTTP proxy: which one the CLI would use, and a tunnel through it (RFC 9110, 9.3.6)."""

import http.client
import re
from base64 import b64encode
from typing import Any, Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from . import Deadline, names
from .sockets import BoundedTcp, ConnectionFailed, Trust, answer_failure, connect_failure, connect_first, \
    handshake_failure

_PAGE_CAP = 64 * 1024


def proxy_for(host: str) -> str | None:
    """Return the URL of the proxy that the CLI would use for ``host``: HTTPS_PROXY and NO_PROXY as requests reads
    them."""
    import requests  # the whole first: see clients/azure.py
    url = f'https://{host}/'
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    return str(proxy) if proxy else None


def without_password(url: str) -> str:
    """Return a proxy's URL without the user and password in it."""
    # A slash in the password that is not percent-encoded makes it no less secret.
    return re.sub(r'^((?:[a-z][a-z0-9+.-]*://)?).*@', r'\1', url, flags=re.I | re.S)


def tunnel(proxy: str, target: str, where: dict[str, Any], trust: Trust, deadline: Deadline) -> Any:
    """Return a socket that leads to ``target`` through the proxy at that URL. Raises ConnectionFailed."""
    parts, port = _proxy_address(proxy, where)
    where = {**where, 'proxy_host': parts.hostname, 'proxy_port': port}
    tcp = _connected(str(parts.hostname), port, where, deadline)
    try:
        way = _secured(tcp, str(parts.hostname), trust, deadline, where) if parts.scheme == 'https' else tcp
        answer = _ask(way, target, parts.username, parts.password)
        if answer.status == 200:
            return way
        page = answer.read(_PAGE_CAP)
    except (OSError, http.client.HTTPException, ValueError) as ex:
        tcp.close()
        raise answer_failure(ex, where, 'tunnel') from ex
    way.close()
    raise ConnectionFailed('proxy-status', 'tunnel', answer.reason, status=answer.status, title=page_title(page),
                           authenticate=answer.headers.get('Proxy-Authenticate'), **where)


def _connected(host: str, port: int, where: Mapping[str, Any], deadline: Deadline) -> BoundedTcp:
    """Return a connection to the first address of the proxy that takes one."""
    found = names.look_up_within(host, deadline)
    tcp, failed = connect_first(found.addresses, port, deadline)
    if tcp is not None:
        return tcp
    if failed:
        raise connect_failure(failed[0].error, 'proxy', dict(where)) from failed[0].error
    raise ConnectionFailed('resolve', 'proxy', found.error or 'no address', **where)


def _secured(tcp: BoundedTcp, host: str, trust: Trust, deadline: Deadline, where: dict[str, Any]) -> Any:
    """Return a TLS connection to the proxy itself, which a URL with https:// asks for."""
    try:
        tls = trust.context().wrap_socket(tcp, server_hostname=host, do_handshake_on_connect=False)
        setattr(tls, 'deadline', deadline)
        tls.settimeout(max(deadline.left(), 0.01))
        tls.do_handshake()
        return tls
    except (OSError, ValueError) as ex:
        failure = handshake_failure(ex, [], where)
        text = f'its certificate is refused ({failure.text})' if failure.kind == 'tls' else \
            'it speaks no TLS, although the setting begins with https://'
        raise ConnectionFailed('not-http', 'tunnel', text, **where) from ex


def _proxy_address(proxy: str, where: Mapping[str, Any]) -> tuple[SplitResult, int]:
    """Return the parts of a proxy's URL and its port. Raises ConnectionFailed (proxy-address)."""
    try:
        parts = urlsplit(proxy if '://' in proxy else 'http://' + proxy)
        port = parts.port or (443 if parts.scheme == 'https' else 80)
    except ValueError as ex:
        # Not in Python's words: what it takes for a port can be a part of the password.
        raise ConnectionFailed('proxy-address', 'proxy', 'its host or port cannot be read', **where) from ex
    if not parts.hostname or parts.scheme not in ('http', 'https'):
        raise ConnectionFailed('proxy-address', 'proxy', 'it names no host and port of an HTTP proxy', **where)
    return parts, port


def _ask(way: Any, target: str, user: str | None, password: str | None) -> http.client.HTTPResponse:
    lines = [f'CONNECT {target} HTTP/1.1', f'Host: {target}']
    if user is not None:
        pair = f'{unquote(user)}:{unquote(password or "")}'.encode()
        lines.append('Proxy-Authorization: Basic ' + b64encode(pair).decode())
    way.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1', 'replace'))
    answer = http.client.HTTPResponse(way, method='CONNECT')
    answer.begin()
    return answer


def page_title(body: bytes) -> str | None:
    """Return the title of an HTML page, else its first heading."""
    text = body[:_PAGE_CAP].decode('utf-8', 'replace')
    found = re.search(r'<title[^>]*>([^<]{1,300})', text, re.I) or re.search(r'<h[12][^>]*>([^<]{1,300})', text, re.I)
    return ' '.join(found[1].split()) or None if found else None
