"""Where a registry's redirects lead: storage, data endpoints, or something in between that answers in their place."""

import re
from typing import Any, Mapping, NamedTuple
from urllib.parse import urljoin, urlsplit

from ..clients import Deadline, names, registry
from ..clients.front_door import Answer, tried_again
from ..clients.http import Connection, ConnectionFailed, Response
from ..errors import DataEndpointError
from . import connection
from .data_path import reach


class Served(NamedTuple):
    """An answer with a blob, or in place of one, and who gave it."""

    host: str
    address: str | None
    response: Response
    first_try: str | None = None


class Redirects:
    """Fetches what the registry sends from elsewhere: one connection to each host, within one operation's time.

    The link is signed, so it is a secret; and it is all that is sent: a token would be one more, and not storage's.
    """

    _MOST = 5

    def __init__(self, context: Any) -> None:
        self._context = context
        self._deadline: Deadline | None = None
        self._ways: dict[tuple[str, int], Connection] = {}

    def get(self, redirect: Response, host: str, headers: Mapping[str, str], most: int, what: str) -> Served:
        """Return the answer at the end of a redirect by ``host``. Raises DataEndpointError."""
        self._deadline = self._deadline or self._context.operation()
        base, hosts = f'https://{host}/', [host]
        for _ in range(self._MOST):
            facts = {'host': hosts[-1], 'what': what}
            base, target, port, path = _leads_to(base, redirect.header('Location'), facts)
            hosts.append(target)
            answer, way = self._ask(target, port, path, headers, most, what)
            if not 300 <= answer.response.status < 400:
                return Served(target, way.peer.address, answer.response, answer.first_try)
            redirect = answer.response
        raise DataEndpointError('redirect-loop', host=host, what=what, hosts=hosts, count=self._MOST)

    # pylint: disable-next=too-many-arguments,too-many-positional-arguments
    def _ask(self, host: str, port: int, path: str, headers: Mapping[str, str], most: int,
             what: str) -> tuple[Answer, Connection]:
        deadline = self._deadline
        assert deadline is not None
        first_try = None
        if (host, port) not in self._ways:
            self._ways[host, port], first_try = reach(self._context, host, deadline, port)
        way = self._ways[host, port]
        try:
            answer = tried_again(lambda: way.request('GET', path, deadline, headers=headers, most=most), deadline)
        except ConnectionFailed as failure:
            raise _failed(failure, what=what) from failure
        return Answer(answer.response, answer.first_try or first_try), way


def _leads_to(base: str, location: str | None, facts: Mapping[str, Any]) -> tuple[str, str, int, str]:
    """Return where a redirect leads: its address, host, port, and path with query. Raises DataEndpointError where
    nothing may be sent there."""
    try:
        given = (location or '').strip()
        url = urljoin(base, given)
        parts = urlsplit(url)
        host, port = (parts.hostname or '').rstrip('.'), parts.port or 443
        whole = bool(given) and re.fullmatch(r'[!-~]+', url) and names.HOST.fullmatch(host) and parts.username is None
    except ValueError:
        whole, host, port = None, '', 0
    if not whole:
        raise DataEndpointError('redirect-unusable', **facts, reason='the address of a host on https')
    shown = f'{parts.scheme}://{host}'
    if parts.scheme != 'https':
        raise DataEndpointError('redirect-unusable', **facts, location=shown, reason='https')
    return url, host, port, (parts.path or '/') + (f'?{parts.query}' if parts.query else '')


def _failed(failure: ConnectionFailed, **facts: Any) -> DataEndpointError:
    """Return what a failed exchange means."""
    cause, evidence = connection.why(failure)
    # Something came, and then not what was asked for in time.
    if cause == 'answer-timeout' and evidence.get('body_bytes'):
        cause = 'data-dripping'
    return DataEndpointError(cause, **{**facts, **evidence})


_STORAGE_ERROR = re.compile(rb'<Code>([\w.-]{1,100})</Code>\s*(?:<Message>([^<]{1,500}))?')


def is_page(response: Response) -> bool:
    """Return whether that is a web page and no blob."""
    return 'html' in (response.header('Content-Type') or '').lower() \
        or response.body.lstrip()[:9].lower().startswith((b'<!doctype', b'<html'))


def not_served(served: Served, facts: Mapping[str, Any]) -> DataEndpointError | None:
    """Return what it means that the answer is no blob; None where it is one."""
    response = served.response
    facts = {**facts, **connection.who_answered(response), 'host': served.host, 'address': served.address}
    if is_page(response):
        return DataEndpointError('data-page', **facts)
    if response.status in (200, 206):
        return None
    refused = registry.error_of(response)
    if registry.refused_address(refused):
        return DataEndpointError('registry-firewall', **facts, client_address=registry.refused_address(refused))
    said = _STORAGE_ERROR.search(response.body)
    code, words = ([part.decode('utf-8', 'replace') for part in said.groups(b'')] if said else ('', ''))
    facts = {**facts, 'error': code, 'said': ': '.join(part for part in (code, words.strip()) if part),
             'request_id': response.header('x-ms-request-id')}
    if response.status == 404 and code == 'BlobNotFound':
        return DataEndpointError('blob-missing', **facts)
    return DataEndpointError('data-refused', **facts)
