"""The private link check: a registry's private endpoints in one network, and where its names lead here."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.case import ARM, DNS, REGISTRY, SOON, TCP, Arrange, Case, Command, broken, prove
from tests.e2e.test_connection import PROXIED, THROUGH
from tests.e2e.test_sign_in import OTHER_TENANT, in_government
from tests.e2e.test_trust import EXCHANGE, RESOURCE_MANAGER, TOKEN, sent
from tests.lab import Lab
from tests.local_azure import names, resources

NAME = 'privateregistry'
HOST, DATA = f'{NAME}.azurecr.io', f'{NAME}.westeurope.data.azurecr.io'
LOGIN_ADDRESS, DATA_ADDRESS = RIGHT = names.PRIVATE_ENDPOINT_ADDRESS, names.PRIVATE_DATA_ADDRESS
SECOND, OTHER = names.SECOND_ENDPOINT_ADDRESSES, names.OTHER_NETWORK_ADDRESSES
ENDPOINT, REFUSED = 'PRIVATE_ENDPOINT_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR'
ASTRAY, DNS_ERROR = 'PRIVATE_ENDPOINT_DNS_ERROR', 'CONNECTIVITY_DNS_ERROR'
FIRST = names.NAME_SERVERS[0]
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


def only_data(lab: Lab) -> None:
    """The endpoint's network interface names the data endpoint alone."""
    endpoint, card = resources.private_endpoint(PE, NAME, RIGHT)
    del card['properties']['ipConfigurations'][0]
    for resource in (endpoint, card):
        lab.azure.resource(resource)


def networks(*identifiers: str) -> Arrange:
    """There are such virtual networks."""
    def arrange(lab: Lab) -> None:
        for identifier in identifiers:
            lab.azure.resource(resources.network(identifier))
    return arrange


def in_hosts_file(host: str, address: str) -> Arrange:
    """Puts a name into the hosts file."""
    def arrange(lab: Lab) -> None:
        with (lab.etc / 'hosts').open('a', encoding='utf-8') as file:
            file.write(f'{address} {host}\n')
    return arrange


def both_tenants(lab: Lab) -> None:
    """Somebody is signed in to either tenant, and works in the registry's."""
    for args in (['login', *OTHER_TENANT], ['account', 'set', '--subscription', names.SUBSCRIPTION_A1]):
        done = lab.az(*args)
        assert done.status == 0, done.stderr


def case(name: str, arrange: Arrange, cause: str | None, code: str | None, evidence: Sequence[str] = (),
         remedy: str = '', *, vnet: str | None = 'demo-vnet', args: Sequence[str] = (), **options: Any) -> Case:
    """A case of the registry that has a private endpoint."""
    asked = ['--vnet', vnet] if vnet else []
    return Case(name, arrange, cause, code, evidence, remedy, [*asked, *args], **{'registry': NAME, **options})


TWO = broken(connections((PE, 'Approved'), (SECOND_PE, 'Approved')), exists(SECOND_PE, SECOND))
ELSEWHERE = broken(connections((PE, 'Approved'), (SECOND_PE, 'Approved')), networks(OTHER_NETWORK),
                   exists(SECOND_PE, OTHER, OTHER_NETWORK))
IN_DEV = broken(connections((DEV_PE, 'Approved')), networks(DEV_NETWORK), exists(DEV_PE, RIGHT, DEV_NETWORK))
IN_FABRIKAM = broken(connections((FABRIKAM_PE, 'Approved')), networks(FABRIKAM_NETWORK),
                     exists(FABRIKAM_PE, RIGHT, FABRIKAM_NETWORK))
NOT_SHOWN = {'do': 'forbid', 'name': 'private-pe'}
CARD_NOT_SHOWN = {'do': 'forbid', 'name': 'private-pe' + resources.NIC_SUFFIX}
PUBLIC = REGISTRY(name=NAME, publicNetworkAccess='Enabled')
GOVERNMENT = {'suffix': '.azurecr.us'}
US, US_DATA = f'{NAME}.azurecr.us', f'{NAME}.westeurope.data.azurecr.us'

CASES = [
    case('right', zone(), None, None, ['private-pe', LOGIN_ADDRESS, DATA_ADDRESS, 'westeurope']),
    case('by-id', zone(), None, None, [LOGIN_ADDRESS], vnet=resources.VNET_ID),
    case('by-id-in-other-letters', zone(), None, None, [LOGIN_ADDRESS], vnet=resources.VNET_ID.upper()),
    case('by-name-in-other-letters', zone(), None, None, [LOGIN_ADDRESS], vnet='Demo-VNet'),

    case('ids-in-other-letters', broken(connections((PE.upper(), 'Approved')), zone()), None, None, [LOGIN_ADDRESS],
         vnet=resources.VNET_ID),
    case('network-of-public-numbers', broken(
        exists(PE, [names.FRONT_ADDRESS, names.DATA_ENDPOINT_ADDRESS]), PUBLIC,
        zone(names.FRONT_ADDRESS, names.DATA_ENDPOINT_ADDRESS)), None, None, [names.FRONT_ADDRESS]),

    # Where the names lead.
    case('record-stale-in-network-of-public-numbers', broken(
        exists(PE, [names.FRONT_ADDRESS, names.DATA_ENDPOINT_ADDRESS]), PUBLIC,
        zone('203.0.113.99', names.DATA_ENDPOINT_ADDRESS)), 'private-endpoint-record-stale', ASTRAY,
         ['203.0.113.99', names.FRONT_ADDRESS]),
    case('zone-unlinked', broken(PUBLIC), 'dns-private-zone-unlinked',
         ASTRAY, [HOST, DATA, names.FRONT_ADDRESS, names.DATA_ENDPOINT_ADDRESS, LOGIN_ADDRESS, DATA_ADDRESS],
         '--zone-name privatelink.azurecr.io'),
    case('zone-unlinked-and-refused', broken(), 'private-endpoint-bypassed', REFUSED,
         [HOST, names.FRONT_ADDRESS, LOGIN_ADDRESS, names.CLIENT_ADDRESS], '--zone-name privatelink.azurecr.io'),
    case('zone-unlinked-and-no-way-out', broken(TCP(host=HOST, mode='drop')), 'dns-private-zone-unlinked', ASTRAY,
         [names.FRONT_ADDRESS, LOGIN_ADDRESS], args=['--timeout', '2']),
    case('only-data-public', broken(linked(HOST, LOGIN_ADDRESS)), 'private-endpoint-record-absent', ASTRAY,
         [DATA, names.DATA_ENDPOINT_ADDRESS, DATA_ADDRESS, f'{HOST} is right'], f'--name {NAME}.westeurope.data '),
    case('only-login-public', broken(linked(DATA, DATA_ADDRESS), PUBLIC),
         'private-endpoint-record-absent', ASTRAY, [HOST, names.FRONT_ADDRESS, LOGIN_ADDRESS, f'{DATA} is right'],
         f'--name {NAME} '),
    case('only-login-public-and-refused', broken(linked(DATA, DATA_ADDRESS)), 'private-endpoint-bypassed', REFUSED,
         [HOST, f'{DATA} is right']),
    case('record-missing', broken(linked(HOST, rcode='NXDOMAIN'), linked(DATA, DATA_ADDRESS)),
         'dns-private-record-missing', DNS_ERROR, [f'{NAME}.privatelink.azurecr.io', LOGIN_ADDRESS],
         'privatelink.azurecr.io'),
    case('data-record-missing', broken(linked(HOST, LOGIN_ADDRESS), linked(DATA, rcode='NXDOMAIN')),
         'dns-private-record-missing', ASTRAY, [DATA, DATA_ADDRESS, f'{HOST} is right'],
         f'nslookup {NAME}.westeurope.data.privatelink.azurecr.io'),
    case('data-unresolved', broken(linked(HOST, LOGIN_ADDRESS), DNS(host=DATA, rcode='SERVFAIL')),
         'private-endpoint-name-unresolved', ASTRAY, [DATA, 'SERVFAIL', FIRST, DATA_ADDRESS], f'nslookup {DATA}'),
    case('data-unresolved-in-time', broken(linked(HOST, LOGIN_ADDRESS), DNS(host=DATA, silent=True)),
         'private-endpoint-name-unresolved', ASTRAY, [DATA, DATA_ADDRESS], f'nslookup {DATA}', args=SOON['args'],
         seconds=SOON['seconds']),
    case('nothing-resolves', broken(DNS(host=f'*{NAME}*', rcode='NXDOMAIN')), 'dns-nxdomain', DNS_ERROR,
         [HOST, DATA, LOGIN_ADDRESS], f'nslookup {HOST}'),
    case('record-stale', zone(login='10.0.0.99'), 'private-endpoint-record-stale', ASTRAY,
         [HOST, '10.0.0.99', LOGIN_ADDRESS, f'{DATA} is right'],
         f'--zone-name privatelink.azurecr.io --name {NAME} '),
    case('data-record-stale', zone(data='10.0.0.99'), 'private-endpoint-record-stale', ASTRAY,
         [DATA, '10.0.0.99', DATA_ADDRESS, f'{HOST} is right'], f'--name {NAME}.westeurope.data '),
    case('record-stale-besides-the-right-one', broken(
        linked(HOST, LOGIN_ADDRESS, '10.0.0.99'), linked(DATA, DATA_ADDRESS)), 'private-endpoint-record-stale', ASTRAY,
         ['10.0.0.99'], NAME),
    case('records-swapped', zone(DATA_ADDRESS, LOGIN_ADDRESS), 'private-endpoint-record-swapped', ASTRAY,
         [HOST, DATA, DATA_ADDRESS, LOGIN_ADDRESS], f'--name {NAME} '),
    case('filtered', broken(linked(HOST, LOGIN_ADDRESS), DNS(host=DATA, addresses=['0.0.0.0'])), 'dns-sinkhole', ASTRAY,
         [DATA, '0.0.0.0', DATA_ADDRESS], f'nslookup {DATA}'),
    case('hosts-file', broken(zone(), in_hosts_file(DATA, '10.0.0.99')), 'dns-hosts-file', ASTRAY, [DATA, '10.0.0.99',
         DATA_ADDRESS], 'Remove the entry'),
    case('hosts-file-right', broken(linked(HOST, LOGIN_ADDRESS), in_hosts_file(DATA, DATA_ADDRESS)), None, None,
         [DATA_ADDRESS]),

    # Two endpoints in one network, one in another.
    case('two-and-the-first-is-used', broken(TWO, zone()), None, None, ['lead to private-pe in demo-vnet']),
    case('two-and-the-second-is-used', broken(TWO, zone(*SECOND)), None, None, ['lead to second-pe in demo-vnet']),
    case('two-and-neither-is-used', broken(TWO, zone(login='10.0.0.99')), 'private-endpoint-record-stale', ASTRAY,
         [f'{LOGIN_ADDRESS} or {SECOND[0]}', 'private-pe or second-pe']),
    case('two-and-the-used-one-is-pending', broken(
        connections((PE, 'Approved'), (SECOND_PE, 'Pending')), exists(SECOND_PE, SECOND), zone(*SECOND)),
         'private-endpoint-pending', ENDPOINT, ['second-pe'], '--name privateregistry.'),
    case('two-and-the-other-is-pending', broken(
        connections((PE, 'Approved'), (SECOND_PE, 'Pending')), exists(SECOND_PE, SECOND), zone()), None, None,
         ['lead to private-pe in demo-vnet']),
    case('two-and-one-is-not-shown', broken(TWO, NOT_SHOWN, zone()), 'private-endpoint-unread', None,
         ['private-pe', 'does not have authorization', LOGIN_ADDRESS]),
    case('other-network-too', broken(ELSEWHERE, zone()), None, None, ['lead to private-pe in demo-vnet']),
    case('other-network-named', broken(ELSEWHERE, zone(*OTHER)), None, None, ['lead to second-pe in other-vnet'],
         vnet='other-vnet'),
    case('record-of-other-network', broken(ELSEWHERE, zone(*OTHER)), 'private-endpoint-record-of-other-network', ASTRAY,
         [OTHER[0], 'second-pe', OTHER_NETWORK, LOGIN_ADDRESS], f'--name {NAME} '),
    case('no-endpoint-there', broken(networks(OTHER_NETWORK), zone()), 'private-endpoint-elsewhere', ENDPOINT,
         ['other-vnet', f'private-pe in {resources.VNET_ID}'], f'--registry-name {NAME}', vnet='other-vnet'),
    case('network-unknown', zone(), 'network-unknown', ENDPOINT, ['no-such-vnet', 'was not found'],
         'az network vnet list', vnet='no-such-vnet'),
    case('network-unknown-by-id', zone(), 'network-unknown', ENDPOINT, [DEV_NETWORK], 'az network vnet list',
         vnet=DEV_NETWORK),
    case('no-endpoint-at-all', broken(), 'private-endpoint-none', ENDPOINT, ['demoregistry', 'demo-vnet'],
         'az network private-endpoint create', registry='demoregistry'),

    # Other subscriptions and tenants.
    case('other-subscription', broken(IN_DEV, zone()), None, None, ['lead to dev-pe in dev-vnet'], vnet='dev-vnet'),
    case('other-subscription-by-id', broken(IN_DEV, zone()), None, None, ['dev-pe'], vnet=DEV_NETWORK),
    case('other-subscription-stale', broken(IN_DEV, zone(login='10.0.0.99')), 'private-endpoint-record-stale', ASTRAY,
         ['10.0.0.99', 'dev-pe'], f'--resource-group dev-rg --subscription {names.SUBSCRIPTION_A2}', vnet='dev-vnet'),
    case('one-name-in-two-subscriptions', broken(
        connections((DEV_PE, 'Approved'), (FABRIKAM_PE, 'Approved')),
        *(exists(endpoint, RIGHT, network) for endpoint, network in [
            (DEV_PE, f'{DEV_NETWORK}-x'), (FABRIKAM_PE, resources.network_id(
                'virtualNetworks', 'dev-vnet-x', names.SUBSCRIPTION_A1, 'qa-rg'))]), both_tenants, zone()),
         'network-ambiguous', ENDPOINT, [f'{DEV_NETWORK}-x', 'qa-rg'], '--vnet', vnet='dev-vnet-x'),
    case('other-tenant-signed-in', broken(IN_FABRIKAM, both_tenants, zone()), None, None,
         ['lead to fabrikam-pe in fabrikam-vnet'], vnet=FABRIKAM_NETWORK),
    case('other-tenant-not-signed-in', broken(IN_FABRIKAM, zone()), 'private-endpoint-unread', None,
         ['fabrikam-pe', 'wrong issuer'], 'sign in', vnet=FABRIKAM_NETWORK),

    # States.
    case('pending', broken(connections((PE, 'Pending')), zone()), 'private-endpoint-pending', ENDPOINT,
         ['private-pe', LOGIN_ADDRESS],
         f'az acr private-endpoint-connection approve --registry-name {NAME} --name {NAME}.'),
    case('pending-and-names-public', broken(connections((PE, 'Pending')),
                                            PUBLIC),
         'private-endpoint-pending', ENDPOINT, ['private-pe', names.FRONT_ADDRESS, LOGIN_ADDRESS],
         others=['dns-private-zone-unlinked']),
    case('pending-and-its-own-state-too', broken(
        connections((PE, 'Pending')), exists(PE, [], status='Pending', manual=True)), 'private-endpoint-bypassed',
         REFUSED, [names.FRONT_ADDRESS], others=['private-endpoint-pending']),
    case('rejected', broken(connections((PE, 'Rejected')), zone()), 'private-endpoint-rejected', ENDPOINT,
         ['private-pe', 'the endpoint itself says Approved'], 'approve'),
    case('disconnected', broken(connections((PE, 'Disconnected')), zone()), 'private-endpoint-disconnected', ENDPOINT,
         ['private-pe'], f'az acr private-endpoint-connection delete --registry-name {NAME}'),
    case('deleted', broken(connections((PE, 'Disconnected')), {'do': 'forget', 'name': 'private-pe'}, zone()),
         'private-endpoint-disconnected', ENDPOINT, ['private-pe'], 'az acr private-endpoint-connection delete'),
    case('deleted-besides-one-that-is-right', broken(
        connections((PE, 'Disconnected'), (SECOND_PE, 'Approved')), exists(SECOND_PE, SECOND), zone(*SECOND),
        {'do': 'forget', 'name': 'private-pe'}), None, None, ['lead to second-pe in demo-vnet']),
    case('recreated-and-record-stale', broken(
        connections((PE, 'Disconnected'), (SECOND_PE, 'Approved')), exists(SECOND_PE, SECOND), zone(),
        {'do': 'forget', 'name': 'private-pe'}), 'private-endpoint-record-stale', ASTRAY,
         [LOGIN_ADDRESS, SECOND[0], 'private-pe was deleted'], '--endpoint-name second-pe'),
    case('provisioning-failed', broken(exists(PE, RIGHT, state='Failed'), zone()), 'private-endpoint-failed', ENDPOINT,
         ['private-pe', 'Failed'], f'az network private-endpoint show --ids {PE}'),
    case('connection-provisioning-failed', broken(connections((PE, 'Approved'), provisioningState='Failed'), zone()),
         'private-endpoint-failed', ENDPOINT, ['private-pe', 'Failed']),
    case('provisioning', broken(exists(PE, RIGHT, state='Updating'), zone()), 'private-endpoint-changing', None,
         ['private-pe', 'Updating'], 'Wait'),
    case('states-differ', broken(exists(PE, RIGHT, status='Pending'), zone()), 'private-endpoint-states-differ', None,
         ['Approved', 'Pending', 'private-pe'], 'the registry says'),
    case('approved-by-hand', broken(exists(PE, RIGHT, manual=True), zone()), None, None, [LOGIN_ADDRESS]),

    # What cannot be read.
    case('read-beside-the-identity-of-the-key', broken(
        REGISTRY(name=NAME, identity=resources.CMK_IDENTITY, encryption=resources.CMK_ENCRYPTION),
        ARM(path='*/userAssignedIdentities/*', delay=0.5), ARM(path='*/networkInterfaces/*', delay=0.5), zone()),
         None, None, ['lead to private-pe in demo-vnet']),
    case('endpoint-not-shown', broken(NOT_SHOWN, zone()), 'private-endpoint-unread', None,
         ['private-pe', 'Microsoft.Network/privateEndpoints/read'], 'Reader'),
    case('card-not-shown', broken(CARD_NOT_SHOWN, zone()), 'private-endpoint-unread', None,
         ['private-pe', 'Microsoft.Network/networkInterfaces/read', f'{HOST} is {LOGIN_ADDRESS}'], 'Reader'),
    case('card-not-shown-and-pending', broken(CARD_NOT_SHOWN, connections((PE, 'Pending')), zone()),
         'private-endpoint-pending', ENDPOINT, ['private-pe', LOGIN_ADDRESS], 'approve'),
    case('card-of-one-not-shown', broken(TWO, CARD_NOT_SHOWN, zone()), 'private-endpoint-unread', None,
         ['private-pe', f'{HOST} is {LOGIN_ADDRESS}']),
    case('card-of-one-not-shown-and-name-public', broken(
        TWO, CARD_NOT_SHOWN, linked(DATA, SECOND[1]), PUBLIC),
         'private-endpoint-record-absent', ASTRAY, [names.FRONT_ADDRESS, SECOND[0]]),
    case('card-names-nothing', broken(exists(PE, []), zone()), 'private-endpoint-unread', None,
         ['private-pe', f'{HOST} is {LOGIN_ADDRESS}']),
    case('card-names-no-login-server', broken(only_data, zone()), 'private-endpoint-unread',
         None, [f'no network interface names {HOST}', f'{DATA} is {DATA_ADDRESS}']),
    case('management-silent-for-endpoints', broken(ARM(path='*/privateEndpoints/*', silent=True), zone()),
         'private-endpoint-unread', None, ['private-pe', 'no answer in time'], args=SOON['args'],
         seconds=SOON['seconds']),
    case('management-silent-for-one-endpoint', broken(
        TWO, ARM(path='*/privateEndpoints/private-pe*', silent=True), zone(*SECOND)), 'private-endpoint-unread', None,
         ['private-pe: Resource Manager gave no answer in time', '"endpoint": "second-pe"', SECOND[0]],
         args=SOON['args'], seconds=SOON['seconds']),
    case('management-silent-for-cards', broken(ARM(path='*/networkInterfaces/*', silent=True), zone()),
         'private-endpoint-unread', None, ['private-pe', f'{HOST} is {LOGIN_ADDRESS}'], args=SOON['args'],
         seconds=SOON['seconds']),
    case('management-talks-nonsense', broken(ARM(path='*/networkInterfaces/*', status=200, body='[]'), zone()),
         'private-endpoint-unread', None, ['private-pe']),
    case('registry-not-shown', broken(zone(), {'do': 'forbid', 'name': NAME}), 'registry-not-visible', None, [NAME]),
    case('connections-not-told', broken(zone(), {'do': 'settings', 'api_versions': ['2019-05-01']}),
         'private-endpoint-unread', None, ['in this cloud']),

    # Other clouds.
    case('government', broken(in_government, linked(US, LOGIN_ADDRESS, **GOVERNMENT),
                              linked(US_DATA, DATA_ADDRESS, **GOVERNMENT)), None, None, [US_DATA, DATA_ADDRESS]),
    case('government-stale', broken(in_government, linked(US, '10.0.0.99', **GOVERNMENT),
                                    linked(US_DATA, DATA_ADDRESS, **GOVERNMENT)), 'private-endpoint-record-stale',
         ASTRAY, [US, '10.0.0.99'], f'--zone-name privatelink.azurecr.us --name {NAME} '),
    case('government-unlinked', broken(in_government, PUBLIC),
         'dns-private-zone-unlinked', ASTRAY, [US, names.FRONT_ADDRESS], '--zone-name privatelink.azurecr.us'),
    case('government-bypassed', broken(in_government), 'private-endpoint-bypassed', REFUSED, [US],
         '--zone-name privatelink.azurecr.us', vnet=None),

    # Through a proxy, which looks the names up for itself.
    case('proxy', broken(zone(), PUBLIC, **PROXIED),
         'private-endpoint-left-to-proxy', None, [THROUGH, 'private-pe'], HOST),
    case('proxy-excepted', broken(zone(), NO_PROXY='.azurecr.io', **PROXIED), None, None, [LOGIN_ADDRESS]),
    case('proxy-refused', broken(zone(), **PROXIED), 'private-registry-through-proxy', REFUSED,
         [THROUGH, names.CLIENT_ADDRESS], HOST),
    case('proxy-and-zone-unlinked', broken(PUBLIC, **PROXIED),
         'dns-private-zone-unlinked', ASTRAY, [names.FRONT_ADDRESS, LOGIN_ADDRESS]),

    # Without --vnet.
    case('unasked', broken(zone()), None, None, vnet=None),
    case('unasked-and-zone-unlinked', broken(PUBLIC),
         'dns-private-zone-unlinked', None, [names.FRONT_ADDRESS], '--zone-name privatelink.azurecr.io', vnet=None),
    case('unasked-and-zone-unlinked-behind-proxy',
         broken(PUBLIC, **PROXIED), 'dns-private-zone-unlinked', None,
         [names.FRONT_ADDRESS], 'privatelink.azurecr.io', vnet=None),
    case('unasked-behind-proxy', broken(zone(), PUBLIC, **PROXIED), None,
         None, vnet=None),
    case('unasked-refused-behind-proxy-and-zone-unlinked', broken(**PROXIED), 'private-registry-through-proxy', REFUSED,
         [THROUGH], HOST, vnet=None, others=['dns-private-zone-unlinked']),
]


@pytest.mark.parametrize('case_', CASES, ids=lambda case_: case_.id)
def test_a_private_link(lab: Lab, case_: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case_, request)


def test_without_the_option_nothing_more_is_asked(lab: Lab) -> None:
    zone()(lab)
    lab.azure.clear_journal()
    report = lab.az('acr', 'check-health-ext', '--name', NAME, '--skip', 'environment').report
    row = next(row for row in report['checks'] if row['name'] == 'private-endpoint')
    assert (row['status'], row['skipReason']) == ('skipped', 'not-applicable')
    assert '--vnet' in row['message']
    assert not [entry for entry in lab.azure.journal(kind='http') if '/Microsoft.Network/' in entry['path']]
    assert DATA not in {entry['name'] for entry in lab.azure.journal(kind='dns')}


def test_each_name_has_what_was_expected_and_what_came(lab: Lab) -> None:
    broken(TWO, linked(HOST, SECOND[0]), linked(DATA, '10.0.0.99'))(lab)
    lab.azure.clear_journal()
    report = lab.az('acr', 'check-health-ext', '--name', NAME, '--vnet', 'demo-vnet', '--skip', 'environment').report
    details = next(row for row in report['checks'] if row['name'] == 'private-endpoint')['details']
    assert [{key: row[key] for key in ('host', 'region', 'expected', 'found', 'right', 'endpoint')}
            for row in details['targets']] == [
        {'host': HOST, 'region': None, 'expected': [LOGIN_ADDRESS, SECOND[0]], 'found': [SECOND[0]], 'right': True,
         'endpoint': ['second-pe']},
        {'host': DATA, 'region': 'westeurope', 'expected': [DATA_ADDRESS, SECOND[1]], 'found': ['10.0.0.99'],
         'right': False, 'endpoint': None}]
    assert sent(lab) == {('management', RESOURCE_MANAGER, '/subscriptions'), ('registry', HOST, EXCHANGE),
                         ('refresh', HOST, TOKEN)}
