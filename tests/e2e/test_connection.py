"""From this machine to the registry: what refuses, drops, resets or hangs on the way, and proxies of every temper."""
from __future__ import annotations

import base64

import pytest

from tests.e2e.case import DNS, HTTP, PROXY, R, REGISTRY, SOON, TLS, Case, broken, prove, system
from tests.lab import Lab
from tests.local_azure import names

ERROR, REFUSED = 'CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR'
FRONT = names.FRONT_ADDRESS
NOWHERE = '203.0.113.99'
THROUGH = f'{names.PROXY_ADDRESS}:{names.PROXY_PORT}'
PROXIED = {'HTTPS_PROXY': f'http://{THROUGH}'}
PASSWORD_PROXY = f'http://{names.PROXY_USER}:{names.PROXY_PASSWORD}@{THROUGH}'
EXCEPT_ALL = 'azurecr.io,management.azure.com,login.microsoftonline.com'


def forbidden_here(lab: Lab) -> None:
    """This machine's own routes forbid that address."""
    system(lab, *'ip route replace prohibit 203.0.113.98'.split())


CASES = [
    Case('tcp-refused', broken('tcp-refused'), 'connection-refused', ERROR, [FRONT, '443'], f'nslookup {R}'),
    Case('tcp-unreachable', broken(DNS(addresses=[NOWHERE])), 'host-unreachable', ERROR, [NOWHERE], 'routes'),
    Case('tcp-forbidden-here', broken(forbidden_here, DNS(addresses=['203.0.113.98'])), 'connection-failed', ERROR,
         ['203.0.113.98', 'Permission denied'], 'own firewall'),
    Case('tcp-drop', broken('tcp-drop'), 'connect-timeout', ERROR, [FRONT, '2.0 s'], 'port 443', **SOON),
    Case('tcp-drop-by-default', broken('tcp-drop'), 'connect-timeout', ERROR, [FRONT, '10.0 s'], 'port 443'),
    Case('tcp-silent', broken('tcp-silent'), 'tls-timeout', ERROR, [FRONT], 'MTU', **SOON),
    Case('b-mtu-1300', broken('tls-silent'), 'tls-timeout', ERROR, [FRONT], 'MTU', **SOON),
    Case('tcp-reset', broken('tcp-reset'), 'tls-reset', ERROR, [FRONT], R),
    Case('b-reset-by-peer-private-agents', broken('tls-reset'), 'tls-reset', ERROR, [FRONT], R),
    Case('tls-reset-once', broken(TLS(mode='reset', times=1)), 'transient', None, ['reset'], 'aka.ms/acr/issues'),
    Case('http-silent', broken('http-silent'), 'answer-timeout', ERROR, [R, FRONT], 'proxy or firewall', **SOON),
    Case('http-silent-by-default', broken('http-silent'), 'answer-timeout', ERROR, [R, FRONT], 'proxy or firewall'),
    Case('http-drip', broken('http-drip'), 'answer-timeout', ERROR, [R, FRONT], 'proxy or firewall', **SOON),
    Case('http-slow-is-healthy', broken(HTTP(delay=1)), None, None),
    Case('http-closed', broken('http-closed'), 'answer-cut', ERROR, [R, FRONT], 'proxy or firewall'),
    Case('http-closed-once', broken(HTTP(path='/v2/', close=True, times=1)), 'transient', None, [R], 'Nothing is'),
    Case('http-garbage', broken(HTTP(raw='SSH-2.0-OpenSSH_9.2p1 Debian\r\n')), 'not-http', ERROR, [R, FRONT, 'SSH-2.0'],
         'Another service'),

    Case('proxy', broken(**PROXIED), None, None),
    Case('proxy-and-names-unknown-here', broken(DNS(host='*', rcode='NXDOMAIN'), **PROXIED), 'dns-left-to-proxy', None,
         [THROUGH, R], 'daemon'),
    Case('proxy-and-names-sunk-here', broken('dns-sinkhole', **PROXIED), 'dns-left-to-proxy', None, ['0.0.0.0'],
         'daemon'),
    Case('proxy-and-name-servers-silent', broken('dns-silent', **PROXIED), 'dns-left-to-proxy', None, [THROUGH],
         'daemon', **SOON),
    Case('proxy-407-basic', broken('proxy-407-basic', **PROXIED), 'proxy-sign-in', ERROR, [THROUGH, 'Basic realm'],
         'HTTPS_PROXY'),
    Case('b-proxy-407-credentials-ignored', broken('proxy-407-ntlm', HTTPS_PROXY=PASSWORD_PROXY), 'proxy-sign-in',
         ERROR, [f'http://{THROUGH}', 'NTLM'], 'NTLM'),
    Case('proxy-policy', broken('proxy-policy', **PROXIED), 'proxy-refuses', ERROR,
         [THROUGH, '403', 'Access Denied - Contoso Web Gateway'], f'NO_PROXY={R}'),
    Case('proxy-policy-for-the-registry', broken(PROXY(host=R, mode='policy'), **PROXIED), 'proxy-refuses', ERROR,
         [R, '403'], f'NO_PROXY={R}'),
    Case('b-desktop-parsing-port',
         broken(PROXY(mode='status', status=500, host=R, body='parsing port : strconv.ParseInt'), **PROXIED),
         'proxy-refuses', ERROR, [R, '500'], f'NO_PROXY={R}'),
    Case('proxy-drip', broken('proxy-drip', **PROXIED), 'proxy-silent', ERROR, [THROUGH], f'NO_PROXY={R}', **SOON),
    Case('proxy-silent', broken('proxy-silent', **PROXIED), 'proxy-silent', ERROR, [THROUGH], f'NO_PROXY={R}', **SOON),
    Case('proxy-garbage', broken('proxy-garbage', **PROXIED), 'proxy-not-a-proxy', ERROR, [THROUGH], 'HTTPS_PROXY'),
    Case('proxy-closed', broken('proxy-closed', **PROXIED), 'proxy-unreachable', ERROR, [THROUGH], f'NO_PROXY={R}'),
    Case('b-proxyconnect-localhost', broken(HTTPS_PROXY='http://127.0.0.1:8080'), 'proxy-unreachable', ERROR,
         ['127.0.0.1:8080', 'refused'], 'HTTPS_PROXY'),
    Case('proxy-closed-and-excepted', broken('proxy-closed', NO_PROXY=EXCEPT_ALL, **PROXIED), None, None),
    Case('proxy-for-http-only', broken('proxy-closed', HTTP_PROXY=f'http://{THROUGH}'), None, None),
    Case('proxy-unresolved', broken(HTTPS_PROXY='http://proxy.contoso.example:3128'), 'proxy-unresolved', ERROR,
         ['proxy.contoso.example'], 'HTTPS_PROXY'),
    Case('proxy-malformed', broken(HTTPS_PROXY='http://proxy.contoso.example:8o8o'), 'proxy-malformed', ERROR,
         ['proxy.contoso.example:8o8o'], 'HTTPS_PROXY'),
    Case('proxy-named-https', broken(HTTPS_PROXY=f'https://{THROUGH}'), 'proxy-not-a-proxy', ERROR,
         ['begins with https://'], 'http://', **SOON),
    Case('proxy-with-password', broken({'do': 'settings', 'proxy_needs_password': True}, HTTPS_PROXY=PASSWORD_PROXY),
         None, None),
    Case('private-registry-through-proxy',
         broken('dns-private', REGISTRY(publicNetworkAccess='Disabled'), **PROXIED), 'private-registry-through-proxy',
         REFUSED, [THROUGH, names.CLIENT_ADDRESS], f'NO_PROXY="$NO_PROXY,"{R}'),
    Case('private-registry-excepted-from-proxy',
         broken('dns-private', REGISTRY(publicNetworkAccess='Disabled'), NO_PROXY='.azurecr.io', **PROXIED),
         None, None),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_connection(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)


def test_a_password_that_makes_the_address_of_a_proxy_malformed_is_not_shown(lab: Lab) -> None:
    run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--skip', 'environment',
                 env={'HTTPS_PROXY': f'http://user:opensesame/Word@{THROUGH}'})
    assert run.report['rootCauses'][0]['cause'] == 'proxy-malformed'
    assert 'opensesame' not in run.stdout + run.stderr and 'Word' not in run.stdout + run.stderr


def test_the_password_of_a_proxy_goes_to_the_proxy_and_nowhere_else(lab: Lab) -> None:
    lab.azure.settings(proxy_needs_password=True)
    wrong = PASSWORD_PROXY.replace(names.PROXY_PASSWORD, 'planted%2FWrong@Password')
    for url, status in ((PASSWORD_PROXY, 0), (wrong, 1)):
        lab.azure.clear_journal()
        run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--skip', 'environment', '--debug',
                     env={'HTTPS_PROXY': url})
        assert run.status == status, run.stderr
        sent = [entry['headers']['proxy-authorization'].split()[1] for entry in lab.azure.journal(kind='proxy')]
        assert sent
        for secret in {*sent, *(base64.b64decode(one).decode().partition(':')[2] for one in sent),
                       'planted%2FWrong', names.PROXY_PASSWORD}:
            assert secret not in run.stdout + run.stderr
