"""The way to one login server: its name, one connection, its first answer; walked as soon as the name is known or
guessed, without any secret, so that the checks find it walked."""

import time
from typing import Callable, Mapping, NamedTuple

from . import Deadline
from .http import BODY_CAP, Connection, ConnectionFailed, Response, Trust, proxy_for
from .later import Later
from .names import Lookup, look_up, look_up_within

# Answers of a gateway that are often over a moment later.
_TRANSIENT = (502, 503, 504)
_PAUSE_SECONDS = 0.3


class Answer(NamedTuple):
    """An answer, and what the first try came to where this was the second."""

    response: Response
    first_try: str | None = None


def connection_to(host: str, trust: Trust, deadline: Deadline, port: int = 443) -> Connection:
    """Return a connection to that host that is not open yet; a proxy looks names up by itself."""
    return Connection(host, [] if proxy_for(host) else look_up_within(host, deadline).addresses, trust, port=port)


class FrontDoor:
    """One login server. ``timeout`` is in seconds, for each step."""

    def __init__(self, host: str, trust: Trust, timeout: float) -> None:
        self.host = host
        self.proxy = proxy_for(host)
        self.verified = trust.verify
        self._trust = trust
        self._timeout = timeout
        #: What the first attempt to connect came to, where it was the second that came about.
        self.first_try: str | None = None
        self.lookup: Later[Lookup] = Later(lambda: look_up(host), f'look up {host}')
        self.connection: Later[Connection] = Later(self._connect, f'connect to {host}')
        self.challenge: Later[Answer] = Later(self._ask, f'ask {host}')

    def _connect(self) -> Connection:
        addresses = [] if self.proxy else self.lookup.result(Deadline(self._timeout)).addresses
        deadline = Deadline(self._timeout)
        connection = Connection(self.host, addresses, self._trust)
        self.first_try = opened(connection, deadline)
        return connection

    def clock_skew(self, deadline: Deadline) -> int | None:
        """Return by how many seconds this machine's clock is ahead of the server's, whose certificate is verified but
        for its dates; None where it does not say."""
        try:
            way = connection_to(self.host, self._trust._replace(dates=False), deadline)
            response = way.request('GET', '/v2/', deadline)
            way.close()
            return response.clock_skew
        except ConnectionFailed:
            return None

    def _ask(self) -> Answer:
        connection = self.connection.result(Deadline(2 * self._timeout))
        return self.request('GET', '/v2/', Deadline(self._timeout), connection=connection)

    def request(self, method: str, path: str, deadline: Deadline, *, headers: Mapping[str, str] | None = None,
                body: str | None = None, connection: Connection | None = None, most: int = BODY_CAP) -> Answer:
        """Return the answer over the one connection; what may be over a moment later is tried once more in time."""
        way = connection or self.connection.result(deadline)

        def once() -> Response:
            return way.request(method, path, deadline, headers=headers, body=body, most=most)

        return tried_again(once, deadline)


def opened(connection: Connection, deadline: Deadline) -> str | None:
    """Open that connection, at the second try where the first is cut off; return what that first try came to."""
    try:
        connection.open(deadline)
        return None
    except ConnectionFailed as failure:
        if failure.kind not in ('reset', 'closed') or deadline.left() < _PAUSE_SECONDS:
            raise
        first_try = failure.text
    time.sleep(_PAUSE_SECONDS)
    connection.open(deadline)
    return first_try


def tried_again(once: Callable[[], Response], deadline: Deadline) -> Answer:
    """Return the answer; what may be over a moment later is tried once more in time."""
    try:
        response = once()
        if response.status not in _TRANSIENT or deadline.left() < _PAUSE_SECONDS:
            return Answer(response)
        first_try = f'{response.status} {response.reason}'.strip()
    except ConnectionFailed as failure:
        if failure.kind not in ('reset', 'closed') or failure.stage == 'proxy' or deadline.left() < _PAUSE_SECONDS:
            raise
        first_try = failure.text
    time.sleep(_PAUSE_SECONDS)
    return Answer(once(), first_try)
