"""The named faults: what `make lab FAULT=...` and `LocalAzure.preset` break.

One table: name -> what is broken, and the commands (`control.py`; a fault where `do` is missing) that break it.
"""
from typing import Any, Dict, List, Tuple

from . import resources

Spec = Dict[str, Any]

R = 'demoregistry.azurecr.io'
LOGIN = 'login.microsoft*'
ARM = 'management.*'
MCR = 'mcr.microsoft.com'
MCR_DATA = '*.data.mcr.microsoft.com'
HTML = [['Content-Type', 'text/html']]
GATEWAY = [['Server', 'ContosoGateway/9.1']]

CAPTIVE_PORTAL = ('<!DOCTYPE html><html><head><title>Contoso Guest Wi-Fi - Sign in</title></head>'
                  '<body><form action="/login">Please accept the terms of use.</form></body></html>')
BLOCK_PAGE = ('<html><head><title>Access Denied - Contoso Web Gateway</title></head>'
              '<body>This site is blocked by your organization\'s policy (category: Uncategorized).</body></html>')


def _http(host: str, path: str = '*', **options: Any) -> Spec:
    return {'layer': 'http', 'host': host, 'path': path, **options}


def _page(host: str, status: int, body: str, path: str = '*', **options: Any) -> Spec:
    return _http(host, path, status=status, headers=HTML + options.pop('headers', []), body=body, **options)


def _dns(host: str = R, **options: Any) -> Spec:
    return {'layer': 'dns', 'host': host, **options}


def _tcp(mode: str, host: str = R, **options: Any) -> Spec:
    return {'layer': 'tcp', 'host': host, 'mode': mode, **options}


def _tls(host: str = R, **options: Any) -> Spec:
    return {'layer': 'tls', 'host': host, **options}


def _challenge(value: str) -> Spec:
    return _http(R, '/v2/', answer='acr:challenge', challenge=value)


CHALLENGE, EXCHANGE, TOKEN = '/v2/', '/oauth2/exchange', '/oauth2/token'
ENTRA_TOKEN = '*/token'
PRIVATELINK = 'demoregistry.privatelink.azurecr.io'
ROGUE_REALM = f'Bearer realm="https://evil.example/oauth2/token",service="{R}"'
HTTP_REALM = f'Bearer realm="http://{R}/oauth2/token",service="{R}"'
PRIVATE_ENDPOINT, PENDING_ENDPOINT = [
    {'do': 'registry', 'name': 'demoregistry', 'privateEndpointConnections': [
        resources.connection('demoregistry', resources.PRIVATE_ENDPOINT_ID, status)]}
    for status in ('Approved', 'Pending')]
CUSTOMER_MANAGED_KEY = {'do': 'registry', 'name': 'demoregistry', 'identity': resources.CMK_IDENTITY,
                        'encryption': resources.CMK_ENCRYPTION}
GATEWAY_TIMEOUT = '<h1>504 Gateway Time-out</h1>'
FRONT_DOOR = 'Ref A: 5B0E27D4A4FD4C1F9D2E6A9B8C7D6E5F Ref B: DM2EDGE0520 Ref C: 2024-05-08T12:36:23Z'

Preset = Tuple[str, List[Spec]]

PRESETS: Dict[str, Preset] = {
    'dns-nxdomain': ('the registry has no name in DNS', [_dns(rcode='NXDOMAIN')]),
    'dns-servfail': ('the name servers fail on the registry', [_dns(rcode='SERVFAIL')]),
    'dns-refused': ('the name servers refuse to say', [_dns(rcode='REFUSED')]),
    'dns-empty': ('the name exists but has no address', [_dns(empty=True)]),
    'dns-silent': ('no name server answers anything', [_dns('*', silent=True)]),
    'dns-first-dead': ('the first name server is dead, the second works', [
        _dns('*', server='198.51.100.53', silent=True)]),
    'dns-slow': ('name servers take 1.5 s', [_dns('*', delay=1.5)]),
    'dns-sinkhole': ('the registry resolves to 0.0.0.0', [_dns(addresses=['0.0.0.0'])]),
    'dns-ipv6-only': ('the registry has only an IPv6 address', [_dns(addresses=['2001:db8::40'])]),
    'dns-loop': ('the CNAME chain bites its tail', [_dns(chain=['loop.fe.azcr.io', R])]),
    'dns-privatelink-no-record': ('a private zone is linked but lacks the record', [
        _dns(chain=[PRIVATELINK], rcode='NXDOMAIN')]),
    'dns-privatelink-public': ('a private endpoint exists, its zone is not linked here', [
        PRIVATE_ENDPOINT]),
    'dns-private': ('healthy: a private endpoint, and its zone is linked: the registry is 10.0.0.7', [
        PRIVATE_ENDPOINT, _dns(chain=[PRIVATELINK], addresses=['10.0.0.7'])]),
    'private-endpoint-pending': ('the private endpoint is reached but not yet approved', [
        PENDING_ENDPOINT, _dns(chain=[PRIVATELINK], addresses=['10.0.0.7'])]),
    'private-endpoint-bypassed': ('public access is disabled, the private zone is not linked here', [
        PRIVATE_ENDPOINT, {'do': 'registry', 'name': 'demoregistry', 'publicNetworkAccess': 'Disabled'}]),
    'dns-private-unreachable': ('the registry resolves to a private address without a route', [
        _dns(chain=[PRIVATELINK], addresses=['10.66.0.9'])]),

    'tcp-refused': ('port 443 of the registry is closed', [_tcp('refused')]),
    'tcp-drop': ('packets to the registry vanish', [_tcp('drop')]),
    'tcp-silent': ('the registry accepts and says nothing', [_tcp('silent')]),
    'tcp-reset': ('connections to the registry are reset', [_tcp('reset')]),

    'tls-expired': ('the certificate has expired', [_tls(certificate='expired')]),
    'tls-not-yet-valid': ('the certificate is not yet valid', [_tls(certificate='not-yet-valid')]),
    'tls-self-signed': ('the certificate is self-signed', [_tls(certificate='self-signed')]),
    'tls-unknown-issuer': ('an inspecting proxy re-signs the connection', [_tls(certificate='unknown-issuer')]),
    'tls-unknown-root': ('the same, and the proxy sends its root as well', [_tls(certificate='unknown-root')]),
    'tls-other-name': ('the certificate is for other names', [_tls(certificate='other-name')]),
    'tls-expiring-soon': ('the certificate expires in 9 days', [_tls(certificate='expiring-soon')]),
    'tls-no-aki': ('a certificate without Authority Key Identifier (Python 3.13 refuses it)', [
        _tls(certificate='no-aki')]),
    'tls-silent': ('the handshake hangs after the ClientHello', [_tls(mode='silent')]),
    'tls-reset': ('a filter resets after reading the ClientHello', [_tls(mode='reset')]),
    'tls-closed': ('the connection is closed in the handshake', [_tls(mode='close')]),
    'tls-old-protocol': ('the server speaks only TLS 1.1', [_tls(newest='TLSv1_1')]),
    'not-tls': ('port 443 speaks plain HTTP', [_tls(mode='plain')]),
    'tls-inspected-everywhere': ('an inspecting proxy re-signs every connection', [
        _tls('*', certificate='unknown-issuer')]),

    'firewall': ('the registry\'s network rules do not allow this machine', [
        {'do': 'registry', 'name': 'demoregistry', 'networkRuleSet': {
            'defaultAction': 'Deny', 'ipRules': [{'action': 'Allow', 'value': '198.51.100.0/24'}]}}]),
    'public-access-disabled': ('public network access is disabled', [
        {'do': 'registry', 'name': 'demoregistry', 'publicNetworkAccess': 'Disabled'}]),
    'firewall-html': ('something in between answers 403 with a page', [_page(R, 403, BLOCK_PAGE, headers=GATEWAY)]),
    'captive-portal': ('a captive portal answers instead of the registry', [
        _page(R, 200, CAPTIVE_PORTAL, headers=GATEWAY)]),
    'redirect': ('the registry is redirected to a login page', [
        _http(R, CHALLENGE, status=302, headers=[['Location', 'https://portal.contoso.example/login']])]),
    'not-found': ('the front end does not know the registry', [_http(R, status=404, headers=[])]),
    'throttled': ('the registry throttles, with Retry-After', [
        _http(R, answer='acr:throttled', headers=[['Retry-After', '17']])]),
    'throttled-no-retry-after': ('the registry throttles and does not say for how long', [
        _http(R, answer='acr:throttled')]),
    'internal-500': ('the registry answers 500', [_page(R, 500, '<h1>500 Internal Server Error</h1>')]),
    'unavailable-503': ('the registry answers 503', [_page(R, 503, '<h1>503 Service Temporarily Unavailable</h1>')]),
    'unavailable-503-once': ('the registry answers 503 once, then works', [
        _page(R, 503, '<h1>503 Service Temporarily Unavailable</h1>', times=1)]),
    'gateway-504': ('the registry answers 504', [_page(R, 504, GATEWAY_TIMEOUT)]),
    'http-silent': ('the registry reads the request and never answers', [_http(R, silent=True)]),
    'http-closed': ('the registry closes without an answer', [_http(R, close=True)]),
    'http-drip': ('the registry answers one byte a second', [
        _http(R, answer='acr:challenge', drip={'head': 1, 'body': 1})]),

    'basic-challenge': ('the challenge offers only Basic', [_challenge('Basic realm="demoregistry"')]),
    'foreign-realm': ('the challenge names a realm on another host', [_challenge(ROGUE_REALM)]),
    'http-realm': ('the challenge names a realm without TLS', [_challenge(HTTP_REALM)]),
    'no-challenge': ('401 without WWW-Authenticate', [_http(R, CHALLENGE, status=401, headers=[])]),

    'exchange-401': ('the exchange refuses the sign-in token (no role on the registry)', [
        _http(R, EXCHANGE, answer='acr:unauthorized')]),
    'exchange-403-firewall': ('the exchange is refused by the firewall, the challenge is not', [
        _http(R, EXCHANGE, answer='acr:firewall')]),
    'exchange-429': ('the exchange is throttled', [_http(R, EXCHANGE, answer='acr:throttled')]),
    'exchange-504': ('the exchange answers 504', [_page(R, 504, GATEWAY_TIMEOUT, EXCHANGE)]),
    'exchange-html': ('the exchange answers a page', [_page(R, 200, CAPTIVE_PORTAL, EXCHANGE, headers=GATEWAY)]),
    'exchange-silent': ('the exchange never answers', [_http(R, EXCHANGE, silent=True)]),
    'arm-audience-disabled': ('Resource Manager\'s tokens are refused for sign-in', [
        {'do': 'registry', 'name': 'demoregistry',
         'policies': {'azureADAuthenticationAsArmPolicy': {'status': 'disabled'}}}]),
    'token-401': ('the token endpoint refuses', [_http(R, TOKEN, answer='acr:unauthorized')]),
    'token-429': ('the token endpoint is throttled', [_http(R, TOKEN, answer='acr:throttled')]),
    'token-504': ('the token endpoint answers 504', [_page(R, 504, GATEWAY_TIMEOUT, TOKEN)]),
    'token-nothing-granted': ('the token is given and grants nothing', [
        {'do': 'grant', 'identity': '*', 'registry': 'demoregistry', 'repository': '*', 'actions': []}]),
    'token-pull-only': ('the token grants only pull', [
        {'do': 'grant', 'identity': '*', 'registry': 'demoregistry', 'repository': '*', 'actions': ['pull']}]),

    'entra-secret-wrong': ('the principal\'s secret is wrong', [_http(LOGIN, ENTRA_TOKEN, answer='aadsts:7000215')]),
    'entra-secret-expired': ('the principal\'s secret has expired', [
        _http(LOGIN, ENTRA_TOKEN, answer='aadsts:7000222')]),
    'entra-app-unknown': ('the application does not exist', [_http(LOGIN, ENTRA_TOKEN, answer='aadsts:700016')]),
    'entra-tenant-unknown': ('the tenant does not exist', [
        _http(LOGIN, '*/openid-configuration', answer='aadsts:90002', error='invalid_tenant')]),
    'entra-mfa': ('multi-factor authentication is required', [_http(LOGIN, ENTRA_TOKEN, answer='aadsts:50076')]),
    'entra-conditional-access': ('conditional access blocks the token', [
        _http(LOGIN, ENTRA_TOKEN, answer='aadsts:53003')]),
    'entra-session-expired': ('the session expired by inactivity', [
        _http(LOGIN, ENTRA_TOKEN, answer='aadsts:700082')]),
    'entra-sign-in-frequency': ('the sign-in frequency policy ended the session', [
        _http(LOGIN, ENTRA_TOKEN, answer='aadsts:70043')]),
    'entra-resource-unknown': ('the registry audience is unknown in the tenant', [
        _http(LOGIN, ENTRA_TOKEN, answer='aadsts:500011')]),
    'entra-silent': ('the sign-in service never answers', [_http(LOGIN, silent=True)]),
    'entra-refused': ('the sign-in service refuses connections', [_tcp('refused', 'login.microsoftonline.com')]),
    'entra-html': ('a captive portal answers instead of the sign-in service', [
        _page(LOGIN, 200, CAPTIVE_PORTAL, headers=GATEWAY)]),
    'entra-429': ('the sign-in service throttles', [
        _http(LOGIN, status=429, headers=[['Retry-After', '60'], ['Content-Type', 'application/json']],
              body='{"error":"temporarily_unavailable"}')]),
    'entra-503': ('the sign-in service is down', [_page(LOGIN, 503, '<h1>Service Unavailable</h1>')]),

    'arm-forbidden': ('no permission on the registry in Resource Manager', [
        {'do': 'forbid', 'name': 'demoregistry'}]),
    'arm-registry-gone': ('Resource Manager does not know the registry', [
        {'do': 'forget', 'name': 'demoregistry'}]),
    'arm-500': ('Resource Manager answers 500', [
        _http(ARM, status=500, headers=[['Content-Type', 'application/json; charset=utf-8']],
              body='{"error":{"code":"InternalServerError","message":"Encountered internal server error."}}')]),
    'arm-504': ('Resource Manager\'s gateway times out', [_http(ARM, answer='arm:GatewayTimeout')]),
    'arm-html': ('a captive portal answers instead of Resource Manager', [
        _page(ARM, 200, CAPTIVE_PORTAL, headers=GATEWAY)]),
    'arm-silent': ('Resource Manager never answers', [_http(ARM, silent=True)]),
    'arm-refused': ('Resource Manager refuses connections', [_tcp('refused', 'management.azure.com')]),
    'arm-throttled': ('Resource Manager throttles', [
        _http(ARM, answer='arm:ResourceRequestsThrottled', headers=[['Retry-After', '372']])]),
    'arm-token-expired': ('Resource Manager finds the token expired', [
        _http(ARM, answer='arm:ExpiredAuthenticationToken')]),
    'cmk-identity-gone': ('the identity of the customer-managed key was deleted', [
        CUSTOMER_MANAGED_KEY, {'do': 'forget', 'name': 'cmk-identity'}]),
    'cmk-identity-forbidden': ('the identity of the customer-managed key may not be read', [
        CUSTOMER_MANAGED_KEY, {'do': 'forbid', 'name': 'cmk-identity'}]),

    'mcr-throttled': ('MCR throttles with Front Door\'s answer, which is not JSON', [
        _page(MCR, 429, FRONT_DOOR, '/v2/mcr/*')]),
    'mcr-nxdomain': ('MCR has no name in DNS', [_dns(MCR, rcode='NXDOMAIN')]),
    'mcr-refused': ('MCR refuses connections', [_tcp('refused', MCR)]),
    'mcr-silent': ('MCR accepts and says nothing', [_tcp('silent', MCR)]),
    'mcr-unknown-issuer': ('MCR\'s certificate is by an inspecting proxy', [_tls(MCR, certificate='unknown-issuer')]),
    'mcr-missing': ('MCR does not know the sample image', [_http(MCR, '/v2/mcr/*', answer='acr:manifest-unknown')]),
    'mcr-data-blocked': ('MCR\'s data host is blocked', [_tls(MCR_DATA, mode='reset')]),
    'mcr-data-403': ('a gateway refuses MCR\'s data host with a page', [
        _page(MCR_DATA, 403, BLOCK_PAGE, headers=GATEWAY)]),
    'mcr-data-drip': ('MCR\'s data host sends one byte a second', [
        _http(MCR_DATA, status=200, headers=[['Content-Type', 'application/octet-stream']],
              body='x' * 100000, drip={'body': 1})]),
    'blob-blocked': ('the storage behind the registry is blocked', [_tls('*.blob.core.windows.net', mode='reset')]),
    'blob-403': ('a gateway refuses the storage with a page', [
        _page('*.blob.core.windows.net', 403, BLOCK_PAGE, headers=GATEWAY)]),

    'proxy-407-basic': ('the proxy wants a password', [{'layer': 'proxy', 'mode': '407-basic'}]),
    'proxy-407-ntlm': ('the proxy wants NTLM', [{'layer': 'proxy', 'mode': '407-ntlm'}]),
    'proxy-policy': ('the proxy refuses by policy, with a page', [{'layer': 'proxy', 'mode': 'policy'}]),
    'proxy-drip': ('the proxy drips its answer', [{'layer': 'proxy', 'mode': 'drip'}]),
    'proxy-garbage': ('the proxy answers garbage', [{'layer': 'proxy', 'mode': 'garbage'}]),
    'proxy-silent': ('the proxy never answers', [{'layer': 'proxy', 'mode': 'silent'}]),
    'proxy-closed': ('nothing listens at the proxy\'s port', [
        {'layer': 'tcp', 'address': '203.0.113.50', 'port': 3128, 'mode': 'refused'}]),
}
