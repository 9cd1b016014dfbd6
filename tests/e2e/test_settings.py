"""The registry's own settings: what forbids something, what merely is, and what cannot be read."""
from __future__ import annotations

import pytest

from tests.e2e.case import ARM, REGISTRY, Arrange, Case, broken, prove
from tests.lab import Lab
from tests.local_azure import names, resources

ERROR = 'REGISTRY_SETTING_ERROR'
FORBIDDEN = 'CONNECTIVITY_FORBIDDEN_ERROR'
R = 'demoregistry'
REPLICAS = resources.registry_id(R, names.SUBSCRIPTION_A1, 'demo-rg') + '/replications'


def state(name: str) -> Arrange:
    """The registry's provisioning state."""
    return broken(REGISTRY(provisioningState=name))


def rules(*allowed: str, **more: str) -> Arrange:
    """Network rules that refuse everybody else."""
    return broken(REGISTRY(networkRuleSet={
        'defaultAction': 'Deny', 'ipRules': [{'action': 'Allow', 'value': address} for address in allowed]}, **more))


def replicas(shown: str, provisioning: str = 'Succeeded') -> Arrange:
    """The registry is replicated to two regions, of which the second is like that."""
    def arrange(lab: Lab) -> None:
        home, other = resources.replication(R, 'westeurope'), resources.replication(R, 'northeurope')
        other['properties'].update(provisioningState=provisioning, status={'displayStatus': shown})
        lab.azure.resource(home)
        lab.azure.resource(other)
    return arrange


CASES = [
    Case('registry-deleting', state('Deleting'), 'registry-deleting', ERROR, ['Deleting'], f'az acr show --name {R}'),
    Case('registry-updating', state('Updating'), 'registry-changing', None, [R, 'Updating'], f'az acr show --name {R}'),
    Case('registry-failed', state('Failed'), 'registry-provisioning-failed', None, [R, 'Failed'],
         'az monitor activity-log list --resource-id /subscriptions/'),
    Case('registry-canceled', state('Canceled'), 'registry-provisioning-failed', None, ['Canceled'], 'activity log'),
    Case('registry-succeeded', state('Succeeded'), None, None, ['Provisioned (Succeeded)']),
    Case('registry-in-an-unknown-state', state('Rehydrating'), None, None, ['Provisioned (Rehydrating)']),
    Case('registry-without-a-state', state(resources.REMOVED), None, None),

    Case('nobody-admitted', broken(REGISTRY(publicNetworkAccess='Disabled')), 'public-access-disabled', FORBIDDEN,
         ['"privateEndpoints": []'], 'public-network-enabled true'),
    Case('nobody-admitted-by-rules', rules(), 'registry-firewall', FORBIDDEN, ['"allowedAddresses": []'],
         f'az acr network-rule add --name {R} --ip-address {names.CLIENT_ADDRESS}'),
    Case('rules-that-admit', rules(names.CLIENT_ADDRESS, '198.51.100.0/24'), None, None, ['Open to 2 address rules']),
    Case('rules-without-effect', broken(REGISTRY(networkRuleSet={
        'defaultAction': 'Allow', 'ipRules': [{'action': 'Allow', 'value': '198.51.100.0/24'}]})), None, None,
        ['Open to every network', '198.51.100.0/24']),
    Case('rule-not-effective-yet', broken(rules('203.0.113.0/24'), {
        'layer': 'http', 'host': 'demoregistry.azurecr.io', 'path': '/v2/', 'answer': 'acr:firewall'}),
        'firewall-rule-not-effective', FORBIDDEN, [names.CLIENT_ADDRESS, '203.0.113.0/24'],
        f'az acr network-rule remove --name {R} --ip-address 203.0.113.0/24'),

    Case('quarantine', broken(REGISTRY(policies={'quarantinePolicy': {'status': 'enabled'}})), 'quarantine-enabled',
         None, [R], f'az acr config quarantine show --registry {R}'),
    Case('policies-that-merely-are', broken(REGISTRY(
        policies={'exportPolicy': {'status': 'disabled'}, 'azureADAuthenticationAsArmPolicy': {'status': 'disabled'}},
        roleAssignmentMode='AbacRepositoryPermissions')), None, None,
        ['AbacRepositoryPermissions', '"exportPolicy": "disabled"']),

    Case('replica-not-ready', replicas('Syncing'), 'replica-not-ready', None, ['northeurope', 'Syncing'],
         f'az acr replication list --registry {R}'),
    Case('replica-that-failed', replicas('Ready', 'Failed'), 'replica-not-ready', None, ['northeurope', 'Failed']),
    Case('replicas-ready', replicas('Ready'), None, None, ['westeurope', 'northeurope']),
    Case('replicas-unread', broken({**ARM(path=f'{REPLICAS}*', answer='arm:AuthorizationFailed')}), 'settings-unread',
         None, ['403'], f'az acr show --name {R}'),
    Case('replicas-of-another-kind', broken(ARM(path=f'{REPLICAS}*', status=200, body='{"value":[null,"x",{"a":1}]}')),
         None, None),
    Case('replicas-of-a-basic-registry', broken(), None, None, ['Only Premium registries have replicas'],
         registry='basicregistry'),

    Case('key-while-creating', broken(REGISTRY(provisioningState='Creating')), 'registry-changing', None, ['Creating']),
    Case('settings-of-2019', broken({'do': 'settings', 'api_versions': ['2019-05-01']}), None, None,
         ['Open to every network', 'Not geo-replicated', 'Provisioned (Succeeded)']),
]


@pytest.mark.parametrize('case', CASES, ids=lambda row: row.id)
def test_a_setting(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
