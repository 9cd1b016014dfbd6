"""Whether the hosts that layers come from are reached: dedicated data endpoints, regional endpoints, redirects."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping
from urllib.parse import urljoin, urlsplit

from ..clients import Deadline, names
from ..clients.front_door import Answer, opened, tried_again
from ..clients.http import Connection, ConnectionFailed, Response, proxy_for
from ..clients.later import Later
from ..clients.untrusted import mapping, sequence
from ..errors import DataEndpointError
from ..runner import Check, Found, NotApplicable
from . import connection, dns

_HOST = re.compile(r'[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+')
# More than Azure has regions.
_MOST_HOSTS = 100
# The rest of the time is for asking the name servers why.
_LOOKUP_SHARE = 0.7
# Whoever waits for a host until its deadline knows best what it came to.
_GRACE_SECONDS = 0.2


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    resource = needs['login-server'].resource
    if not resource:
        raise NotApplicable('Resource Manager did not show the registry')
    hosts = _hosts(mapping(resource.get('properties')))
    if not hosts:
        raise NotApplicable('The registry has no data endpoints or regional endpoints of its own')
    deadline = context.operation()
    under_way = [(host, kind, Later(partial(_opened, context, host, deadline), f'reach {host}'))
                 for host, kind in hosts.items()]
    found = [_target(*one, deadline) for one in under_way]
    details = {'registry': context.options.registry, 'targets': [target for target, _ in found]}
    findings = [(target, finding) for target, finding in found if finding]
    if not findings:
        kinds = [f'{list(hosts.values()).count(kind)} {kind} endpoints' for kind in dict.fromkeys(hosts.values())]
        return Found(f'Reached: {connection.spoken_list(kinds)}', details=details)
    # Layers come from the data endpoints; whoever uses the login server can do without the regional ones.
    target, first = min(findings, key=lambda one: (one[0]['status'] != 'failed', one[0]['kind'] != 'data'))
    finding = DataEndpointError(first.cause, **{**first.evidence, **details})
    if target['status'] == 'failed' and target['kind'] == 'data':
        raise finding
    return Found('', warning=finding)


def _target(host: str, kind: str, work: Later[tuple[str | None, str | None]],
            deadline: Deadline) -> tuple[dict[str, Any], DataEndpointError | None]:
    """Return what came of one endpoint, and what is worth saying of it."""
    facts = {'host': host, 'kind': kind, 'region': host.split('.')[1]}
    try:
        address, first_try = work.result(Deadline(deadline.left() + _GRACE_SECONDS))
        return {**facts, 'status': 'passed', 'address': address}, \
            DataEndpointError('transient', host=host, first=first_try) if first_try else None
    except DataEndpointError as failure:
        finding = failure
    except TimeoutError:
        finding = DataEndpointError('connect-timeout', host=host, port=443, seconds=round(deadline.seconds, 1))
    return {**facts, 'status': 'failed', 'address': finding.evidence.get('address'), 'cause': finding.cause,
            'reason': finding.advice.message}, finding


def _hosts(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the registry's endpoints besides its login server, and of which kind each is."""
    found = {str(host).lower(): kind for kind in ('data', 'regional')
             for host in sequence(properties.get(f'{kind}EndpointHostNames'))}
    return {host: kind for host, kind in list(found.items())[:_MOST_HOSTS] if _HOST.fullmatch(host)}


def _opened(context: Any, host: str, deadline: Deadline) -> tuple[str | None, str | None]:
    way, first_try = reach(context, host, deadline)
    way.close()
    return way.peer.address, first_try


def reach(context: Any, host: str, deadline: Deadline, port: int = 443) -> tuple[Connection, str | None]:
    """Return an open connection to that host, and what the first try came to where it was the second. Raises
    DataEndpointError with what is in the way."""
    way = Connection(host, [] if proxy_for(host) else _addresses(host, deadline), context.trust, port=port)
    try:
        return way, opened(way, deadline)
    except ConnectionFailed as failure:
        raise failed(failure) from failure


def _addresses(host: str, deadline: Deadline) -> Any:
    lookup = names.look_up_within(host, deadline.within(_LOOKUP_SHARE * deadline.left()))
    if not lookup.addresses or all(map(names.is_sinkhole, lookup.addresses)):
        problem = dns.trouble(lookup, names.explain(host, deadline))
        if problem:
            raise DataEndpointError(problem.cause, **problem.evidence)
    return lookup.addresses


def failed(failure: ConnectionFailed, **facts: Any) -> DataEndpointError:
    """Return what a failed connection or exchange with such a host means."""
    cause, evidence = connection.why(failure)
    # Something came, and then not what was asked for in time.
    if cause == 'answer-timeout' and evidence.get('body_bytes'):
        cause = 'data-dripping'
    return DataEndpointError(cause, **{**facts, **evidence})


@dataclass(frozen=True)
class Served:
    """An answer with a blob, or in place of one, and who gave it."""

    host: str
    address: str | None
    response: Response
    first_try: str | None = None


class Redirects:
    """Fetches what the registry sends from elsewhere: one connection to each host, within one operation's time.

    The link is signed, so it is a secret of its own and all that is sent; no other goes along.
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
            base, port, path = _leads_to(base, redirect.header('Location'), {'host': hosts[-1], 'what': what})
            hosts.append(urlsplit(base).hostname or '')
            answer, way = self._ask(hosts[-1], port, path, headers, most, what)
            if not 300 <= answer.response.status < 400:
                return Served(hosts[-1], way.peer.address, answer.response, answer.first_try)
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
            raise failed(failure, what=what) from failure
        return Answer(answer.response, answer.first_try or first_try), way


def _leads_to(base: str, location: str | None, facts: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return where a redirect leads: its address, port and path with query. Raises DataEndpointError where nothing may
    be sent there."""
    try:
        given = (location or '').strip()
        url = urljoin(base, given)
        parts = urlsplit(url)
        host, port = (parts.hostname or '').rstrip('.'), parts.port or 443
        whole = bool(given) and re.fullmatch(r'[!-~]+', url) and _HOST.fullmatch(host) and parts.username is None
    except ValueError:
        whole, host, port = None, '', 0
    if not whole:
        raise DataEndpointError('redirect-unusable', **facts, reason='the address of a host on https')
    shown = f'{parts.scheme}://{host}'
    if parts.scheme != 'https':
        raise DataEndpointError('redirect-unusable', **facts, location=shown, reason='https')
    return url, port, (parts.path or '/') + (f'?{parts.query}' if parts.query else '')


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
    said = _STORAGE_ERROR.search(response.body)
    code, words = ([part.decode('utf-8', 'replace') for part in said.groups(b'')] if said else ('', ''))
    facts = {**facts, 'error': code, 'said': ': '.join(part for part in (code, words.strip()) if part),
             'request_id': response.header('x-ms-request-id')}
    if response.status == 404 and code == 'BlobNotFound':
        return DataEndpointError('blob-missing', **facts)
    return DataEndpointError('data-refused', **facts)


def _overrun(context: Any, seconds: float) -> DataEndpointError:
    return DataEndpointError('connect-timeout', registry=context.options.registry, host=context.guessed_host,
                             seconds=round(seconds, 1))


CHECK = Check('data-endpoints', 'data', _run, _overrun, needs=('login-server',))
