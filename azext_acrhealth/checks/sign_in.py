"""Why the sign-in service gave no token: one judgement for every token that is asked for."""

import json
from typing import Any, Iterator

from ..clients import Deadline
from ..clients.azure import SignInFailed, Token, sudo_user
from ..clients.front_door import connection_to
from ..clients.http import ConnectionFailed
from ..clients.later import Later
from . import connection

Trouble = tuple[str, dict[str, Any]]

# Error codes of Microsoft Entra ID ("Microsoft Entra authentication and authorization error codes").
_BY_CODE = {
    50076: 'mfa-required', 50079: 'mfa-required', 50158: 'mfa-required',
    53000: 'conditional-access', 53001: 'conditional-access', 53002: 'conditional-access', 53003: 'conditional-access',
    53004: 'conditional-access', 530034: 'conditional-access',
    70043: 'sign-in-frequency',
    700082: 'session-expired', 700084: 'session-expired', 70008: 'session-expired', 50173: 'session-expired',
    50078: 'session-expired', 50133: 'session-expired',
    65001: 'consent-missing',
    7000215: 'secret-wrong', 7000222: 'secret-expired', 700027: 'secret-wrong', 700024: 'clock-or-assertion',
    700016: 'app-unknown', 7000229: 'app-unknown', 50034: 'user-unknown', 50057: 'user-disabled',
    50126: 'password-wrong', 90002: 'tenant-unknown', 900023: 'tenant-unknown', 90072: 'tenant-foreign-user',
    50020: 'tenant-foreign-user', 500011: 'audience-unknown', 50001: 'audience-unknown',
    90033: 'sign-in-unavailable', 50196: 'sign-in-throttled',
}


# What takes longer than this hangs. Whoever has less time to look can only say that no answer came.
_PATIENCE_SECONDS = 2.0


class NoToken(Exception):
    """The sign-in service gave no token: the cause, and the evidence for it."""

    def __init__(self, cause: str, evidence: dict[str, Any]) -> None:
        super().__init__(cause)
        self.cause = cause
        self.evidence = evidence


def wait_for(context: Any, token: Later[Token]) -> Token:
    """Return the token within one operation's time of its start. Raises NoToken.

    What cannot be seen from inside, MSAL waiting in silence, is looked into from outside while it waits.
    """
    timeout = context.options.timeout
    try:
        try:
            return token.result_within(timeout / 2)
        except TimeoutError:
            look = context.once('look at the sign-in',
                                lambda: _discovery_trouble(context, Deadline(timeout / 2 - 0.2)))
            return _or_trouble(context, token, look)
    except SignInFailed as failure:
        raise NoToken(*why(context, failure)) from failure


def _or_trouble(context: Any, token: Later[Token], look: Later[Trouble | None]) -> Token:
    try:
        return token.result_within(context.options.timeout)
    except TimeoutError as ex:
        silent: Trouble = ('sign-in-silent', {'seconds': context.options.timeout})
        cause, evidence = (look.done() and look.result(Deadline(0))) or silent
        raise NoToken(cause, {**_account(context), 'host': context.azure.sign_in_host, **evidence}) from ex


def why(context: Any, failure: SignInFailed) -> Trouble:
    """Return the cause of a failed sign-in, and the evidence for it."""
    account = _account(context)
    evidence = {**account, 'host': context.azure.sign_in_host, 'said': failure.sentence,
                'aadsts': f'AADSTS{failure.code}' if failure.code else None,
                'audience': context.azure.registry_audience}
    other = sudo_user()
    if failure.code:
        cause = _BY_CODE.get(failure.code, 'sign-in-refused')
        if other and cause == 'session-expired':
            return 'signed-in-as-other-user', {**evidence, 'other_user': other,
                                               'here': f'whose sign-in has expired: {failure.sentence}'}
        return cause, evidence
    text = str(failure.error)
    if not account or "Please run 'az login'" in text and 'not logged in' in text.lower():
        return ('signed-in-as-other-user' if other else 'not-signed-in'), \
            {**evidence, 'other_user': other, 'here': 'who is not'}
    if account.get('identity_type') == 'managedIdentity' or 'MSI' in text or 'managed identity' in text.lower():
        return 'managed-identity-unavailable', evidence
    return _why_no_answer(context, failure, evidence)


def _account(context: Any) -> dict[str, Any]:
    try:
        account = context.azure.account()
    except SignInFailed:
        return {}
    return {'identity': account.identity_name, 'identity_type': account.identity_type,
            'tenant_id': account.tenant_id, 'subscription_id': account.subscription_id}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those behind it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _why_no_answer(context: Any, failure: SignInFailed, evidence: dict[str, Any]) -> Trouble:
    """Return what an answer means that holds no AADSTS code: MSAL and requests lose most of it on the way."""
    kinds = {type(error).__name__ for error in _chain(failure.error)}
    text = str(failure.error)
    if kinds & {'SSLError', 'ProxyError', 'ConnectionError', 'ConnectTimeout', 'ReadTimeout', 'InvalidProxyURL',
                'OSError'}:
        return _why_no_connection(context, evidence)
    if 'HTTP Error: 5' in text:
        return 'sign-in-unavailable', evidence
    if "Can't find token from MSAL cache" in text or 'HTTP Error: 429' in text:
        return 'sign-in-throttled', evidence
    if isinstance(failure.error, (json.JSONDecodeError, ValueError)) or 'JSONDecodeError' in kinds:
        return _why_no_sense(context, evidence)
    return 'sign-in-refused', evidence


def _why_no_connection(context: Any, evidence: dict[str, Any]) -> Trouble:
    """Return what is in the way to the sign-in service: MSAL lets requests' words through, without the evidence."""
    found = _discovery_trouble(context, context.operation())
    return (found[0], {**evidence, **found[1]}) if found else ('sign-in-unreachable', evidence)


def _why_no_sense(context: Any, evidence: dict[str, Any]) -> Trouble:
    """Tell an unknown tenant from something that answers in the sign-in service's place."""
    found = _discovery_trouble(context, context.operation())
    return (found[0], {**evidence, **found[1]}) if found else ('sign-in-unusable', evidence)


def _discovery_trouble(context: Any, deadline: Deadline) -> Trouble | None:
    """Return what is wrong with the sign-in service, None if nothing: by the discovery document of the user's tenant,
    which MSAL reads first and which needs no secret."""
    host = context.azure.sign_in_host
    tenant = _account(context).get('tenant_id') or 'organizations'
    try:
        way = connection_to(host, context.trust, deadline)
        response = way.request('GET', f'/{tenant}/v2.0/.well-known/openid-configuration', deadline)
        way.close()
    except ConnectionFailed as failure:
        cause, facts = connection.why(failure)
        silent = cause == 'answer-timeout' or cause in ('connect-timeout', 'tls-timeout') \
            and deadline.seconds < _PATIENCE_SECONDS
        return ('sign-in-silent', {'seconds': context.options.timeout}) if silent else (cause, facts)
    content = response.json()
    if isinstance(content, dict) and 'AADSTS90002' in str(content.get('error_description')):
        said = SignInFailed(ValueError(content['error_description']))
        return 'tenant-unknown', {'said': said.sentence, 'aadsts': 'AADSTS90002'}
    if response.status == 429:
        return 'sign-in-throttled', {'status': 429, 'retry_after': response.header('Retry-After')}
    if response.status >= 500:
        return 'sign-in-unavailable', {'status': response.status, 'said': f'{response.status} {response.reason}'}
    if not isinstance(content, dict) or 'token_endpoint' not in content:
        return 'sign-in-intercepted', connection.who_answered(response)
    return None
