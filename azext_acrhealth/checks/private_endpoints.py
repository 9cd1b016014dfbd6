"""A registry's private endpoints as Resource Manager shows them: the registry's own list, each endpoint, its card."""

import re
from typing import Any, Mapping, NamedTuple
from urllib.parse import quote

from ..clients import Deadline
from ..clients.azure import Account, SignInFailed
from ..clients.http import ConnectionFailed
from ..clients.untrusted import mapping, sequence
from .login_server import Registry, management_error

# The version of Microsoft.Network that the Azure CLI itself asks for endpoints and interfaces.
_API = '2022-01-01'

_ID = r'(?i)/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Network/([^/]+)/([^/]+)'
_HOST = r'[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+'
_DATA = 'registry_data_'
_LEAST_SECONDS = 0.5
_SILENT = 'Resource Manager gave no answer in time'


class Unread(Exception):
    """Resource Manager did not show a resource, and why not. ``gone``: because there is none."""

    def __init__(self, why: str, gone: bool = False) -> None:
        super().__init__(why)
        self.gone = gone


class Address(NamedTuple):
    """What a network interface has for one name. ``region`` is that of a data endpoint."""

    host: str
    address: str
    region: str | None


class Endpoint(NamedTuple):
    """A private endpoint: what its registry says of the connection, and the resource itself.

    ``unread`` says why the resource, or its network, is not known. ``gone``: there is none any more.
    """

    id: str
    connection: str
    status: str
    description: str
    provisioning: str
    registry_id: str
    resource: Mapping[str, Any]
    unread: str = ''
    gone: bool = False

    @property
    def name(self) -> str:
        """Its own name; where the registry does not tell it, the connection's."""
        return self.id.rpartition('/')[2] or self.connection

    @property
    def subscription(self) -> str | None:
        """The subscription that it is in."""
        parts = re.fullmatch(_ID, self.id)
        return parts[1] if parts else None

    @property
    def group(self) -> str | None:
        """The resource group that it is in."""
        parts = re.fullmatch(_ID, self.id)
        return parts[2] if parts else None

    @property
    def properties(self) -> Mapping[str, Any]:
        """What the resource itself says."""
        return mapping(self.resource.get('properties'))

    @property
    def network(self) -> str:
        """The id of the network that it is in."""
        subnet = str(mapping(self.properties.get('subnet')).get('id') or '')
        return re.split('/subnets/', subnet, flags=re.I)[0]

    @property
    def own_status(self) -> str:
        """Its own copy of the connection's status, which can differ from the registry's."""
        for kind in ('privateLinkServiceConnections', 'manualPrivateLinkServiceConnections'):
            for link in map(mapping, sequence(self.properties.get(kind))):
                about = mapping(link.get('properties'))
                if str(about.get('privateLinkServiceId')).lower() == self.registry_id.lower():
                    return str(mapping(about.get('privateLinkServiceConnectionState')).get('status') or '')
        return ''

    @property
    def own_provisioning(self) -> str:
        """How far the resource's own provisioning has come."""
        return str(self.properties.get('provisioningState') or '')

    def row(self, in_network: bool) -> dict[str, Any]:
        """Return it as the report shows it."""
        return {'id': self.id, 'network': self.network, 'in_network': in_network, 'status': self.status,
                'own_status': self.own_status, 'provisioning': self.provisioning,
                'own_provisioning': self.own_provisioning, 'unread': self.unread or None}


class Reader:
    """Reads what belongs to a registry in Resource Manager, by one deadline, in whichever subscription it is."""

    def __init__(self, context: Any, registry: Registry, deadline: Deadline) -> None:
        self._context, self._registry, self._deadline = context, registry, deadline
        self._accounts: dict[str, Account] = {}
        for account in [*context.azure.other_accounts(), context.azure.account(), registry.account]:
            self._accounts[account.subscription_id.lower()] = account

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints in the registry's order. Raises Unread where its settings do not tell them."""
        properties = mapping(self._registry.resource.get('properties'))
        if not isinstance(properties.get('privateEndpointConnections'), list):
            raise Unread('Resource Manager does not tell them in this cloud')
        found: list[Endpoint] = []
        entries = properties['privateEndpointConnections']
        for position, entry in enumerate(entries):
            # One that is waited for in vain leaves time for the others, and for a network interface.
            share = self._deadline.left() / (len(entries) - position + 1)
            found.append(self._endpoint(mapping(entry), self._deadline.within(max(_LEAST_SECONDS, share))))
        return found

    def _endpoint(self, entry: Mapping[str, Any], deadline: Deadline) -> Endpoint:
        about = mapping(entry.get('properties'))
        state = mapping(about.get('privateLinkServiceConnectionState'))
        identifier = str(mapping(about.get('privateEndpoint')).get('id') or '').rstrip('/')
        known: dict[str, Any] = {
            'id': identifier, 'connection': str(entry.get('name') or ''), 'status': str(state.get('status') or ''),
            'description': str(state.get('description') or ''),
            'provisioning': str(about.get('provisioningState') or ''),
            'registry_id': str(self._registry.resource.get('id') or '')}
        try:
            endpoint = Endpoint(**known, resource=self.resource(identifier, deadline))
        except Unread as why:
            return Endpoint(**known, resource={}, unread=str(why), gone=why.gone)
        return endpoint if endpoint.network else endpoint._replace(unread='Resource Manager does not tell its network')

    def addresses(self, endpoint: Endpoint) -> list[Address]:
        """Return what the endpoint's network interfaces have for the registry's names. Raises Unread."""
        found = []
        for card in map(mapping, sequence(endpoint.properties.get('networkInterfaces'))):
            properties = mapping(self.resource(str(card.get('id') or '')).get('properties'))
            for entry in map(mapping, sequence(properties.get('ipConfigurations'))):
                about = mapping(entry.get('properties'))
                link = mapping(about.get('privateLinkConnectionProperties'))
                member, address = str(link.get('requiredMemberName') or ''), str(about.get('privateIPAddress') or '')
                region = member.removeprefix(_DATA) if member.startswith(_DATA) else None
                hosts = [str(host).lower().rstrip('.') for host in sequence(link.get('fqdns'))]
                found += [Address(host, address, region) for host in hosts if address and re.fullmatch(_HOST, host)]
        if not found:
            raise Unread('its network interface names no host')
        return found

    def resource(self, identifier: str, deadline: Deadline | None = None) -> Mapping[str, Any]:
        """Return a resource of Microsoft.Network. Raises Unread."""
        parts = re.fullmatch(_ID, identifier)
        if parts is None:
            raise Unread('Resource Manager does not tell its id')
        deadline = deadline or self._deadline
        account = self._accounts.get(parts[1].lower(), self._registry.account)
        try:
            response = self._context.azure.read(quote(identifier), account, deadline, _API)
        except SignInFailed as failure:
            raise Unread(failure.sentence) from failure
        except ConnectionFailed as failure:
            raise Unread(_SILENT if failure.kind == 'timeout' else failure.text) from failure
        except TimeoutError as ex:
            raise Unread(_SILENT) from ex
        content = response.json()
        if response.status == 200 and isinstance(content, dict):
            return content
        error = management_error(response)
        raise Unread(error.get('message') or f'Resource Manager answered {response.status} {response.reason}'.strip(),
                     gone=response.status == 404 and error.get('code') in ('ResourceNotFound', 'ResourceGroupNotFound'))
