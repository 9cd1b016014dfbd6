"""Whether the registry gives a refresh token for the user's sign-in, and an access token that allows what is needed."""

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from .._validators import ACTIONS
from ..clients import registry
from ..clients.azure import SignInFailed
from ..clients.front_door import Answer, FrontDoor
from ..clients.http import ConnectionFailed, Response
from ..errors import ConnectivityAccessTokenError, ConnectivityRefreshTokenError, ConnectivityTooManyRequestsError, \
    HealthCheckError
from ..runner import Check, Found
from . import connection, sign_in
from .challenge import Challenged, forbidden, retry_after

# The built-in roles that grant an action, by the registry's role assignment mode
# (docs: "Azure Container Registry Entra permissions and role assignments overview").
_ROLES = {
    'pull': ('AcrPull', 'Container Registry Repository Reader'),
    'metadata_read': ('AcrPull', 'Container Registry Repository Reader'),
    'push': ('AcrPush', 'Container Registry Repository Writer'),
    'metadata_write': ('AcrPush', 'Container Registry Repository Writer'),
    'delete': ('AcrDelete', 'Container Registry Repository Contributor'),
}
_ABAC = 'abacrepositorypermissions'


class Refreshed(NamedTuple):
    """A refresh token, which is a secret, and where it may be used."""

    front_door: FrontDoor
    service: str
    refresh_token: str


class Granted(NamedTuple):
    """An access token, which is a secret, and the repository that it is for; ``ask`` returns one for another scope."""

    front_door: FrontDoor
    access_token: str
    repository: str | None
    ask: Callable[[str], str]


def _refresh(context: Any, needs: Mapping[str, Any]) -> Found:
    challenged: Challenged = needs['challenge']
    account = needs['login-server'].account
    facts = {'host': challenged.front_door.host, 'registry': context.options.registry,
             'audience': context.azure.registry_audience}
    try:
        token = sign_in.wait_for(context, context.azure.registry_token(account))
    except SignInFailed as failure:
        cause, evidence = sign_in.why(context, failure)
        raise ConnectivityRefreshTokenError(cause, **{**facts, **evidence}) from failure
    except sign_in.NoToken as failure:
        raise ConnectivityRefreshTokenError(failure.cause, **{**facts, **failure.evidence}) from failure
    facts['tenant_id'] = token.tenant_id
    form = registry.exchange_form(challenged.service, token.tenant_id, token.value)
    answer = ask(context, challenged.front_door, ConnectivityRefreshTokenError, facts, method='POST',
                 path='/oauth2/exchange', headers=registry.FORM, body=form)
    response = answer.response
    refresh_token = registry.token_in(response, 'refresh_token') if response.status == 200 else None
    if refresh_token is None:
        raise refused(response, ConnectivityRefreshTokenError, 'exchange-unauthorized', facts)
    return Found('The registry gave a refresh token', details=facts,
                 value=Refreshed(challenged.front_door, challenged.service, refresh_token),
                 warning=_transient(answer, ConnectivityRefreshTokenError, facts))


def _access(context: Any, needs: Mapping[str, Any]) -> Found:
    refreshed: Refreshed = needs['refresh-token']

    def request(scope: str | None) -> dict[str, Any]:
        form = registry.token_form(refreshed.service, scope, refreshed.refresh_token)
        return {'method': 'POST', 'path': '/oauth2/token', 'headers': registry.FORM, 'body': form}

    return access(context, needs, refreshed.front_door, ACTIONS, request)


def access(context: Any, needs: Mapping[str, Any], front_door: FrontDoor, actions: Sequence[str],
           request: Callable[[str | None], dict[str, Any]]) -> Found:
    """Return what the access token allows that ``request`` brings for a scope, whoever signs in by it; the scope is
    that of these actions on the repository that the user asked about."""
    repository = context.options.repository
    facts = {'host': front_door.host, 'registry': context.options.registry, 'repository': repository}

    def token_for(scope: str | None) -> tuple[str, Answer]:
        answer = ask(context, front_door, ConnectivityAccessTokenError, facts, **request(scope))
        response = answer.response
        access_token = registry.token_in(response, 'access_token') if response.status == 200 else None
        if access_token is None:
            raise refused(response, ConnectivityAccessTokenError, 'token-unauthorized', facts)
        return access_token, answer

    access_token, answer = token_for(f'repository:{repository}:{",".join(actions)}' if repository else None)
    warning = _transient(answer, ConnectivityAccessTokenError, facts)
    value = Granted(front_door, access_token, repository, lambda other: token_for(other)[0])
    if repository is None:
        return Found('The registry gave an access token', value, facts, warning)
    granted = registry.granted(access_token, repository)
    if granted is None:
        raise ConnectivityAccessTokenError('token-unreadable', **facts)
    required = [action for action in ACTIONS if action in context.options.require]
    lacking = [action for action in required if action not in granted and '*' not in granted]
    facts = {**facts, 'granted': list(granted), 'required': required, 'lacking': lacking}
    if lacking:
        raise actions_missing(ConnectivityAccessTokenError, facts, needs['login-server'].resource)
    return Found(f'Granted on {repository}: {connection.spoken_list(list(granted))}', value, facts, warning)


def actions_missing(error: type[HealthCheckError], facts: Mapping[str, Any],
                    resource: Mapping[str, Any]) -> HealthCheckError:
    """Return which roles would grant what is lacking, for the registry's role assignment mode."""
    properties = resource.get('properties')
    mode = str((properties if isinstance(properties, dict) else {}).get('roleAssignmentMode') or '')
    roles = list(dict.fromkeys(_ROLES[action][mode.lower() == _ABAC] for action in facts['lacking']))
    # The wider role of a mode holds the rights of the narrower ones, except AcrDelete, which only deletes.
    if mode.lower() == _ABAC:
        roles = roles[-1:]
    elif 'AcrPush' in roles and 'AcrPull' in roles:
        roles.remove('AcrPull')
    return error('actions-missing', **facts, role=roles[0], other_role=''.join(roles[1:]),
                 roles=connection.spoken_list(roles), mode=mode, resource_id=resource.get('id'))


def ask(context: Any, front_door: FrontDoor, error: type[HealthCheckError], facts: Mapping[str, Any],
        **request: Any) -> Answer:
    """Return the answer; a connection that fails is ``error`` with these facts."""
    try:
        return front_door.request(deadline=context.operation(), **request)
    except ConnectionFailed as failure:
        cause, evidence = connection.why(failure)
        raise error(cause, **{**facts, **evidence, 'path': connection.without_query(request['path'])}) from failure


def refused(response: Response, error: type[HealthCheckError], unauthorized: str,
            facts: Mapping[str, Any]) -> HealthCheckError:
    """Return what an answer means that holds nothing of what was asked for."""
    said = registry.error_of(response)
    facts = {**facts, **connection.who_answered(response), 'said': said.message if said else None,
             'flaw': response.flaw,
             'correlation_id': said.correlation_id if said else response.header('X-Ms-Correlation-Request-Id')}
    if response.status == 429:
        return ConnectivityTooManyRequestsError('throttled', **facts, retry_after=retry_after(response))
    if response.status >= 500:
        return error('gateway-timeout' if response.status == 504 else 'registry-unavailable', **facts)
    if 300 <= response.status < 400:
        return error('redirected', **facts)
    if said is None:
        return error('token-missing' if _is_json(response) else 'page-in-between', **facts)
    if response.status == 403:
        return error(forbidden(said), **facts, client_address=registry.refused_address(said))
    return error(unauthorized if response.status == 401 else 'token-refused', **facts)


def _is_json(response: Response) -> bool:
    return 'json' in (response.header('Content-Type') or '').lower() or response.json() is not None


def _transient(answer: Answer, error: type[HealthCheckError], facts: Mapping[str, Any]) -> HealthCheckError | None:
    return error('transient', **facts, first=answer.first_try) if answer.first_try else None


def _refresh_overrun(context: Any, seconds: float) -> HealthCheckError:
    return ConnectivityRefreshTokenError('answer-timeout', host=context.guessed_host, seconds=round(seconds, 1))


def _access_overrun(context: Any, seconds: float) -> HealthCheckError:
    return ConnectivityAccessTokenError('answer-timeout', host=context.guessed_host, seconds=round(seconds, 1))


REFRESH = Check('refresh-token', 'sign-in', _refresh, _refresh_overrun, needs=('login-server', 'challenge'))
ACCESS = Check('access-token', 'sign-in', _access, _access_overrun, needs=('login-server', 'refresh-token'))
