"""Whether a secure connection to the login server comes about, and whose certificate it is."""

from typing import Any, Mapping

from ..clients.front_door import FrontDoor
from ..clients.http import Connection, ConnectionFailed, without_password
from ..errors import ConnectivityChallengeError, ConnectivitySslError, HealthCheckError
from ..runner import Check, Found
from . import connection

# A certificate that ends sooner than this is a warning.
_SOON_DAYS = 14

# What the built-in command, which asks through requests, takes for a fault of TLS; elsewhere, a silence or a reset in
# the handshake included, it says that no connection came about.
_SECURITY = ('tls', 'not-tls', 'ca-bundle', 'closed')


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    front_door = context.front_door(needs['login-server'].login_server)
    try:
        opened: Connection = front_door.connection.result(context.operation())
    except ConnectionFailed as failure:
        raise _error(failure, _clock(context, front_door, failure)) from failure
    except TimeoutError as ex:
        raise _overrun(context, context.options.timeout) from ex
    peer = opened.peer
    facts = {'host': peer.host, 'address': peer.address, 'proxy': without_password(peer.proxy) if peer.proxy else None,
             'tls_version': peer.tls_version,
             **connection.certificate_facts(peer.certificate), 'failed_addresses': list(peer.failed_addresses),
             'first': front_door.first_try}
    version = peer.tls_version.replace('TLSv', 'TLS ')
    issuer = facts.get('issuer')
    return Found(f'{version}, issued by {issuer}' if issuer else f'{version}, certificate not verified',
                 details=facts, value=front_door, warning=_doubt(opened, front_door.verified, facts),
                 began=front_door.lookup.ended, ended=front_door.connection.ended)


def _clock(context: Any, front_door: FrontDoor, failure: ConnectionFailed) -> dict[str, Any]:
    """Return what the server's clock says of this machine's, where a certificate's dates are what is wrong."""
    if failure.evidence.get('verify_code') not in connection.DATES:
        return {}
    skew = front_door.clock_skew(context.operation().within(context.options.timeout / 2))
    return {'clock_skew_seconds': skew, 'clock_witness': front_door.host}


def _error(failure: ConnectionFailed, clock: dict[str, Any]) -> HealthCheckError:
    cause, evidence = connection.why(failure)
    evidence.update(clock)
    if failure.stage == 'tls' and failure.kind in _SECURITY:
        return ConnectivitySslError(cause, **evidence)
    return ConnectivityChallengeError(cause, **evidence)


def _doubt(opened: Connection, verified: bool, facts: dict[str, Any]) -> HealthCheckError | None:
    if not verified:
        return ConnectivitySslError('verification-disabled', **facts)
    days = connection.days_left(opened.peer.certificate)
    if days is not None and days < _SOON_DAYS:
        return ConnectivitySslError('certificate-expires-soon', **facts, days=max(0, round(days)))
    if opened.peer.failed_addresses:
        return ConnectivityChallengeError('address-dead', **facts)
    if facts['first']:
        return ConnectivityChallengeError('transient', **facts)
    return None


def _overrun(context: Any, seconds: float) -> HealthCheckError:
    return ConnectivityChallengeError('connect-timeout', host=context.guessed_host, port=443,
                                      seconds=round(seconds, 1))


CHECK = Check('tls', 'network', _run, _overrun, needs=('login-server', 'dns'))
