"""Whether the registry gives an access token for a user name and password, or for none, as docker asks for it.

Takes the place of the sign-in of the Azure CLI where the user asked for that. The password goes to the verified login
server alone, and only because the challenge names a realm on that very host.
"""

import re
from datetime import datetime, timezone
from typing import Any, Mapping

from .._validators import ACTIONS, ANONYMOUS_ACTIONS
from ..clients import registry
from ..clients.azure import API_VERSIONS, SignInFailed
from ..clients.http import ConnectionFailed
from ..clients.untrusted import mapping, sequence
from ..context import OtherSignIn
from ..errors import ConnectivityAccessTokenError
from ..redaction import basic
from ..runner import Check, Found, NotApplicable
from . import connection, tokens
from .challenge import Challenged
from .login_server import Registry
from .sign_in import Trouble

ANONYMOUS, ADMIN, PRINCIPAL, TOKEN, LOGIN_TOKEN = \
    'anonymous', 'adminUser', 'servicePrincipal', 'repositoryToken', 'loginToken'

_GUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)
# The user name that goes with what az acr login --expose-token prints.
_NOBODY = '00000000-0000-0000-0000-000000000000'

# The registry's words for a user name that is neither its admin user nor a token of its own nor a GUID.
_UNKNOWN_NAME = re.compile('Application not registered|client id must be guid', re.IGNORECASE)

_SPOKEN = {ANONYMOUS: 'anybody', ADMIN: 'the admin user {}', PRINCIPAL: 'the service principal {}',
           TOKEN: 'the repository token {}', LOGIN_TOKEN: 'the token of az acr login'}


def kind_of(username: str | None, asked: str | None) -> str:
    """Return what a user name is by its form, for a registry as the user named it."""
    if username is None:
        return ANONYMOUS
    if _GUID.fullmatch(username):
        return LOGIN_TOKEN if username == _NOBODY else PRINCIPAL
    return ADMIN if username.lower() == str(asked).partition('-')[0] else TOKEN


def _refresh(context: Any, _: Mapping[str, Any]) -> Found:
    anonymous = context.options.other_sign_in.username is None
    raise NotApplicable('Not needed: ' + ('nobody signs in' if anonymous else
                                          'the sign-in is by user name and password, not that of the Azure CLI'))


def _access(context: Any, needs: Mapping[str, Any]) -> Found:
    challenged: Challenged = needs['challenge']
    chosen: OtherSignIn = context.options.other_sign_in
    username = chosen.username
    kind = kind_of(username, context.options.registry)
    who = {'username': username, 'kind': kind, 'identity': username if kind == PRINCIPAL else None}
    secret = {'Authorization': f'Basic {basic(username, chosen.password)}'} if username is not None else None

    def request(scope: str | None) -> dict[str, Any]:
        return {'method': 'GET', 'path': registry.token_query(challenged.service, scope, username), 'headers': secret}

    try:
        found = tokens.access(context, needs, challenged.front_door,
                              ANONYMOUS_ACTIONS if username is None else ACTIONS, request)
    except ConnectivityAccessTokenError as error:
        facts = {**error.evidence, **who}
        cause = error.cause
        if cause == 'token-unauthorized':
            cause, more = _unauthorized(context, needs['login-server'], chosen, facts)
            facts.update(more)
        elif cause == 'actions-missing':
            cause = {ANONYMOUS: 'anonymous-actions-missing', TOKEN: 'scope-map-lacks'}.get(kind, cause)
        raise ConnectivityAccessTokenError(cause, **facts) from error
    if username is not None:
        _enter(context, found.value, {**found.details, **who})
    message = found.message if context.options.repository else \
        f'The registry gave {_SPOKEN[kind].format(username)} an access token'
    return Found(message, found.value, details={**found.details, **who}, warning=found.warning)


def _enter(context: Any, granted: tokens.Granted, facts: Mapping[str, Any]) -> None:
    """Show the token at the door, the last step of docker login. Raises ConnectivityAccessTokenError."""
    response = tokens.ask(context, granted.front_door, ConnectivityAccessTokenError, facts, method='GET', path='/v2/',
                          headers={'Authorization': f'Bearer {granted.access_token}'}).response
    if response.status != 200:
        raise tokens.refused(response, ConnectivityAccessTokenError, 'token-not-taken', facts)


def _unauthorized(context: Any, shown: Registry, chosen: OtherSignIn, facts: Mapping[str, Any]) -> Trouble:
    """Return what a 401 means for whoever asked, as far as the registry's words and Resource Manager show it."""
    properties = mapping(shown.resource.get('properties'))
    evidence = {'resource_id': shown.resource.get('id'), 'sku': mapping(shown.resource.get('sku')).get('name')}
    kind, said = facts['kind'], str(facts.get('said'))
    if kind == ANONYMOUS:
        return ('anonymous-pull-disabled' if properties.get('anonymousPullEnabled') is False
                else 'anonymous-refused'), evidence
    if kind == ADMIN:
        enabled = properties.get('adminUserEnabled')
        unknown = 'admin-password-wrong' if enabled is True else 'admin-user-refused'
        return ('admin-user-disabled' if enabled is False else unknown), evidence
    if kind == LOGIN_TOKEN:
        until = registry.expiry(chosen.password)
        over = until is not None and until < datetime.now(timezone.utc)
        evidence['until'] = connection.moment(until)
        return ('login-token-expired' if over else 'login-token-refused'), evidence
    if kind == PRINCIPAL:
        return ('principal-secret-refused' if 'secret' in said else 'principal-refused'), evidence
    if _UNKNOWN_NAME.search(said):
        return 'user-name-unknown', evidence
    return _why_not_the_token(context, shown, str(chosen.username), evidence)


def _why_not_the_token(context: Any, shown: Registry, name: str, evidence: dict[str, Any]) -> Trouble:
    """Return what Resource Manager shows of a repository token that the registry refuses."""
    if not shown.account or not re.fullmatch('[A-Za-z0-9-]+', name):
        return 'repository-token-refused', evidence
    try:
        response = context.azure.read(f'{evidence["resource_id"]}/tokens/{name}', shown.account, context.operation(),
                                      API_VERSIONS[0])
    except (SignInFailed, ConnectionFailed, TimeoutError):
        return 'repository-token-refused', evidence
    if response.status == 404:
        return 'user-name-unknown', evidence
    properties = mapping(mapping(response.json()).get('properties'))
    if response.status != 200 or not properties:
        return 'repository-token-refused', evidence
    if str(properties.get('status')).lower() == 'disabled':
        return 'repository-token-disabled', evidence
    passwords = sequence(mapping(properties.get('credentials')).get('passwords'))
    over = [end for end in (_moment(mapping(one).get('expiry')) for one in passwords)
            if end and end < datetime.now(timezone.utc)]
    cause = 'repository-token-expired' if over and len(over) == len(passwords) else 'repository-token-password-wrong'
    return cause, {**evidence, 'until': connection.moment(max(over, default=None))}


def _moment(text: Any) -> datetime | None:
    """Return a moment that Resource Manager names, which may have more digits than Python reads."""
    try:
        parsed = datetime.fromisoformat(re.sub(r'\.\d+|Z$', '', str(text)))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


CHECKS = {check.name: check for check in (
    Check('refresh-token', 'sign-in', _refresh, tokens.REFRESH.overrun, needs=()),
    Check('access-token', 'sign-in', _access, tokens.ACCESS.overrun, needs=('login-server', 'challenge')))}
