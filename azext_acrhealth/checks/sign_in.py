"""Why the sign-in service gave no token: one judgement for every token that is asked for."""

import json
from typing import Any, Iterator

from ..clients import names
from ..clients.azure import SignInFailed, sudo_user
from ..clients.http import Connection, ConnectionFailed
from . import connection

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


def why(context: Any, failure: SignInFailed) -> tuple[str, dict[str, Any]]:
    """Return the cause of a failed sign-in, and the evidence for it."""
    account = _account(context)
    evidence = {**account, 'host': context.azure.sign_in_host, 'said': failure.sentence,
                'aadsts': f'AADSTS{failure.code}' if failure.code else None,
                'audience': context.azure.registry_audience}
    if failure.code:
        return _BY_CODE.get(failure.code, 'sign-in-refused'), evidence
    text = str(failure.error)
    if not account or "Please run 'az login'" in text and 'not logged in' in text.lower():
        other = sudo_user()
        return ('signed-in-as-other-user' if other else 'not-signed-in'), {**evidence, 'other_user': other}
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


def _why_no_answer(context: Any, failure: SignInFailed, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return what an answer means that holds no AADSTS code: MSAL and requests lose most of it on the way."""
    kinds = {type(error).__name__ for error in _chain(failure.error)}
    text = str(failure.error)
    if kinds & {'SSLError', 'ProxyError', 'ConnectionError', 'ConnectTimeout', 'ReadTimeout', 'InvalidProxyURL',
                'OSError'}:
        return _why_no_connection(context, evidence)
    if 'HTTP Error: 5' in text or any(f'HTTP Error: {status}' in text for status in (500, 502, 503, 504)):
        return 'sign-in-unavailable', evidence
    if "Can't find token from MSAL cache" in text or 'HTTP Error: 429' in text:
        return 'sign-in-throttled', evidence
    if isinstance(failure.error, (json.JSONDecodeError, ValueError)) or 'JSONDecodeError' in kinds:
        return _why_no_sense(context, evidence)
    return 'sign-in-refused', evidence


def _open(context: Any) -> Connection:
    """Open a connection to the sign-in service, without any secret, to see what is in the way. One step's time."""
    host = context.azure.sign_in_host
    deadline = context.operation()
    way = Connection(host, names.look_up_within(host, deadline).addresses, context.trust)
    way.open(deadline)
    return way


def _why_no_connection(context: Any, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    try:
        _open(context).close()
    except ConnectionFailed as failure:
        cause, facts = connection.why(failure)
        return cause, {**evidence, **facts}
    return 'sign-in-unreachable', evidence


def _why_no_sense(context: Any, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Tell an unknown tenant from something that answers in the sign-in service's place, by its discovery document."""
    path = f'/{evidence.get("tenant_id") or "organizations"}/v2.0/.well-known/openid-configuration'
    try:
        response = _open(context).request('GET', path, context.operation())
    except ConnectionFailed as failure:
        cause, facts = connection.why(failure)
        return cause, {**evidence, **facts}
    content = response.json()
    if isinstance(content, dict) and content.get('error') == 'invalid_tenant':
        said = SignInFailed(ValueError(str(content.get('error_description'))))
        return 'tenant-unknown', {**evidence, 'said': said.sentence, 'aadsts': 'AADSTS90002'}
    if response.status == 429:
        return 'sign-in-throttled', evidence
    if response.status >= 500:
        return 'sign-in-unavailable', {**evidence, 'status': response.status}
    return 'sign-in-intercepted', {**evidence, **connection.who_answered(response)}
