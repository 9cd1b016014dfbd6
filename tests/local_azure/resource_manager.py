"""Resource Manager: subscriptions, tenants, registries and what belongs to them, in the shapes of its recordings."""
import datetime
import json
import re
import uuid
from typing import Any, Dict, List, Optional, Tuple

import jwt
from aiohttp import web

from . import names, resources
from .answers import Call, answer
from .tokens import Tokens
from .world import World

JSON = Dict[str, Any]
REGISTRY_TYPE = 'Microsoft.ContainerRegistry/registries'
NOW_FORMAT = '%-m/%-d/%Y %-I:%M:%S %p'

# Code: HTTP status and text; the texts that Resource Manager has.
REFUSALS: Dict[str, Tuple[int, str]] = {
    'ResourceNotFound': (404, "The Resource '{resource}' under resource group '{group}' was not found. For more "
                              "details please go to https://aka.ms/ARMResourceNotFoundFix"),
    'SubscriptionNotFound': (404, "The subscription '{subscription}' could not be found."),
    'ResourceGroupNotFound': (404, "Resource group '{group}' could not be found."),
    'AuthorizationFailed': (403, "The client '{client}' with object id '{object}' does not have authorization to "
                                 "perform action '{action}' over scope '{scope}' or the scope is invalid. If access "
                                 "was recently granted, please refresh your credentials."),
    'AuthenticationFailed': (401, "Authentication failed. The 'Authorization' header is missing."),
    'InvalidAuthenticationToken': (401, "The access token is invalid."),
    'InvalidAuthenticationTokenAudience': (401, "The access token has been obtained for wrong audience or resource "
                                                "'{audience}'. It should exactly match with one of the allowed "
                                                "audiences '{audiences}'."),
    'InvalidAuthenticationTokenTenant': (401, "The access token is from the wrong issuer 'https://sts.windows.net/"
                                              "{tenant}/'. It must match the tenant 'https://sts.windows.net/"
                                              "{wanted}/' associated with this subscription. Please use the authority "
                                              "(URL) 'https://login.windows.net/{wanted}' to get the token."),
    'ExpiredAuthenticationToken': (401, "The access token expiry UTC time '{then}' is earlier than current UTC time "
                                        "'{now}'."),
    'NoRegisteredProviderFound': (400, "No registered resource provider found for location 'westeurope' and API "
                                       "version '{version}' for type 'registries'. The supported api-versions are "
                                       "'{versions}'. The supported locations are 'westeurope, northeurope, eastus, "
                                       "southeastasia'."),
    'ResourceRequestsThrottled': (429, "Number of requests for action '{action}' exceeded the limit of '50' for time "
                                       "interval '00:05:00'. Please try again after '372' seconds."),
    'GatewayTimeout': (504, "The gateway did not receive a response from 'Microsoft.ContainerRegistry' within the "
                            "specified time period."),
}


def refusal(call: Call, code: str, **fields: str) -> web.Response:
    """An ARM error with the request's own names in it."""
    status, text = REFUSALS[code]
    claims = _claims(call)
    now = datetime.datetime.now(datetime.timezone.utc)
    scope = call.path.split('/listCredentials')[0]
    match = re.search(r'/providers/([^/]+/[^/]+)', call.path)
    kind = match.group(1) if match else REGISTRY_TYPE
    facts = {'resource': _provider_path(call.path), 'group': _part(call.path, 'resourcegroups'), 'scope': scope,
             'subscription': _part(call.path, 'subscriptions'), 'client': claims.get('upn') or claims.get('appid', ''),
             'object': claims.get('oid', ''), 'action': kind + _verb(call), 'now': now.strftime(NOW_FORMAT),
             'then': (now - datetime.timedelta(minutes=7)).strftime(NOW_FORMAT), **fields}
    headers = [('x-ms-failure-cause', 'gateway')]
    if status == 401:
        headers.append(('WWW-Authenticate', f'Bearer authorization_uri="https://login.windows.net/{names.TENANT_A}", '
                                            f'error="invalid_token", error_description="{text.format(**facts)}"'))
    return _json(status, {'error': {'code': code, 'message': text.format(**facts)}}, headers)


def _verb(call: Call) -> str:
    return '/listCredentials/action' if call.path.endswith('/listCredentials') else '/read'


def _json(status: int, body: JSON, headers: Any = ()) -> web.Response:
    request_id = str(uuid.uuid4())
    return answer(status, json.dumps(body, separators=(',', ':')), [
        ('Cache-Control', 'no-cache'), ('Pragma', 'no-cache'), ('x-ms-request-id', request_id),
        ('x-ms-correlation-request-id', request_id),
        ('Strict-Transport-Security', 'max-age=31536000; includeSubDomains'),
        ('X-Content-Type-Options', 'nosniff'), ('Server', 'Kestrel'), *headers])


def _part(path: str, name: str) -> str:
    """The path segment after the one of that name, whose case does not matter."""
    match = re.search(f'/{name}/([^/]+)', path, re.IGNORECASE)
    return match.group(1) if match else ''


def _provider_path(path: str) -> str:
    """Type and name of a resource, as an error names it."""
    return path.partition('/providers/')[2]


def _claims(call: Call) -> JSON:
    try:
        claims: JSON = jwt.decode(call.authorization[1], options={'verify_signature': False})
        return claims
    except jwt.InvalidTokenError:
        return {}


class ResourceManager:
    """Resource Manager of all clouds; who asks, and in which tenant, its bearer token says."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world, self._tokens = world, tokens

    # pylint: disable-next=too-many-return-statements
    async def __call__(self, call: Call) -> web.Response:
        """Answers one request, once its token has been found good for this cloud and the subscription's tenant."""
        path = call.path.lower().rstrip('/')
        if path == '/metadata/endpoints':
            return _json(200, _endpoints(names.cloud_of(call.host)))
        refused = self._unauthenticated(call)
        if refused:
            return refused
        tenant = _claims(call)['tid']
        if path == '/tenants':
            return _json(200, {'value': [_tenant(tenant)]})
        if path == '/subscriptions':
            return _json(200, {'value': [_subscription(one) for one, (_, owner) in names.SUBSCRIPTIONS.items()
                                         if owner == tenant]})
        subscription = _part(call.path, 'subscriptions').lower()
        if subscription not in names.SUBSCRIPTIONS:
            return refusal(call, 'SubscriptionNotFound')
        wanted = names.SUBSCRIPTIONS[subscription][1]
        if wanted != tenant:
            return refusal(call, 'InvalidAuthenticationTokenTenant', tenant=tenant, wanted=wanted)
        if path == f'/subscriptions/{subscription}':
            return _json(200, _subscription(subscription))
        if '/providers/microsoft.containerregistry/' in path and not self._knows_version(call):
            return refusal(call, 'NoRegisteredProviderFound', version=call.query.get('api-version', ''),
                           versions=', '.join(self._world.settings.api_versions))
        return self._collection(call, path, subscription) or self._resource(call, path)

    def _unauthenticated(self, call: Call) -> Optional[web.Response]:
        if call.authorization[0] != 'bearer':
            return refusal(call, 'AuthenticationFailed')
        audiences = names.cloud_of(call.host).audiences
        allowed = [spelling for audience in audiences for spelling in (audience, audience.rstrip('/'))]
        try:
            self._tokens.read_entra(call.authorization[1], allowed)
        except jwt.ExpiredSignatureError:
            return refusal(call, 'ExpiredAuthenticationToken')
        except jwt.InvalidAudienceError:
            return refusal(call, 'InvalidAuthenticationTokenAudience', audience=str(_claims(call).get('aud')),
                           audiences=','.join(allowed))
        except jwt.InvalidTokenError:
            return refusal(call, 'InvalidAuthenticationToken')
        return None

    def _knows_version(self, call: Call) -> bool:
        return call.query.get('api-version') in self._world.settings.api_versions

    def _served(self, call: Call, registry: JSON) -> JSON:
        return resources.as_served(registry, call.query.get('api-version', ''),
                                   names.cloud_of(call.host).registry_suffix)

    def _registries(self, subscription: str, group: str) -> List[JSON]:
        """The registries of a subscription, or of one group, that may be read."""
        prefix = f'/subscriptions/{subscription}/' + (f'resourcegroups/{group}/' if group else '')
        return [registry for name, registry in self._world.registries.items()
                if registry['id'].lower().startswith(prefix) and name not in self._world.forbidden]

    def _collection(self, call: Call, path: str, subscription: str) -> Optional[web.Response]:
        """The lists: registries by provider, resources by type (without properties), role assignments, free names."""
        group = _part(path, 'resourcegroups')
        registries = self._registries(subscription, group)
        if path.endswith('/providers/microsoft.containerregistry/registries'):
            return self._page(call, [self._served(call, one) for one in registries])
        if path.endswith('/resources'):
            wanted = call.query.get('$filter', '')
            listed = [_listed(one) for one in registries] if REGISTRY_TYPE.lower() in wanted.lower() else []
            name = re.search(r"name eq '([^']*)'", wanted)
            return self._page(call, [one for one in listed if not name or one['name'] == name.group(1)])
        if path.endswith('/providers/microsoft.authorization/roleassignments'):
            return self._page(call, self._world.settings.role_assignments)
        if path.endswith('/resourcegroups'):
            groups = sorted({_part(one['id'], 'resourceGroups') for one in registries})
            return self._page(call, [{'id': f'/subscriptions/{subscription}/resourceGroups/{one}', 'name': one,
                                      'location': 'westeurope'} for one in groups])
        return None

    def _page(self, call: Call, value: List[JSON]) -> web.Response:
        """One page of a list, with the link to the next."""
        start, size = int(call.query.get('$skiptoken', '0')), self._world.settings.page_size
        body: JSON = {'value': value[start:start + size]}
        if start + size < len(value):
            body['nextLink'] = (f"https://{call.host}{call.path}?api-version={call.query.get('api-version', '')}"
                                f'&$skiptoken={start + size}')
        return _json(200, body)

    # pylint: disable-next=too-many-return-statements
    def _resource(self, call: Call, path: str) -> web.Response:
        """One resource, or something that a registry lists below itself."""
        if path.endswith('/checknameavailability'):
            return _json(200, {'nameAvailable': True})
        name = _part(path, 'registries')
        registry = next((one for key, one in self._world.registries.items() if key.lower() == name), None)
        if {one.lower() for one in self._world.forbidden} & set(path.split('/')):
            return refusal(call, 'AuthorizationFailed')
        if path in self._world.resources:
            suffix = names.cloud_of(call.host).registry_suffix
            return _json(200, resources.in_cloud(self._world.resources[path], suffix))
        if not registry or not path.startswith(registry['id'].lower()):
            return refusal(call, 'ResourceNotFound')
        below = path[len(registry['id']):].strip('/')
        if not below:
            return _json(200, self._served(call, registry))
        if below == 'listcredentials':
            return _credentials(registry)
        if '/' in below:
            return refusal(call, 'ResourceNotFound')
        if below == 'privateendpointconnections':
            return _json(200, {'value': registry['properties'].get('privateEndpointConnections') or []})
        return _json(200, {'value': [one for key, one in self._world.resources.items()
                                     if key.startswith(f'{path}/')]})


def _credentials(registry: JSON) -> web.Response:
    """The admin user's password, if the registry has an admin user."""
    if registry['properties'].get('adminUserEnabled'):
        return _json(200, {'username': registry['name'],
                           'passwords': [{'name': 'password', 'value': names.ADMIN_PASSWORD}]})
    return _json(400, {'error': {
        'code': 'UnAuthorizedForCredentialOperations',
        'message': f"Cannot perform credential operations for {registry['id']} as admin user is disabled. Kindly "
                   'enable admin user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/'
                   'container-registry-authentication#admin-account'}})


def _listed(registry: JSON) -> JSON:
    """A registry as the list by type has it: without properties, the identity type spelled in capitals."""
    listed: JSON = {key: registry[key] for key in ('id', 'name', 'type', 'sku', 'location', 'tags', 'systemData')
                    if key in registry}
    if 'identity' in registry:
        kinds = [kind.strip() for kind in registry['identity']['type'].split(',')]
        listed['identity'] = {**registry['identity'], 'type': ', '.join(kind[:1].upper() + kind[1:] for kind in kinds)}
    return listed


def _tenant(tenant: str) -> JSON:
    domain = names.TENANT_DOMAINS[tenant]
    return {'id': f'/tenants/{tenant}', 'tenantId': tenant, 'countryCode': 'US', 'tenantCategory': 'Home',
            'displayName': domain.partition('.')[0].title(), 'domains': [domain], 'defaultDomain': domain,
            'tenantType': 'AAD'}


def _subscription(subscription: str) -> JSON:
    name, tenant = names.SUBSCRIPTIONS[subscription]
    return {'id': f'/subscriptions/{subscription}', 'authorizationSource': 'RoleBased', 'managedByTenants': [],
            'subscriptionId': subscription, 'tenantId': tenant, 'displayName': name, 'state': 'Enabled',
            'subscriptionPolicies': {'locationPlacementId': 'Public_2014-09-01', 'quotaId': 'PayAsYouGo_2014-09-01',
                                     'spendingLimit': 'Off'}}


def _endpoints(cloud: names.Cloud) -> JSON:
    """What `az cloud register --endpoint-resource-manager` reads."""
    return {'name': cloud.name, 'portal': f'https://portal.{cloud.resource_manager}',
            'authentication': {'loginEndpoint': f'https://{cloud.entra}/', 'audiences': cloud.audiences,
                               'tenant': 'common', 'identityProvider': 'AAD'},
            'graphAudience': 'https://graph.windows.net/', 'resourceManager': f'https://{cloud.resource_manager}/',
            'suffixes': {'acrLoginServer': cloud.registry_suffix.lstrip('.'), 'storage': 'core.windows.net',
                         'keyVaultDns': 'vault.azure.net'}}
