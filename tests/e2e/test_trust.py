"""Which secrets went where: proved from the local Azure's own log, in which nothing is masked."""
from __future__ import annotations

import collections
import json
import re
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.lab import Lab, Run
from tests.local_azure import names, presets

R, OTHER, EVIL = presets.R, 'basicregistry.azurecr.io', 'evil.example'
LABELLED = 'labelregistry-h4k8drcuezf2bxgn.azurecr.io'
RESOURCE_MANAGER, SIGN_IN = names.CLOUDS[0].resource_manager, names.CLOUDS[0].entra
EXCHANGE, TOKEN = presets.EXCHANGE, presets.TOKEN
LISTING = '*/providers/Microsoft.ContainerRegistry/registries'
COMMAND = ['acr', 'check-health-ext', '--skip', 'environment', '--name']

Sent = set[tuple[str, str, str]]
#: What a healthy run sends, and to where, besides the sign-in service's own exchange.
HEALTHY: Sent = {('management', RESOURCE_MANAGER, '/subscriptions'), ('registry', R, EXCHANGE), ('refresh', R, TOKEN)}


def run(lab: Lab, *args: str, registry: str = 'demoregistry') -> Run:
    """Runs the command with a log of its own."""
    lab.azure.clear_journal()
    return lab.az(*COMMAND, registry, *args)


def sent(lab: Lab) -> Sent:
    """Each token in each request, wherever in it: what it is, the host and the path that it went to."""
    return {(kind(token), entry['host'], '/subscriptions' if '/subscriptions' in entry['path'] else entry['path'])
            for entry in lab.azure.journal(kind='http')
            for token in re.findall(r'eyJ[\w-]+\.[\w-]+\.[\w-]+', json.dumps(entry))}


def kind(token: str) -> str:
    """What a token is good for."""
    claims = jwt.decode(token, options={'verify_signature': False})
    if 'grant_type' in claims:
        return str(claims['grant_type']).removesuffix('_token')
    return {names.REGISTRY_AUDIENCE: 'registry'}.get(claims['aud'].rstrip('/'), 'management')


def connections(lab: Lab, host: str) -> list[Any]:
    """The connections to a host, by the name in the ClientHello."""
    return [entry for entry in lab.azure.journal(kind='connection') if entry.get('server_name') == host]


def realm(url: str, service: str = R) -> dict[str, Any]:
    """The fault of a challenge that wants tokens to be sent there."""
    return {'layer': 'http', 'host': R, 'path': '/v2/', 'answer': 'acr:challenge',
            'challenge': f'Bearer realm="{url}",service="{service}"'}


def answer(host: str, path: str, status: int, body: Any = None, **headers: str) -> dict[str, Any]:
    """The fault of another answer."""
    return {'layer': 'http', 'host': host, 'path': path, 'status': status,
            'headers': list({'Content-Type': 'application/json', **headers}.items()), 'body': json.dumps(body)}


def test_a_healthy_run_asks_once_and_sends_each_token_to_its_own_audience_alone(lab: Lab) -> None:
    assert run(lab).status == 0
    assert sent(lab) == HEALTHY
    assert len(connections(lab, R)) == len(connections(lab, RESOURCE_MANAGER)) == 1
    asked = collections.Counter(
        (entry['host'], entry['method'], entry['path']) for entry in lab.azure.journal(kind='http'))
    assert set(asked.values()) == {1}, asked
    assert [path for host, _, path in asked if host == R] == ['/v2/', EXCHANGE, TOKEN]
    assert {host for host, _, _ in asked} == {R, RESOURCE_MANAGER, SIGN_IN}


FOREIGN = 'challenge-foreign-realm'


@pytest.mark.parametrize('fault, cause, lacking', [
    pytest.param(realm(f'https://{EVIL}{TOKEN}'), FOREIGN, {'registry', 'refresh'}, id='foreign realm'),
    pytest.param(realm(f'https://{R}.{EVIL}{TOKEN}'), FOREIGN, {'registry', 'refresh'}, id='longer'),
    pytest.param(realm(f'https://{R}@{EVIL}{TOKEN}'), FOREIGN, {'registry', 'refresh'}, id='userinfo'),
    pytest.param(realm(f'http://{R}{TOKEN}'), FOREIGN, {'registry', 'refresh'}, id='http realm'),
    pytest.param(realm(f'https://{OTHER}{TOKEN}'), FOREIGN, {'registry', 'refresh'},
                 id="another registry's realm"),
    pytest.param(realm(f'https://{R}{TOKEN}', service=OTHER), 'challenge-foreign-service', {'registry', 'refresh'},
                 id="another registry's service"),
    pytest.param(answer(R, '/v2/', 307, Location=f'https://{EVIL}/v2/'), 'redirected', {'registry', 'refresh'},
                 id='redirected challenge'),
    pytest.param(answer(R, EXCHANGE, 307, Location=f'https://{EVIL}{EXCHANGE}'), 'redirected', {'refresh'},
                 id='redirected exchange'),
    pytest.param(answer(R, TOKEN, 308, Location=f'https://{EVIL}{TOKEN}'), 'redirected', set(),
                 id='redirected token request'),
    pytest.param(answer(RESOURCE_MANAGER, LISTING, 307, Location=f'https://{EVIL}/'), 'management-intercepted', set(),
                 id='redirected Resource Manager'),
    pytest.param(answer(RESOURCE_MANAGER, LISTING, 200, {'value': [], 'nextLink': f'https://{EVIL}/next'}),
                 'management-unusable', set(), id='next page on another host'),
    pytest.param(answer(RESOURCE_MANAGER, LISTING, 200, {'value': [], 'nextLink': f'http://{RESOURCE_MANAGER}/next'}),
                 'management-unusable', set(), id='next page without TLS'),
])
def test_no_token_leaves_for_a_host_that_nobody_vouches_for(
        lab: Lab, fault: dict[str, Any], cause: str, lacking: set[str]) -> None:
    lab.azure.fault('dns', f'*{EVIL}', addresses=[names.FRONT_ADDRESS])  # it would be answered
    lab.azure.fault(**fault)
    report = run(lab).report
    assert [found['cause'] for found in report['rootCauses']] == [cause]
    assert sent(lab) == {one for one in HEALTHY if one[0] not in lacking}
    assert not [entry for entry in lab.azure.journal() if EVIL in (entry.get('server_name') or entry.get('host') or '')]
    assert OTHER not in json.dumps(lab.azure.journal(kind='connection'))


def test_a_login_server_that_resource_manager_names_on_another_domain_gets_what_the_guess_does_not(lab: Lab) -> None:
    lab.azure.registry('demoregistry', loginServer='registry.contoso.example')
    lab.azure.fault('dns', 'registry.contoso.example', addresses=[names.FRONT_ADDRESS])
    report = run(lab).report
    assert report['registries'][0]['loginServer'] == 'registry.contoso.example'
    assert {host for _, host, _ in sent(lab)} <= {RESOURCE_MANAGER, 'registry.contoso.example'}


@pytest.mark.parametrize('name', ['labelregistry', 'labelregistry-h4k8drcuezf2bxgn'])
def test_a_guess_gets_no_token_where_resource_manager_names_another_login_server(lab: Lab, name: str) -> None:
    report = run(lab, registry=name).report
    assert report['status'] == 'passed'
    assert report['registries'][0]['loginServer'] == LABELLED
    assert sent(lab) == {(what, LABELLED if host == R else host, path) for what, host, path in HEALTHY}


@pytest.mark.parametrize('trouble', [
    pytest.param({'delay': 2.0}, id='answers late'), pytest.param({'delay': 2.0, 'status': 500}, id='fails late')])
def test_a_guess_gets_no_token_before_resource_manager_answered_or_failed(lab: Lab, trouble: dict[str, Any]) -> None:
    lab.azure.fault('http', RESOURCE_MANAGER, path=LISTING, **trouble)
    assert run(lab).status == 0
    asked = {entry['path']: entry['at'] for entry in lab.azure.journal(kind='http')}
    listed = next(at for path, at in asked.items() if '/registries' in path)
    assert asked['/v2/'] < listed + 2 <= asked[EXCHANGE] < asked[TOKEN]
    assert sent(lab) == HEALTHY


def test_not_even_a_server_that_cannot_prove_its_name_gets_a_token(lab: Lab) -> None:
    lab.azure.preset('tls-inspected-everywhere')
    assert run(lab).status == 1
    assert sent(lab) == set()


SECRETIVE: dict[str, Callable[[Lab], Any]] = {
    'healthy': lambda lab: None,
    'exchange refused': lambda lab: lab.azure.preset('exchange-401'),
    'token echoed': lambda lab: lab.azure.fault('http', R, path=EXCHANGE, status=400, body=json.dumps({'errors': [
        {'code': 'DENIED', 'message': f'bad password={names.ADMIN_PASSWORD} in request'}]})),
}


@pytest.mark.parametrize('arrange', SECRETIVE.values(), ids=SECRETIVE)
def test_no_secret_is_shown_not_even_with_debug(lab: Lab, arrange: Callable[[Lab], Any]) -> None:
    arrange(lab)
    ran = run(lab, '--debug')
    assert 'azext_acrhealth' in ran.stderr
    for secret in lab.azure.secrets():
        assert secret not in ran.stdout + ran.stderr
