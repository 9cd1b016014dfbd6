"""Which login server the registry has, and what Resource Manager says of it; in doubt the cloud's suffix decides."""

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple

from ..clients import Deadline, names
from ..clients.azure import Account, ManagementFailed, SignInFailed
from ..clients.http import ConnectionFailed, Response
from ..clients.untrusted import mapping, sequence
from ..errors import LoginServerError
from ..runner import Check, Found
from . import connection, sign_in

# So many other subscriptions are searched for a registry that is not in the active one.
_MOST_SUBSCRIPTIONS = 20


class Registry(NamedTuple):
    """The registry that was asked for. ``resource`` is empty where Resource Manager did not show it."""

    login_server: str
    resource: Mapping[str, Any] = MappingProxyType({})
    account: Account | None = None

    @property
    def is_public(self) -> bool:
        """Whether Resource Manager showed the registry, open to public networks and with no private endpoint."""
        properties = mapping(self.resource.get('properties'))
        return bool(properties) and not sequence(properties.get('privateEndpointConnections')) \
            and _lower(properties.get('publicNetworkAccess')) != 'disabled'


def _run(context: Any, _: Mapping[str, Any]) -> Found:
    deadline = context.operation()
    context.set_out()
    try:
        account = context.azure.account()
    except SignInFailed as failure:
        return _guess(context, *sign_in.why(context, failure))
    evidence = {'registry': context.options.registry, 'subscription': account.subscription_name,
                'subscription_id': account.subscription_id, 'identity': account.identity_name}
    try:
        resource = _find(context, account, deadline)
        if resource is None:
            elsewhere = _find_elsewhere(context, deadline)
            if elsewhere is None:
                return _guess(context, 'registry-not-visible', evidence)
            return _found(context, *elsewhere, asked=account)
    except sign_in.NoToken as failure:
        return _guess(context, failure.cause, {**evidence, **failure.evidence})
    except ManagementFailed as failure:
        return _guess(context, *_why_no_listing(failure, evidence))
    except ConnectionFailed as failure:
        cause, facts = connection.why(failure)
        return _guess(context, 'management-silent' if cause in ('answer-timeout', 'connect-timeout', 'tls-timeout')
                      else cause, {**evidence, **facts})
    except TimeoutError:
        return _guess(context, 'management-silent',
                      {**evidence, 'host': context.azure.management_host, 'seconds': context.options.timeout})
    return _found(context, resource, account, asked=account)


def _find(context: Any, account: Account, deadline: Deadline) -> Mapping[str, Any] | None:
    """Return the registry in that account's subscription."""
    token = sign_in.wait_for(context, context.azure.management_token(account))
    return _pick(context, context.azure.registries(account.subscription_id, token, deadline))


def _pick(context: Any, entries: Any) -> Mapping[str, Any] | None:
    label = context.options.registry
    name = label.partition('-')[0]
    return next((entry for entry in entries if str(entry.get('name')).lower() in (label, name)), None)


def _find_elsewhere(context: Any, deadline: Deadline) -> tuple[Mapping[str, Any], Account] | None:
    """Return the registry in another subscription of the same user."""
    others = context.azure.other_accounts()[:_MOST_SUBSCRIPTIONS]
    tokens = [context.azure.management_token(account) for account in others]
    for account, token in zip(others, tokens):
        try:
            found = _pick(context, context.azure.registries(account.subscription_id, token.result(deadline), deadline))
        except (SignInFailed, ManagementFailed, ConnectionFailed, TimeoutError):
            continue
        if found is not None:
            return found, account
    return None


def _found(context: Any, resource: Mapping[str, Any], account: Account, *, asked: Account) -> Found:
    properties = mapping(resource.get('properties'))
    host = str(properties.get('loginServer') or '').lower().rstrip('.')
    if not names.HOST.fullmatch(host):
        return _guess(context, 'login-server-absent', {'registry': context.options.registry, 'said': host})
    context.front_door(host)
    sku = mapping(resource.get('sku')).get('name')
    location = resource.get('location')
    details = {'login_server': host, 'source': 'resource-manager', 'resource_id': resource.get('id'),
               'name': resource.get('name'), 'sku': sku, 'location': location,
               'subscription': account.subscription_name, 'subscription_id': account.subscription_id,
               'tenant_id': account.tenant_id, 'home_tenant_id': account.home_tenant_id,
               'identity': account.identity_name, **_clock(context), **_settings(properties)}
    warning = None
    if account.subscription_id != asked.subscription_id:
        warning = LoginServerError('registry-in-other-subscription', registry=context.options.registry,
                                   subscription=account.subscription_name, subscription_id=account.subscription_id,
                                   active=asked.subscription_name)
    about = ', '.join(str(item) for item in (sku, location) if item)
    return Found(f'{host} ({about})' if about else host, details=details, warning=warning,
                 value=Registry(host, resource, account))


def _settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that explain what other checks find. Values are in lower case: Azure uses both."""
    rules = mapping(properties.get('networkRuleSet'))
    allowed = [str(mapping(rule).get('value')) for rule in sequence(rules.get('ipRules')) if mapping(rule)]
    policy = mapping(mapping(properties.get('policies')).get('azureADAuthenticationAsArmPolicy'))
    return {'public_access': _lower(properties.get('publicNetworkAccess')),
            'default_action': _lower(rules.get('defaultAction')), 'allowed_addresses': allowed,
            'private_endpoints': len(sequence(properties.get('privateEndpointConnections'))),
            'arm_tokens': _lower(policy.get('status')),
            'role_assignment_mode': _lower(properties.get('roleAssignmentMode')),
            'provisioning_state': _lower(properties.get('provisioningState'))}


def _guess(context: Any, cause: str, evidence: Mapping[str, Any]) -> Found:
    """Return the login server by the cloud's suffix, with the reason why it is not known better."""
    facts = {'registry': context.options.registry, 'cloud': context.azure.cloud, **evidence}
    why_not = LoginServerError(cause, **facts)
    if context.guessed_host is None:
        raise LoginServerError('login-server-unknown', **facts, reason=why_not.advice.message.rstrip('.'))
    return Found(context.guessed_host, warning=why_not, value=Registry(context.guessed_host),
                 details={'login_server': context.guessed_host, 'source': 'cloud-suffix', **_clock(context)})


def _clock(context: Any) -> dict[str, Any]:
    """Return what Resource Manager's clock says of this machine's."""
    return {'clock_skew_seconds': context.azure.clock_skew, 'clock_witness': context.azure.management_host}


_BY_STATUS = {401: 'management-sign-in', 403: 'management-forbidden', 404: 'subscription-unknown',
              429: 'management-throttled'}


def _why_no_listing(failure: ManagementFailed, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return why Resource Manager's answer is of no use."""
    response = failure.response
    if response is None:
        return 'management-unusable', {**evidence, 'text': str(failure)}
    error = management_error(response)
    facts = {**evidence, 'status': response.status, 'said': error.get('message'), 'error': error.get('code'),
             'retry_after': response.header('Retry-After'),
             'correlation_id': response.header('x-ms-correlation-request-id') or response.header('x-ms-request-id')}
    if response.status >= 500:
        return 'management-unavailable', facts
    if error and response.status in _BY_STATUS:
        return _BY_STATUS[response.status], facts
    return ('management-unusable' if error else 'management-intercepted'), \
        {**facts, **connection.who_answered(response)}


def management_error(response: Response) -> dict[str, str]:
    """Return the code and message of a Resource Manager error; empty where the answer is not one."""
    error = mapping(mapping(response.json()).get('error'))
    return {key: str(error[key]) for key in ('code', 'message') if error.get(key)}


def _lower(value: Any) -> str | None:
    return str(value).lower() if value else None


def _overrun(context: Any, seconds: float) -> Found:
    waited = {'seconds': round(seconds, 1)}
    if not context.azure.token(context.azure.management_audience).done():
        return _guess(context, 'sign-in-silent', {'host': context.azure.sign_in_host, **waited})
    return _guess(context, 'management-silent', {'host': context.azure.management_host, **waited})


CHECK = Check('login-server', 'registry', _run, _overrun)
