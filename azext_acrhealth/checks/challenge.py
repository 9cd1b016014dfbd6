"""Whether the registry answers ``GET /v2/`` with a challenge for Microsoft Entra ID; and if not, who says what."""

from typing import Any, Mapping, NamedTuple

from ..clients import registry
from ..clients.front_door import Answer, FrontDoor
from ..clients.http import ConnectionFailed, Response
from ..errors import ConnectivityAadLoginError, ConnectivityChallengeError, ConnectivityForbiddenError, \
    ConnectivityTooManyRequestsError, HealthCheckError
from ..runner import Check, Found
from . import connection


class Challenged(NamedTuple):
    """A front door that asks for a sign-in, and the service that tokens are to be made out to."""

    front_door: FrontDoor
    service: str


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    front_door: FrontDoor = needs['tls']
    try:
        answer: Answer = front_door.challenge.result(context.operation())
    except ConnectionFailed as failure:
        cause, evidence = connection.why(failure)
        raise ConnectivityChallengeError(cause, **evidence) from failure
    except TimeoutError as ex:
        peer = front_door.connection.result(context.operation()).peer
        raise ConnectivityChallengeError('answer-timeout', host=peer.host, address=peer.address,
                                         seconds=round(context.options.timeout, 1)) from ex
    response = answer.response
    facts = {'host': front_door.host, 'registry': context.options.registry, 'status': response.status}
    if response.status != 401 or not response.all('WWW-Authenticate'):
        raise _no_challenge(response, facts)
    challenge = _entra_challenge(response, facts)
    warning = ConnectivityChallengeError('transient', **facts, first=answer.first_try) if answer.first_try else None
    return Found(f'{front_door.host} asks for a sign-in', warning=warning,
                 value=Challenged(front_door, challenge.parameters['service']),
                 details={**facts, 'realm': challenge.parameters['realm'],
                          'service': challenge.parameters['service']},
                 began=front_door.connection.ended, ended=front_door.challenge.ended)


def _no_challenge(response: Response, facts: dict[str, Any]) -> HealthCheckError:
    """Return what an answer means that is no challenge."""
    error = registry.error_of(response)
    facts = {**facts, **connection.who_answered(response), 'said': error.message if error else None,
             'correlation_id': error.correlation_id if error else None}
    if response.status == 429:
        return ConnectivityTooManyRequestsError('throttled', **facts, retry_after=retry_after(response))
    if response.status == 403:
        return ConnectivityForbiddenError(forbidden(error) if error else 'forbidden-in-between', **facts,
                                          client_address=registry.refused_address(error))
    if 300 <= response.status < 400:
        return ConnectivityChallengeError('redirected', **facts)
    if response.status >= 500:
        cause = 'gateway-timeout' if response.status == 504 else 'registry-unavailable'
        return ConnectivityChallengeError(cause, **facts)
    if response.status == 404 and (registry.is_registry(response) or not response.body):
        return ConnectivityChallengeError('registry-not-here', **facts)
    if _is_page(response):
        return ConnectivityChallengeError('page-in-between' if response.status in (200, 401, 407, 511)
                                          else 'other-service', **facts)
    return ConnectivityChallengeError('challenge-missing' if response.status == 401 else 'other-service', **facts)


def _is_page(response: Response) -> bool:
    return 'html' in (response.header('Content-Type') or '').lower() or b'<html' in response.body[:2048].lower()


def _entra_challenge(response: Response, facts: dict[str, Any]) -> registry.Challenge:
    """Return the Bearer challenge with its realm on the registry's own host. Raises ConnectivityAadLoginError."""
    headers = response.all('WWW-Authenticate')
    offered = registry.parse_challenges(headers)
    facts = {**facts, 'offered': [challenge.scheme for challenge in offered] or headers[:3]}
    bearer = [challenge for challenge in offered if challenge.scheme == 'bearer']
    if not bearer:
        if not registry.is_registry(response):
            raise ConnectivityAadLoginError('sign-in-in-between', **{**facts, **connection.who_answered(response)})
        raise ConnectivityAadLoginError('challenge-not-bearer', **facts)
    complete = [challenge for challenge in bearer
                if challenge.parameters.get('realm') and challenge.parameters.get('service')]
    if not complete:
        raise ConnectivityAadLoginError('challenge-incomplete', **facts, header=headers[0])
    own = [challenge for challenge in complete
           if registry.own_realm(challenge.parameters['realm'], facts['host'])
           and challenge.parameters['service'].lower() == facts['host']]
    if not own:
        parameters = complete[0].parameters
        realm_is_own = registry.own_realm(parameters['realm'], facts['host'])
        raise ConnectivityAadLoginError('challenge-foreign-service' if realm_is_own else 'challenge-foreign-realm',
                                        **facts, realm=connection.without_query(parameters['realm']),
                                        service=parameters['service'])
    return own[0]


def forbidden(error: registry.RegistryError) -> str:
    """Return the cause of a 403 in the registry's own words: its firewall, unless they are other words."""
    return 'registry-firewall' if registry.refused_address(error) or 'firewall' in error.message \
        else 'registry-forbids'


def retry_after(response: Response) -> str | None:
    """Return how long the answer asks to wait, in words; None where it does not say (RFC 9110, 10.2.3)."""
    value = (response.header('Retry-After') or '').strip()
    if value.isascii() and value.isdigit():
        return f'{int(value[:9])} s'
    return value[:60] or None


def _overrun(context: Any, seconds: float) -> HealthCheckError:
    return ConnectivityChallengeError('answer-timeout', host=context.guessed_host, seconds=round(seconds, 1))


CHECK = Check('challenge', 'network', _run, _overrun, needs=('login-server', 'tls'))
