"""What answers ``GET /v2/``: the registry's firewall, something in between, trouble, challenges in every spelling."""
from __future__ import annotations

import pytest

from tests.e2e.case import HTTP, REGISTRY, Case, R, broken, prove
from tests.lab import Lab
from tests.local_azure import names, presets

ERROR, REFUSED = 'CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR'
THROTTLED, OTHER = 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', 'CONNECTIVITY_AAD_LOGIN_ERROR'
CLIENT = names.CLIENT_ADDRESS
REGISTRY_HEADER = ['Docker-Distribution-Api-Version', 'registry/2.0']
NGINX = ('<html>\r\n<head><title>404 Not Found</title></head>\r\n<body bgcolor="white">\r\n<center>'
         '<h1>404 Not Found</h1></center>\r\n<hr><center>nginx/1.16</center>\r\n</body>\r\n</html>\r\n')
ALLOW = f'az acr network-rule add --name demoregistry --ip-address {CLIENT}'


def challenge(value: str, *more: str) -> dict[str, object]:
    """The registry's 401, with this challenge, and these in headers of their own."""
    return dict(HTTP(path='/v2/', answer='acr:challenge', challenge=value,
                     headers=[['WWW-Authenticate', one] for one in more]))


def page(status: int, title: str, *headers: list[str]) -> dict[str, object]:
    """A page of somebody else's."""
    return dict(HTTP(status=status, headers=[['Content-Type', 'text/html'], *headers],
                     body=f'<html><head><title>{title}</title></head><body></body></html>'))


OWN = f'realm="https://{R}/oauth2/token",service="{R}"'
CASES = [
    Case('firewall', broken('firewall'), 'registry-firewall', REFUSED, [CLIENT, '198.51.100.0/24'], ALLOW),
    Case('d-client-ip-not-allowed-body', broken(REGISTRY(networkRuleSet={'defaultAction': 'Deny', 'ipRules': []})),
         'registry-firewall', REFUSED, [CLIENT], ALLOW),
    Case('firewall-allows', broken(REGISTRY(networkRuleSet={
        'defaultAction': 'Deny', 'ipRules': [{'action': 'Allow', 'value': f'{CLIENT}/32'}]})), None, None),
    Case('public-access-disabled', broken('public-access-disabled'), 'public-access-disabled', REFUSED, [CLIENT],
         'az acr update --name demoregistry --public-network-enabled true'),
    Case('registry-forbids', broken(HTTP(path='/v2/', status=403, headers=[REGISTRY_HEADER], body='{"errors":[{"code":'
         '"DENIED","message":"the registry is suspended"}]}')), 'registry-forbids', REFUSED,
         ['the registry is suspended'], 'az acr show --name demoregistry'),
    Case('firewall-html', broken('firewall-html'), 'forbidden-in-between', REFUSED,
         ['Access Denied - Contoso Web Gateway', 'ContosoGateway/9.1', '403'], R),
    Case('captive-portal', broken('captive-portal'), 'page-in-between', ERROR,
         ['Contoso Guest Wi-Fi - Sign in', 'ContosoGateway/9.1', '200'], 'captive portal'),
    Case('block-page-401', broken(page(401, 'Contoso SSO', ['WWW-Authenticate', 'Negotiate'])), 'sign-in-in-between',
         OTHER, ['negotiate', 'Contoso SSO'], f'nslookup {R}'),
    Case('login-page-401', broken(page(401, 'Contoso SSO')), 'page-in-between', ERROR, ['401', 'Contoso SSO'], R),
    Case('redirect', broken('redirect'), 'redirected', ERROR, ['302', 'https://portal.contoso.example/login'],
         'captive portal'),
    Case('b-custom-domain-404-empty', broken('not-found'), 'registry-not-here', ERROR, [R, '404'], f'nslookup {R}'),
    Case('front-404-with-body', broken(HTTP(status=404, headers=[REGISTRY_HEADER], body='404 page not found')),
         'registry-not-here', ERROR, ['404'], 'another region'),
    Case('b-html-404-other-service-on-443', broken(HTTP(
        status=404, headers=[['Content-Type', 'text/html'], ['Server', 'nginx/1.16']], body=NGINX)),
         'other-service', ERROR, ['404 Not Found', 'nginx/1.16', R], f'nslookup {R}'),
    Case('answers-200', broken(HTTP(status=200, headers=[['Server', 'demo/1'], ['Content-Type', 'application/json']],
                                    body='{}')), 'other-service', ERROR, ['200', 'demo/1'], f'nslookup {R}'),
    Case('throttled', broken('throttled'), 'throttled', THROTTLED, ['17 s', '429'], 'Wait 17 s'),
    Case('throttled-no-retry-after', broken('throttled-no-retry-after'), 'throttled', THROTTLED,
         ['Too many requests'], 'spread the requests'),
    Case('throttled-by-a-page', broken(page(429, 'Slow down', ['Retry-After', 'Wed, 21 Oct 2026 07:28:00 GMT'])),
         'throttled', THROTTLED, ['21 Oct 2026'], 'Wait'),
    Case('internal-500', broken('internal-500'), 'registry-unavailable', ERROR, ['500'], 'not yours'),
    Case('unavailable-503', broken('unavailable-503'), 'registry-unavailable', ERROR, ['503'], 'not yours'),
    Case('unavailable-503-once', broken('unavailable-503-once'), 'transient', None, ['503'], 'Nothing is broken'),
    Case('gateway-504', broken('gateway-504'), 'gateway-timeout', ERROR, ['504'], 'not yours'),

    Case('no-challenge', broken('no-challenge'), 'challenge-missing', ERROR, ['401'], 'WWW-Authenticate'),
    Case('basic-challenge', broken('basic-challenge'), 'challenge-not-bearer', OTHER, ['basic'], 'repository token'),
    Case('challenge-without-service', broken(challenge(f'Bearer realm="https://{R}/oauth2/token"')),
         'challenge-incomplete', OTHER, ['Bearer realm='], 'aka.ms/acr/issues'),
    Case('challenge-is-noise', broken(challenge('=;=,"\\')), 'challenge-not-bearer', OTHER, ['=;='], 'admin user'),
    Case('foreign-realm', broken('foreign-realm'), 'challenge-foreign-realm', OTHER, ['https://evil.example'],
         f'nslookup {R}'),
    Case('realm-of-another-registry', broken(challenge(
        f'Bearer realm="https://georegistry.azurecr.io/oauth2/token",service="{R}"')), 'challenge-foreign-realm',
         OTHER, ['https://georegistry.azurecr.io'], f'nslookup {R}'),
    Case('http-realm', broken('http-realm'), 'challenge-foreign-realm', OTHER, [f'http://{R}/oauth2/token'],
         'Find out'),
    Case('foreign-service', broken(challenge(
        f'Bearer realm="https://{R}/oauth2/token",service="georegistry.azurecr.io"')), 'challenge-foreign-service',
         OTHER, ['georegistry.azurecr.io'], 'az acr show --name demoregistry --query loginServer'),

    *(Case(f'challenge-{name}', broken(what), None, None) for name, what in {
        'in-a-second-header': challenge('Basic realm="a,b"', f'Bearer {OWN}'),
        'after-others': challenge(f'Negotiate, NTLM abc==, Basic realm="x, y=\\"z\\"" , bearer {OWN}'),
        'oddly-spaced': challenge(f' ,BEARER \t realm = "https://{R}/oauth2/token" ,,  Service="{R}" ,'),
        'with-quoted-commas': challenge(f'Bearer note="a, Basic realm=\\"b\\",", {OWN}'),
        'foreign-then-own': challenge('Bearer realm="https://evil.example/",service="evil"', f'Bearer {OWN}'),
    }.items()),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_an_answer(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    lab.azure.clear_journal()
    prove(lab, case, request)
    if case.code:
        asked = {(entry['host'], entry['path']) for entry in lab.azure.journal(kind='http')}
        assert not [path for host, path in asked if host == R and path.startswith('/oauth2/')], 'a token was sent'


def test_what_a_foreign_challenge_names_is_never_spoken_to(lab: Lab) -> None:
    for preset in ('foreign-realm', 'http-realm', 'redirect'):
        lab.heal()
        lab.profile()
        lab.azure.clear_journal()
        lab.azure.preset(preset)
        lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--skip', 'environment')
        seen = lab.azure.journal()
        named = {entry.get('name') or entry.get('host') or entry.get('server_name') for entry in seen}
        assert not named & {'evil.example', 'portal.contoso.example'}
        assert all(entry['port'] != 80 for entry in seen if entry['kind'] == 'connection')
        assert presets.R in named
