"""The registry's own settings, from the one reading of Resource Manager."""

from typing import Any, Mapping

from ..clients import Deadline
from ..clients.azure import SignInFailed
from ..clients.http import ConnectionFailed
from ..clients.untrusted import mapping
from ..errors import CmkError
from ..runner import Check, Found, NotApplicable

_IDENTITY_API = '2023-01-31'


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    resource = needs['login-server'].resource
    if not resource:
        raise NotApplicable('Resource Manager did not show the registry')
    properties = mapping(resource.get('properties'))
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
            return _resolve(context, needs['login-server'].account, str(path), {**facts, 'identity_id': path})
    raise CmkError('key-identity-gone', **facts)


def _resolve(context: Any, account: Any, path: str, facts: dict[str, Any]) -> Found:
    """Return whether that user-assigned identity still exists: the registry may name one that is gone."""
    deadline: Deadline = context.operation()
    try:
        token = context.azure.management_token(account).result(deadline)
        response = context.azure.getter(token, deadline)(f'{path}?api-version={_IDENTITY_API}')
    except (SignInFailed, ConnectionFailed, TimeoutError) as ex:
        return Found('', warning=CmkError('key-identity-unread', **facts, text=str(ex)))
    found = str(mapping(mapping(response.json()).get('properties')).get('clientId')).lower()
    if response.status == 404 or response.status == 200 and found != facts['client_id'].lower():
        raise CmkError('key-identity-gone', **facts, status=response.status)
    if response.status != 200:
        return Found('', warning=CmkError('key-identity-unread', **facts, status=response.status,
                                          text=f'{response.status} {response.reason}'))
    return Found('The identity of the customer-managed key exists', details=facts)


def _overrun(context: Any, seconds: float) -> Found:
    return Found('', warning=CmkError('key-identity-unread', registry=context.options.registry,
                                      text=f'no answer within {round(seconds)} s'))


CUSTOMER_MANAGED_KEY = Check('customer-managed-key', 'settings', _run, _overrun, needs=('login-server',))
