"""Tokens: what the sign-in service, Resource Manager and the registry say to whoever is signed in, or is not."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.case import ARM, ENTRA, HTTP, REGISTRY, SOON, TCP, TLS, Arrange, Case, Command, R, broken, prove
from tests.lab import Lab
from tests.local_azure import names, resources

REFRESH, ACCESS = 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'CONNECTIVITY_ACCESS_TOKEN_ERROR'
THROTTLED, UNKNOWN, KEY = 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', 'LOGIN_SERVER_ERROR', 'CMK_ERROR'
APP, USER, TENANT = names.APP.name, names.USER.name, names.TENANT_A
LOGIN, MANAGEMENT = names.CLOUDS[0].entra, names.CLOUDS[0].resource_manager
AUDIENCE = names.REGISTRY_AUDIENCE
EXCHANGE, TOKEN = '/oauth2/exchange', '/oauth2/token'
ON = ('--repository', 'samples/hello')
ROLE = f'az role assignment create --assignee {APP} --role'
HTML = [['Content-Type', 'text/html']]
GUID = 'c0ffee00-1111-4222-8333-444455556666'


def aadsts(number: int, text: str = 'Words of the sign-in service.', error: str = 'invalid_grant') -> Command:
    """The sign-in service refuses with that number (some have words of their own)."""
    if not text:
        return ENTRA(path='*/token', answer=f'aadsts:{number}')
    body = {'error': error, 'error_description': f'AADSTS{number}: {text} Trace ID: {GUID} Correlation ID: {GUID} '
                                                 'Timestamp: 2026-01-05 10:28:43Z', 'error_codes': [number]}
    return ENTRA(path='*/token', status=400, headers=[['Content-Type', 'application/json']], body=json.dumps(body))


def said(status: int, code: str, message: str, **more: Any) -> Command:
    """The registry's own error at one of its token endpoints."""
    return HTTP(status=status, headers=[['Content-Type', 'application/json']], **{'path': EXCHANGE, **more},
                body=json.dumps({'errors': [{'code': code, 'message': f'{message} CorrelationId: {GUID}'}]}))


def signed_in(*args: str) -> Arrange:
    """Somebody else is signed in."""
    def arrange(lab: Lab) -> None:
        lab.sign_out()
        done = lab.az('login', *args)
        assert done.status == 0, done.stderr
    return arrange


def also(*args: str) -> Arrange:
    """Somebody is signed in as well, and the subscription that was active stays so."""
    def arrange(lab: Lab) -> None:
        done = lab.az('login', *args)
        assert done.status == 0, done.stderr
        lab.az('account', 'set', '--subscription', names.SUBSCRIPTION_A1)
    return arrange


def nobody(lab: Lab) -> None:
    """Nobody is signed in."""
    lab.sign_out()


def under_sudo(lab: Lab) -> Mapping[str, str | None]:
    """Ada, who called sudo, is signed in."""
    home = lab.home / 'ada'
    (home / '.azure').mkdir(parents=True)
    (home / '.azure/azureProfile.json').write_text(json.dumps({'subscriptions': [{'id': GUID}]}), encoding='utf-8-sig')
    with (lab.etc / 'passwd').open('a', encoding='utf-8') as users:
        users.write(f'ada:x:4242:4242::{home}:/bin/sh\n')
    return {'SUDO_USER': 'ada'}


def profile(**changes: str) -> Arrange:
    """az remembers something else of the active subscription."""
    def arrange(lab: Lab) -> None:
        path = lab.profile() / 'azureProfile.json'
        content = json.loads(path.read_text('utf-8-sig'))
        for entry in content['subscriptions']:
            entry.update(changes)
        path.write_text(json.dumps(content), 'utf-8-sig')
    return arrange


def in_government(lab: Lab) -> None:
    """The US Government's cloud is the active one."""
    lab.sign_out()
    lab.az('cloud', 'set', '--name', 'AzureUSGovernment')
    done = lab.az('login', '--service-principal', '--username', APP, '--password', names.APP.secret, '--tenant', TENANT)
    assert done.status == 0, done.stderr


AS_USER = signed_in('--username', USER, '--password', names.USER.secret, '--tenant', TENANT)
AS_MACHINE = signed_in('--identity')
OTHER_TENANT = ('--service-principal', '--username', names.APP_B.name, '--password', names.APP_B.secret, '--tenant',
                names.TENANT_B)
METADATA = names.METADATA_ADDRESS
AT_TOKEN = {'path': TOKEN}
NOT_YOURS, AGAIN = 'not yours', f'az login --tenant {TENANT}'

# Number, cause, what of the remedy must be there; as the service principal.
REFUSALS = [
    (7000215, 'secret-wrong', f'--username {APP}'), (7000222, 'secret-expired', 'credential reset'),
    (700027, 'secret-wrong', f'--username {APP}'), (700016, 'app-unknown', f'--username {APP}'),
    (7000229, 'app-unknown', f'--username {APP}'), (90002, 'tenant-unknown', 'az cloud show'),
    (900023, 'tenant-unknown', 'az login'), (500011, 'audience-unknown', 'az config unset acr.audience_resource'),
    (50001, 'audience-unknown', 'az config unset'), (700024, 'clock-or-assertion', 'clock'),
    (53003, 'conditional-access', 'AADSTS53003'), (9002313, 'sign-in-refused', 'login.microsoftonline.com/error'),
    (90033, 'sign-in-unavailable', NOT_YOURS), (50196, 'sign-in-throttled', 'Wait'),
]
# The same, as a user who signed in with a password.
USER_REFUSALS = [
    (50076, 'mfa-required', f'{AGAIN} --scope {AUDIENCE}/.default'),
    (50079, 'mfa-required', f'{AGAIN} --scope {AUDIENCE}/.default'),
    (70043, 'sign-in-frequency', f'{AGAIN} --scope {AUDIENCE}/.default'),
    (530034, 'conditional-access', 'AADSTS530034'),
    (700082, 'session-expired', AGAIN), (50173, 'session-expired', AGAIN),
    (65001, 'consent-missing', f'{AGAIN} --scope'), (50034, 'user-unknown', AGAIN),
    (50057, 'user-disabled', 'administrator'), (50126, 'password-wrong', AGAIN),
    (50020, 'tenant-foreign-user', AGAIN), (90072, 'tenant-foreign-user', AGAIN),
]
OWN_WORDS = {7000215, 7000222, 700016, 90002, 53003, 500011, 50076, 70043, 700082, 50173, 65001, 50126}


def refusals(rows: list[tuple[int, str, str]], who: str, *before: Arrange) -> list[Case]:
    """A case for each refusal."""
    return [Case({7000222: 'd-aadsts7000222-secret-expired', 700016: 'd-principal-of-another-directory'}.get(
        number, f'aadsts-{number}'), broken(*before, aadsts(number, *[''] if number in OWN_WORDS else [])), cause,
                 REFRESH, [f'AADSTS{number}', who], remedy) for number, cause, remedy in rows]


SIGN_IN = [
    *refusals(REFUSALS, APP), *refusals(USER_REFUSALS, USER, AS_USER),
    Case('user', broken(AS_USER), None, None, args=ON),
    Case('d-refresh-token-12h-inactive', broken(AS_USER, aadsts(
        700082, 'The refresh token has expired due to inactivity. The token was issued on 2021-01-25T17:51:10.1022630Z '
        'and was inactive for 12:00:00.\\r\\n')), 'session-expired', REFRESH, ['expired due to inactivity'], AGAIN),
    Case('not-signed-in', broken(nobody), 'not-signed-in', REFRESH, [], 'az login'),
    Case('not-signed-in-under-sudo', broken(nobody, under_sudo), 'signed-in-as-other-user', REFRESH, ['ada'], 'sudo'),
    Case('d-sudo-az-other-profile', broken(AS_USER, under_sudo, aadsts(700082, '')), 'signed-in-as-other-user',
         REFRESH, ['ada', 'AADSTS700082'], 'sudo'),
    Case('sudo-of-nobody', broken(under_sudo, lambda lab: (lab.home / 'ada/.azure/azureProfile.json').unlink(),
                                  nobody), 'not-signed-in', REFRESH, [], 'az login'),
    Case('sudo-is-healthy', broken(under_sudo), None, None),
    Case('tenant-unknown-at-discovery', broken('entra-tenant-unknown'), 'tenant-unknown', REFRESH,
         [TENANT, 'AADSTS90002'], 'az cloud show'),
    Case('audience-misconfigured', broken(AZURE_ACR_AUDIENCE_RESOURCE='nosuchaudience'), 'audience-unknown', REFRESH,
         ['https://nosuchaudience.azure.net', 'AADSTS500011'], 'az config unset acr.audience_resource'),
    Case('audience-configured', broken(AZURE_ACR_AUDIENCE_RESOURCE='containerregistry'), None, None),
    Case('d-arm-audience-disabled',
         broken('arm-audience-disabled', AZURE_ACR_AUDIENCE_RESOURCE=f'https://{MANAGEMENT}'), 'arm-tokens-refused',
         REFRESH, [f'https://{MANAGEMENT}', 'azureADAuthenticationAsArmPolicy'],
         'az acr config authentication-as-arm update --registry demoregistry --status enabled'),
    Case('arm-audience-disabled-and-unused', broken('arm-audience-disabled'), None, None),
    Case('arm-audience-enabled-and-used', broken(AZURE_ACR_AUDIENCE_RESOURCE=f'https://{MANAGEMENT}'), None, None),

    Case('entra-silent', broken('entra-silent'), 'sign-in-silent', REFRESH, [LOGIN], LOGIN, **SOON),
    Case('entra-silent-by-default', broken('entra-silent'), 'sign-in-silent', REFRESH, [LOGIN, '10.0 s'], LOGIN),
    Case('entra-token-silent', broken(ENTRA(path='*/token', silent=True)), 'sign-in-silent', REFRESH, [LOGIN], LOGIN,
         **SOON),
    Case('entra-slow-is-healthy', broken(ENTRA(path='*/token', delay=2)), None, None),
    Case('entra-refused', broken('entra-refused'), 'connection-refused', REFRESH, [LOGIN, names.ENTRA_ADDRESS],
         f'nslookup {LOGIN}'),
    Case('entra-dropped', broken(TCP(host=LOGIN, mode='drop')), 'connect-timeout', REFRESH, [LOGIN], LOGIN,
         args=('--timeout', '6')),
    Case('entra-inspected', broken(TLS(host=LOGIN, certificate='unknown-issuer')), 'certificate-issuer-unknown',
         REFRESH, [LOGIN, 'Contoso Traffic Inspection CA'], 'REQUESTS_CA_BUNDLE'),
    Case('entra-cut-at-first', broken(ENTRA(path='*/openid-configuration', close=True, times=2)),
         'sign-in-unreachable', REFRESH, [LOGIN], 'Try again'),
    Case('entra-html', broken('entra-html'), 'sign-in-intercepted', REFRESH,
         [LOGIN, 'Contoso Guest Wi-Fi - Sign in', 'ContosoGateway/9.1'], LOGIN),
    Case('entra-token-html', broken(ENTRA(path='*/token', status=200, headers=HTML, body='<title>Portal</title>')),
         'sign-in-unusable', REFRESH, [LOGIN], LOGIN),
    Case('entra-429', broken('entra-429'), 'sign-in-throttled', REFRESH, [LOGIN, '60 s'], 'Wait'),
    Case('entra-503', broken('entra-503'), 'sign-in-unavailable', REFRESH, [LOGIN], NOT_YOURS),
    Case('entra-token-503', broken(ENTRA(path='*/token', status=503, headers=HTML, body='<h1>Unavailable</h1>')),
         'sign-in-unavailable', REFRESH, [LOGIN], NOT_YOURS),

    Case('machine', broken(AS_MACHINE), None, None),
    Case('d-msi-outside-azure', broken(AS_MACHINE, TCP(address=METADATA, port=80, mode='refused')),
         'managed-identity-unavailable', REFRESH, [], 'only inside Azure'),
    Case('d-msi-400-in-cloud-shell', broken(AS_MACHINE, HTTP(
        host=METADATA, status=400, headers=[['Content-Type', 'application/json']],
        body='{"error":"invalid_request","error_description":"Identity not found"}')), 'managed-identity-unavailable',
         REFRESH, ['Identity not found'], 'az login'),
]

EXCHANGES = [
    Case('exchange-401', broken('exchange-401'), 'exchange-unauthorized', REFRESH,
         ['authentication required', 'orrelation'],
         f'{ROLE} AcrPull --scope /subscriptions/{names.SUBSCRIPTION_A1}/resourceGroups/demo-rg'),
    Case('managed-for-another-tenant', broken('exchange-401', profile(homeTenantId=names.TENANT_B)), 'tenant-mismatch',
         REFRESH, [TENANT, names.TENANT_B], f'az login --tenant {names.TENANT_B}'),
    Case('exchange-403-firewall', broken('exchange-403-firewall'), 'registry-firewall', REFRESH,
         [names.CLIENT_ADDRESS], 'az acr network-rule add'),
    Case('d-public-access-disabled-403', broken('public-access-disabled', HTTP(path='/v2/', answer='acr:challenge')),
         'public-access-disabled', REFRESH, [names.CLIENT_ADDRESS], 'Signing in again does not help'),
    Case('d-pe-login-public-route-403', broken('private-endpoint-bypassed', HTTP(path='/v2/', answer='acr:challenge')),
         'private-endpoint-bypassed', REFRESH, [names.FRONT_ADDRESS, names.CLIENT_ADDRESS], f'nslookup {R}'),
    Case('exchange-403-otherwise', broken(said(403, 'DENIED', 'the tenant is blocked')), 'registry-forbids', REFRESH,
         ['the tenant is blocked', GUID], 'aka.ms/acr/issues'),
    Case('exchange-429', broken('exchange-429'), 'throttled', THROTTLED, ['429'], 'Signing in again does not help'),
    Case('exchange-500', broken(said(500, 'UNKNOWN', 'internal error')), 'registry-unavailable', REFRESH,
         ['internal error', GUID], NOT_YOURS),
    Case('exchange-504', broken('exchange-504'), 'gateway-timeout', REFRESH, ['504'], NOT_YOURS),
    Case('exchange-503-once', broken(HTTP(path=EXCHANGE, status=503, times=1)), 'transient', None, ['503'], 'Nothing'),
    Case('exchange-400', broken(said(400, 'BADREQUEST', 'grant_type is not supported')), 'token-refused', REFRESH,
         ['grant_type is not supported', GUID], 'aka.ms/acr/issues'),
    Case('exchange-html', broken('exchange-html'), 'page-in-between', REFRESH, ['Contoso Guest Wi-Fi - Sign in'], R),
    Case('exchange-redirect', broken(HTTP(path=EXCHANGE, status=307, headers=[
        ['Location', 'https://evil.example/take?token=x']])), 'redirected', REFRESH, ['https://evil.example/take'],
         'captive portal'),
    Case('exchange-without-token', broken(HTTP(path=EXCHANGE, status=200, body='{"refresh_token":null}')),
         'token-missing', REFRESH, ['200'], 'aka.ms/acr/issues'),
    Case('exchange-silent', broken('exchange-silent'), 'answer-timeout', REFRESH, [R, EXCHANGE], 'Try again', **SOON),
    Case('token-401', broken('token-401'), 'token-unauthorized', ACCESS, ['authentication required', 'orrelation'],
         'az role assignment list --scope /subscriptions/'),
    Case('d-sp-secret-expired-login-passes', broken(said(401, 'UNAUTHORIZED', 'Invalid clientid or client secret.',
                                                         **AT_TOKEN)), 'token-unauthorized', ACCESS,
         ['Invalid clientid or client secret.', GUID], 'role'),
    Case('token-403', broken(HTTP(path=TOKEN, answer='acr:firewall')), 'registry-firewall', ACCESS,
         [names.CLIENT_ADDRESS], 'az acr network-rule add'),
    Case('token-429', broken('token-429'), 'throttled', THROTTLED, ['429'], 'Signing in again does not help'),
    Case('token-502', broken(HTTP(path=TOKEN, status=502, headers=HTML, body='<h1>502</h1>')), 'registry-unavailable',
         ACCESS, ['502'], NOT_YOURS),
    Case('d-access-token-504', broken('token-504'), 'gateway-timeout', ACCESS, ['504'], NOT_YOURS),
    Case('token-504-every-other-time', broken(HTTP(path=TOKEN, status=504, times=1)), 'transient', None, ['504'],
         'Nothing is broken'),
    Case('token-html', broken(HTTP(path=TOKEN, status=200, headers=HTML, body='<title>Portal</title>')),
         'page-in-between', ACCESS, ['Portal'], R),
    Case('token-unreadable', broken(HTTP(path=TOKEN, status=200, body='{"access_token":"opaque"}')),
         'token-unreadable', ACCESS, ['samples/hello'], 'aka.ms/acr/issues', args=ON),
    Case('token-opaque-and-nothing-asked', broken(HTTP(path=TOKEN, status=200, body='{"access_token":"opaque"}')),
         None, None),
]


def grant(*actions: str, registry: str = 'demoregistry') -> Command:
    """What everybody may do on all repositories of a registry."""
    return {'do': 'grant', 'identity': '*', 'registry': registry, 'repository': '*', 'actions': list(actions)}


ACTIONS = [
    Case('all-actions', broken(), None, None, args=ON),
    Case('d-role-propagation-30-min', broken('token-nothing-granted'), 'actions-missing', ACCESS,
         ['pull, push, metadata_read, metadata_write, delete', 'samples/hello'], 'wait a few minutes', args=ON),
    Case('token-pull-only', broken('token-pull-only'), 'actions-missing', ACCESS, ['metadata_write', 'samples/hello'],
         f'{ROLE} AcrPush', args=ON),
    Case('token-pull-only-is-enough', broken('token-pull-only'), None, None, args=(*ON, '--require', 'pull')),
    Case('d-token-without-metadata-read', broken(grant('pull', 'push', 'metadata_write', 'delete')), 'actions-missing',
         ACCESS, ['metadata_read'], f'{ROLE} AcrPull', args=ON),
    Case('delete-missing', broken(grant('pull', 'push', 'metadata_read', 'metadata_write')), 'actions-missing', ACCESS,
         ['delete', 'it has pull, push'], f'{ROLE} AcrDelete', args=ON),
    Case('pull-missing-with-abac', broken(grant(registry='basicregistry')), 'actions-missing', ACCESS,
         ['AbacRepositoryPermissions', 'pull'], 'Container Registry Repository Reader', registry='basicregistry',
         args=(*ON, '--require', 'pull')),
    Case('delete-missing-with-abac', broken(grant('pull', registry='basicregistry')), 'actions-missing', ACCESS,
         ['delete'], 'Container Registry Repository Contributor', registry='basicregistry', args=ON),
]

MANAGEMENT_CASES = [
    Case('arm-pages', broken({'do': 'settings', 'page_size': 1}), None, None, registry='dataregistry'),
    Case('arm-old-api', broken({'do': 'settings', 'api_versions': ['2019-05-01']}), None, None),
    Case('arm-next-page-elsewhere', broken(ARM(path='*/registries', status=200, body=json.dumps(
        {'value': [], 'nextLink': 'https://evil.example/page2'}))), 'management-unusable', None, ['evil.example']),
    Case('arm-keys-missing', broken(REGISTRY(**dict.fromkeys(
        ['networkRuleSet', 'policies', 'privateEndpointConnections', 'publicNetworkAccess', 'encryption'],
        resources.REMOVED))), None, None, args=ON),
    Case('arm-keys-null', broken(ARM(path='*/registries', status=200, body=json.dumps({'value': [{
        **dict.fromkeys(['id', 'sku', 'identity', 'location', 'tags']), 'name': 'demoregistry', 'properties': {
            **dict.fromkeys(['networkRuleSet', 'policies', 'privateEndpointConnections', 'publicNetworkAccess',
                             'encryption', 'roleAssignmentMode']), 'loginServer': 'DemoRegistry.azurecr.io'}}]}))),
         None, None, args=ON),
    Case('arm-without-login-server', broken(ARM(path='*/registries', status=200, body=json.dumps({'value': [
        {'name': 'demoregistry', 'properties': {'loginServer': None, 'provisioningState': 'Creating'}}]}))),
         'login-server-absent', None, ['demoregistry'], 'az acr show --name demoregistry'),
    Case('arm-login-server-is-foreign', broken(ARM(path='*/registries', status=200, body=json.dumps({'value': [
        {'name': 'demoregistry', 'properties': {'loginServer': 'evil.example/x?y'}}]}))), 'login-server-absent', None,
         ['evil.example/x?y'], 'az acr show --name demoregistry'),
    Case('arm-forbidden', broken('arm-forbidden'), 'registry-not-visible', None, ['Contoso Production', APP],
         'Reader'),
    Case('arm-403', broken(ARM(path='*/registries', answer='arm:AuthorizationFailed')), 'management-forbidden', None,
         ['Contoso Production', APP], f'az role assignment list --assignee {APP}'),
    Case('arm-404', broken(ARM(path='*/registries', answer='arm:SubscriptionNotFound')), 'subscription-unknown', None,
         [names.SUBSCRIPTION_A1], 'az account list --refresh'),
    Case('arm-401', broken('arm-token-expired'), 'management-sign-in', None, ['expiry UTC time', APP], 'az login'),
    Case('arm-429', broken('arm-throttled'), 'management-throttled', None, ['372'], 'Wait'),
    Case('arm-500', broken('arm-500'), 'management-unavailable', None, ['500', 'internal server error'], NOT_YOURS),
    Case('arm-504', broken('arm-504'), 'management-unavailable', None, ['504'], NOT_YOURS),
    Case('arm-html', broken('arm-html'), 'management-intercepted', None, ['Contoso Guest Wi-Fi - Sign in'],
         'captive portal'),
    Case('arm-silent', broken('arm-silent'), 'management-silent', None, [MANAGEMENT], 'firewall', **SOON),
    Case('arm-silent-by-default', broken('arm-silent'), 'management-silent', None, [MANAGEMENT], 'firewall'),
    Case('arm-refused', broken('arm-refused'), 'connection-refused', None, [MANAGEMENT], f'nslookup {MANAGEMENT}'),
    Case('arm-inspected', broken(TLS(host=MANAGEMENT, certificate='unknown-issuer')), 'certificate-issuer-unknown',
         None, [MANAGEMENT, 'Contoso Traffic Inspection CA'], 'REQUESTS_CA_BUNDLE'),
    Case('other-subscription', broken(), 'registry-in-other-subscription', None,
         ['Contoso Development', 'Contoso Production'], f'az account set --subscription {names.SUBSCRIPTION_A2}',
         registry='devregistry'),
    Case('other-subscription-named', broken(), None, None, registry='devregistry',
         args=('--subscription', 'Contoso Development')),
    Case('d-check-acr-us-suffix', broken(in_government), None, None, ['demoregistry.azurecr.us'], args=ON),
    Case('us-login-server-as-name', broken(in_government), None, None, ['demoregistry.azurecr.us'],
         registry='demoregistry.azurecr.us'),
    Case('d-active-subscription-other-tenant', broken(also(*OTHER_TENANT)), 'registry-in-other-subscription', None,
         ['Fabrikam'], f'az account set --subscription {names.SUBSCRIPTION_B1}', registry='fabrikamregistry', args=ON),
    Case('other-tenant-unknown', broken(), 'exchange-unauthorized', REFRESH, [TENANT], 'sign in there',
         registry='fabrikamregistry', others=('registry-not-visible',)),
    Case('cmk-identity-gone', broken('cmk-identity-gone'), 'key-identity-gone', KEY, [resources.CMK_CLIENT_ID],
         'az acr encryption rotate-key --name demoregistry'),
    Case('cmk-identity-unread', broken('cmk-identity-forbidden'), 'key-identity-unread', None, ['403'],
         'az identity show --ids'),
    Case('cmk', broken(), None, None, registry='cmkregistry'),
]

CASES = [*SIGN_IN, *EXCHANGES, *ACTIONS, *MANAGEMENT_CASES]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_token(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
