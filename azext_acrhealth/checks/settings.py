"""The registry's own settings, as Resource Manager showed them: what forbids is a finding, the rest are details.

Each api-version has other keys, Basic and Standard registries fewer than Premium ones, and values come in either case:
what is missing forbids nothing.
"""

from typing import Any, Mapping, Sequence

from ..clients.azure import API_VERSIONS, SignInFailed
from ..clients.http import ConnectionFailed, Response
from ..clients.untrusted import mapping, sequence
from ..errors import CmkError, RegistrySettingError
from ..runner import Check, Found, NotApplicable

_IDENTITY_API = '2023-01-31'
_CHANGING, _FAILED = ('creating', 'updating'), ('failed', 'canceled')


def _resource(needs: Mapping[str, Any]) -> Mapping[str, Any]:
    resource: Mapping[str, Any] = needs['login-server'].resource
    if not resource:
        raise NotApplicable('Resource Manager did not show the registry')
    return resource


def _properties(needs: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(_resource(needs).get('properties'))


def _lower(value: Any) -> str:
    return str(value or '').lower()


def _provisioning(context: Any, needs: Mapping[str, Any]) -> Found:
    state = _properties(needs).get('provisioningState')
    facts = {'registry': context.options.registry, 'state': state, 'resource_id': _resource(needs).get('id')}
    if _lower(state) == 'deleting':
        raise RegistrySettingError('registry-deleting', **facts)
    warning = None
    if _lower(state) in (*_CHANGING, *_FAILED):
        cause = 'registry-changing' if _lower(state) in _CHANGING else 'registry-provisioning-failed'
        warning = RegistrySettingError(cause, **facts)
    return Found(f'Provisioned ({state})' if state else 'Its state is not told', details=facts, warning=warning)


def _access(context: Any, needs: Mapping[str, Any]) -> Found:
    """Say who is admitted. What the firewall makes of this very machine, the challenge tells."""
    properties = _properties(needs)
    rules = mapping(properties.get('networkRuleSet'))
    addresses = [mapping(rule).get('value') for rule in sequence(rules.get('ipRules'))]
    subnets = [mapping(rule).get('virtualNetworkSubnetResourceId') or mapping(rule).get('id')
               for rule in sequence(rules.get('virtualNetworkRules'))]
    endpoints = [_endpoint_state(entry) for entry in sequence(properties.get('privateEndpointConnections'))]
    private = sum(state == 'approved' for state in endpoints)
    closed = _lower(properties.get('publicNetworkAccess')) == 'disabled'
    selective = _lower(rules.get('defaultAction')) == 'deny'
    facts = {'registry': context.options.registry, 'public_access': properties.get('publicNetworkAccess'),
             'default_action': rules.get('defaultAction'), 'allowed_addresses': addresses, 'allowed_subnets': subnets,
             'private_endpoints': endpoints, 'trusted_services': properties.get('networkRuleBypassOptions')}
    warning = None
    admitted = 'every network'
    if closed or selective:
        public = [] if closed else [(len(addresses), 'address rule'), (len(subnets), 'subnet rule')]
        parts = [f'{number} {what}{"s" if number > 1 else ""}'
                 for number, what in (*public, (private, 'private endpoint')) if number]
        admitted = ', '.join(parts)
        if not parts:
            warning = RegistrySettingError('nobody-admitted', **facts)
    return Found(f'Open to {admitted}', details=facts, warning=warning)


def _endpoint_state(connection: Any) -> str:
    properties = mapping(mapping(connection).get('properties'))
    return _lower(mapping(properties.get('privateLinkServiceConnectionState')).get('status'))


def _policies(context: Any, needs: Mapping[str, Any]) -> Found:
    properties = _properties(needs)
    policies = {name: mapping(policy).get('status') for name, policy in mapping(properties.get('policies')).items()}
    mode = properties.get('roleAssignmentMode')
    facts = {'registry': context.options.registry, **{str(name): status for name, status in policies.items()},
             'role_assignment_mode': mode, 'anonymous_pull': properties.get('anonymousPullEnabled'),
             'admin_user': properties.get('adminUserEnabled')}
    warning = RegistrySettingError('quarantine-enabled', **facts) \
        if _lower(policies.get('quarantinePolicy')) == 'enabled' else None
    return Found(f'No policy keeps images back{f" ({mode})" if mode else ""}', details=facts, warning=warning)


def _replicas(context: Any, needs: Mapping[str, Any]) -> Found:
    resource = _resource(needs)
    if _lower(mapping(resource.get('sku')).get('name')) != 'premium':
        raise NotApplicable('Only Premium registries have replicas')
    facts = {'registry': context.options.registry}
    response = _read(context, needs, f'{resource.get("id")}/replications', *API_VERSIONS)
    if isinstance(response, str) or response.status != 200:
        said = response if isinstance(response, str) else f'{response.status} {response.reason}'
        return Found('', warning=RegistrySettingError('settings-unread', **facts, what='replicas', text=said))
    targets = [_replica(entry) for entry in map(mapping, sequence(mapping(response.json()).get('value'))) if entry]
    late = [target['region'] for target in targets if not target['ready']]
    warning = RegistrySettingError('replica-not-ready', **facts, regions=late, targets=targets) if late else None
    ready = ', '.join(target['region'] for target in targets)
    return Found(f'Replicas ready: {ready}' if targets else 'Not geo-replicated', warning=warning,
                 details={**facts, 'targets': targets})


def _replica(entry: Mapping[str, Any]) -> dict[str, Any]:
    properties = mapping(entry.get('properties'))
    shown, state = mapping(properties.get('status')).get('displayStatus'), properties.get('provisioningState')
    return {'region': str(entry.get('location') or entry.get('name')), 'status': shown, 'provisioning_state': state,
            'serves': properties.get('regionEndpointEnabled'),
            'ready': _lower(shown) in ('ready', '') and _lower(state) in ('succeeded', '')}


def _read(context: Any, needs: Mapping[str, Any], path: str, *versions: str) -> Response | str:
    """Return Resource Manager's answer, in the first of these api-versions that it has; a text where there is none."""
    try:
        response: Response = context.azure.read(path, needs['login-server'].account, context.operation(), *versions)
        return response
    except (SignInFailed, ConnectionFailed, TimeoutError) as ex:
        return str(ex)


def _key(context: Any, needs: Mapping[str, Any]) -> Found:
    resource = _resource(needs)
    properties = _properties(needs)
    if _lower(properties.get('provisioningState')) == 'creating':
        raise NotApplicable('The registry is still being created')
    encryption = mapping(properties.get('encryption'))
    vault = mapping(encryption.get('keyVaultProperties'))
    if not vault:
        return Found('Encrypted with a key of the service', details={'status': encryption.get('status')})
    client_id = str(vault.get('identity') or '')
    facts = {'registry': resource.get('name'), 'client_id': client_id, 'key': vault.get('keyIdentifier')}
    identity = mapping(resource.get('identity'))
    if client_id.lower() == 'system' or not client_id:
        if identity.get('principalId'):
            return Found('The customer-managed key is used with the system identity', details=facts)
        raise CmkError('key-identity-gone', **facts)
    for path, entry in mapping(identity.get('userAssignedIdentities')).items():
        if str(mapping(entry).get('clientId')).lower() == client_id.lower():
            return _resolve(context, needs, str(path), {**facts, 'identity_id': path})
    raise CmkError('key-identity-gone', **facts)


def _resolve(context: Any, needs: Mapping[str, Any], path: str, facts: dict[str, Any]) -> Found:
    """Return whether that user-assigned identity still exists: the registry may name one that is gone."""
    response = _read(context, needs, path, _IDENTITY_API)
    if isinstance(response, str):
        return Found('', warning=CmkError('key-identity-unread', **facts, text=response))
    found = str(mapping(mapping(response.json()).get('properties')).get('clientId')).lower()
    if response.status == 404 or response.status == 200 and found != facts['client_id'].lower():
        raise CmkError('key-identity-gone', **facts, status=response.status)
    if response.status != 200:
        return Found('', warning=CmkError('key-identity-unread', **facts, status=response.status,
                                          text=f'{response.status} {response.reason}'))
    return Found('The identity of the customer-managed key exists', details=facts)


def _key_overrun(context: Any, seconds: float) -> Found:
    return Found('', warning=CmkError('key-identity-unread', registry=context.options.registry,
                                      text=f'no answer within {round(seconds)} s'))


def _overrun(context: Any, seconds: float) -> Found:
    return Found('', warning=RegistrySettingError('settings-unread', registry=context.options.registry,
                                                  what='settings', text=f'no answer within {round(seconds)} s'))


ALL: Sequence[Check] = [
    Check('provisioning-state', 'settings', _provisioning, _overrun, needs=('login-server',)),
    Check('network-access', 'settings', _access, _overrun, needs=('login-server',)),
    Check('policies', 'settings', _policies, _overrun, needs=('login-server',)),
    Check('replicas', 'settings', _replicas, _overrun, needs=('login-server',)),
    Check('customer-managed-key', 'settings', _key, _key_overrun, needs=('login-server',)),
]
