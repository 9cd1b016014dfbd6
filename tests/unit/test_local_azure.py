"""What of the local Azure needs no namespace: shapes, bytes, names, and that the table of presets is whole."""
import asyncio
import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from dnslib import RCODE, DNSRecord  # type: ignore[import-untyped]

from tests.local_azure import certificates, dns, entra, front, names, resource_manager, resources
from tests.local_azure.azure import Azure
from tests.local_azure.faults import Fault
from tests.local_azure.journal import Journal
from tests.local_azure.presets import PRESETS
from tests.local_azure.tokens import Tokens
from tests.local_azure.world import World

LOGIN_SERVER = 'demoregistry.azurecr.io'
PUBLIC_CHAIN = ['weu-3.fe.azcr.io.', 'weu-3-acr-reg.trafficmanager.net.', 'r0330weu-3.westeurope.cloudapp.azure.com.',
                '203.0.113.40']


def call(path: str = '/v2/', method: str = 'GET', **more: Any) -> Any:
    """As much of a request as refusals look at."""
    return SimpleNamespace(host=LOGIN_SERVER, path=path, method=method, options={}, form={}, query={},
                           authorization=('', ''), request=SimpleNamespace(headers={}), **more)


def test_challenge_is_wires_to_the_byte() -> None:
    answer = front.challenge(call(), front.needed('GET', '/v2/'))
    assert answer.body == (
        b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization '
        b'for more information.","detail":null}]}\n') and len(answer.body) == 149
    assert answer.headers['WWW-Authenticate'] == \
        'Bearer realm="https://demoregistry.azurecr.io/oauth2/token",service="demoregistry.azurecr.io"'
    assert len(answer.headers.getall('Strict-Transport-Security')) == 2
    assert len(answer.headers.getall('Access-Control-Expose-Headers')) == 4


def test_challenge_of_a_repository_has_scope_and_a_detail_for_each_action() -> None:
    need = front.needed('POST', '/v2/library/hello-world/blobs/uploads/')
    answer = front.challenge(call(), need, 'insufficient_scope')
    assert answer.headers['WWW-Authenticate'].endswith(
        ',scope="repository:library/hello-world:pull,push",error="insufficient_scope"')
    assert answer.text and json.loads(answer.text)['errors'][0]['detail'] == [
        {'Type': 'repository', 'Name': 'library/hello-world', 'Action': action} for action in ('pull', 'push')]


@pytest.mark.parametrize('method, path, scope', [
    ('GET', '/v2/_catalog', 'registry:catalog:*'),
    ('GET', '/v2/a/b/tags/list', 'repository:a/b:metadata_read'),
    ('HEAD', '/v2/a/manifests/latest', 'repository:a:pull'),
    ('DELETE', '/v2/a/manifests/sha256:0', 'repository:a:delete'),
    ('GET', '/v2/tags/blobs/sha256:0', 'repository:tags:pull'),
])
def test_what_a_path_needs(method: str, path: str, scope: str) -> None:
    assert front.needed(method, path).scope == scope


def test_older_api_versions_know_less() -> None:
    whole = resources.registry('r', location='westeurope')
    old = resources.as_served(whole, '2019-05-01', '.azurecr.us')
    assert list(old['properties']) == ['loginServer', 'creationDate', 'provisioningState', 'adminUserEnabled',
                                       'networkRuleSet', 'policies']
    assert old['properties']['loginServer'] == 'r.azurecr.us' and 'systemData' not in old
    middle = resources.as_served(whole, '2023-07-01', '.azurecr.io')['properties']
    assert 'virtualNetworkRules' not in middle['networkRuleSet'] and 'roleAssignmentMode' not in middle
    assert 'networkRuleSet' not in resources.registry('r', sku='Basic')['properties']


async def _built(state: Any) -> Azure:
    return Azure(state)


def test_every_preset_is_carried_out_and_healed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    azure = asyncio.run(_built(tmp_path))
    monkeypatch.setattr(azure, '_arrange', lambda: None)  # doors open only in a namespace
    fields = {field.name for field in dataclasses.fields(Fault)} | {'do'}
    for name, (description, commands) in PRESETS.items():
        assert description and commands, name
        azure.do_preset(name)
        for command in commands:
            prefix, _, what = command.get('answer', '').partition(':')
            assert prefix in ('', 'acr', 'aadsts', 'arm'), name
            assert prefix != 'aadsts' or what in entra.REFUSALS
            assert prefix != 'arm' or what in resource_manager.REFUSALS
            assert command.get('certificate', 'good') in certificates.KINDS
            assert 'do' in command or set(command) - fields or command['layer'] == 'http', name
        azure.do_heal()
    assert azure._world.registries == World().registries  # pylint: disable=protected-access


def test_a_fault_strikes_as_often_as_it_says_and_the_newest_first() -> None:
    world = World()
    world.faults += [Fault.of({'layer': 'http', 'host': '*.azurecr.io', 'status': 500}),
                     Fault.of({'layer': 'http', 'path': '/v2/*', 'status': 503, 'times': 1})]
    struck = [world.fault('http', host=LOGIN_SERVER, path='/v2/', method='GET') for _ in range(2)]
    assert [fault and fault.options['status'] for fault in struck] == [503, 500]
    assert world.fault('http', host='mcr.microsoft.com', path='/v2/', method='GET') is None


async def _answered(name: str, fault: Any, journal: Journal) -> DNSRecord:
    world = World()
    if fault is not None:
        world.faults.append(Fault.of({'layer': 'dns', **fault}))
    server = dns.NameServer(names.NAME_SERVERS[0], world, journal)
    answer = await server.answer(bytes(DNSRecord.question(name).pack()))
    assert answer
    return DNSRecord.parse(answer)


@pytest.mark.parametrize('name, fault, outcome, chain', [
    (LOGIN_SERVER, None, 'NOERROR', PUBLIC_CHAIN),
    ('no-such-registry.azurecr.io', None, 'NXDOMAIN', []),
    (LOGIN_SERVER, {'empty': True}, 'NOERROR', []),
    (LOGIN_SERVER, {'rcode': 'NXDOMAIN', 'chain': ['demoregistry.privatelink.azurecr.io']}, 'NXDOMAIN',
     ['demoregistry.privatelink.azurecr.io.']),
    (LOGIN_SERVER, {'server': '198.51.100.54', 'rcode': 'SERVFAIL'}, 'NOERROR', PUBLIC_CHAIN),
])
def test_name_servers_answer(name: str, fault: Any, outcome: str, chain: Any, tmp_path: Any) -> None:
    reply = asyncio.run(_answered(name, fault, Journal(tmp_path / 'journal.jsonl')))
    assert RCODE.get(reply.header.rcode) == outcome
    assert [str(record.rdata) for record in reply.rr] == chain


def test_tokens_are_for_their_own_kind_and_audience(tmp_path: Any) -> None:
    (tmp_path / 'certs').mkdir()
    tokens = Tokens(World(), tmp_path)
    refresh = tokens.registry_refresh(LOGIN_SERVER, names.APP.name, names.TENANT_A)
    assert tokens.read_registry(refresh, LOGIN_SERVER, 'refresh_token')['sub'] == names.APP.name
    for audience, kind in (('otherregistry.azurecr.io', 'refresh_token'), (LOGIN_SERVER, 'access_token')):
        with pytest.raises(jwt.InvalidTokenError):
            tokens.read_registry(refresh, audience, kind)
