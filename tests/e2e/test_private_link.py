"""The private link check: a registry's private endpoints in one network, and where its names lead here."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.case import ARM, DNS, REGISTRY, SOON, TCP, Arrange, Case, Command, broken, prove
from tests.e2e.test_connection import PROXIED, THROUGH
from tests.e2e.test_sign_in import OTHER_TENANT, in_government, signed_in
from tests.lab import Lab
from tests.local_azure import names, resources

NAME = 'privateregistry'
HOST, DATA = f'{NAME}.azurecr.io', f'{NAME}.westeurope.data.azurecr.io'
LOGIN_ADDRESS, DATA_ADDRESS = RIGHT = names.PRIVATE_ENDPOINT_ADDRESS, names.PRIVATE_DATA_ADDRESS
SECOND, OTHER = names.SECOND_ENDPOINT_ADDRESSES, names.OTHER_NETWORK_ADDRESSES
ENDPOINT, REFUSED = 'PRIVATE_ENDPOINT_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR'
ASTRAY, DNS_ERROR = 'PRIVATE_ENDPOINT_DNS_ERROR', 'CONNECTIVITY_DNS_ERROR'
FIRST, MANAGEMENT = names.NAME_SERVERS[0], names.CLOUDS[0].resource_manager
PE = resources.PRIVATE_ENDPOINT_ID
SECOND_PE = resources.network_id('privateEndpoints', 'second-pe')
OTHER_NETWORK = resources.network_id('virtualNetworks', 'other-vnet')
DEV_NETWORK = resources.network_id('virtualNetworks', 'dev-vnet', names.SUBSCRIPTION_A2, 'dev-rg')
DEV_PE = resources.network_id('privateEndpoints', 'dev-pe', names.SUBSCRIPTION_A2, 'dev-rg')
FABRIKAM_NETWORK = resources.network_id('virtualNetworks', 'fabrikam-vnet', names.SUBSCRIPTION_B1, 'fabrikam-rg')
FABRIKAM_PE = resources.network_id('privateEndpoints', 'fabrikam-pe', names.SUBSCRIPTION_B1, 'fabrikam-rg')


def linked(host: str, *addresses: str, suffix: str = '.azurecr.io', **options: Any) -> Command:
    """A private zone is linked here; it has these addresses for the name."""
    return DNS(host=host, chain=[host.replace(suffix, '.privatelink' + suffix)], addresses=list(addresses), **options)


def zone(login: str = LOGIN_ADDRESS, data: str = DATA_ADDRESS) -> Arrange:
    """A private zone is linked here, with one address for either name."""
    return broken(linked(HOST, login), linked(DATA, data))


def connections(*endpoints: tuple[str, str], **changes: Any) -> Command:
    """The private endpoints that the registry has, with the state of each connection."""
    entries = [resources.connection(NAME, endpoint, status) for endpoint, status in endpoints]
    for entry in entries:
        entry['properties'].update(changes)
    return REGISTRY(name=NAME, privateEndpointConnections=entries)


def exists(identifier: str, addresses: Sequence[str], vnet: str = resources.VNET_ID, **options: Any) -> Arrange:
    """There is such a private endpoint of the registry."""
    def arrange(lab: Lab) -> None:
        for resource in resources.private_endpoint(identifier, NAME, addresses, vnet=vnet, **options):
            lab.azure.resource(resource)
    return arrange


def networks(*identifiers: str) -> Arrange:
    """There are such virtual networks."""
    def arrange(lab: Lab) -> None:
        for identifier in identifiers:
            lab.azure.resource(resources.network(identifier))
    return arrange


def case(name: str, arrange: Arrange, cause: str | None, code: str | None, evidence: Sequence[str] = (),
         remedy: str = '', *, vnet: str | None = 'demo-vnet', args: Sequence[str] = (), **options: Any) -> Case:
    """A case of the registry that has a private endpoint."""
    asked = ['--vnet', vnet] if vnet else []
    return Case(name, arrange, cause, code, evidence, remedy, [*asked, *args], **{'registry': NAME, **options})


CASES = [
    case('right', zone(), None, None, ['private-pe', LOGIN_ADDRESS, DATA_ADDRESS, 'westeurope']),
]


@pytest.mark.parametrize('case_', CASES, ids=lambda case_: case_.id)
def test_a_private_link(lab: Lab, case_: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case_, request)
