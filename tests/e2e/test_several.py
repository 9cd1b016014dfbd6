"""Two or three faults at once: each is reported once, in the order to mend them; what follows from one is one."""
from __future__ import annotations

import pytest

from tests.e2e.case import ARM, DNS, ENTRA, HTTP, REGISTRY, SOON, TLS, Arrange, Case, R, broken, prove
from tests.e2e.test_connection import PROXIED
from tests.e2e.test_names import hosts
from tests.e2e.test_sign_in import AS_USER, ON, aadsts
from tests.e2e.test_tls import bundle, clock
from tests.lab import Lab
from tests.local_azure import names

DNS_ERROR, TLS_ERROR, ERROR, FORBIDDEN = ('CONNECTIVITY_DNS_ERROR', 'CONNECTIVITY_SSL_ERROR',
                                          'CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR')
REFRESH, ACCESS = 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'CONNECTIVITY_ACCESS_TOKEN_ERROR'
EVERYTHING = '*'


def tools(**wanted: bool | str) -> Arrange:
    """Puts other tools on PATH."""
    def arrange(lab: Lab) -> None:
        lab.path = lab.tools(**wanted)
    return arrange


CASES = [
    # Independent of each other.
    Case('firewall-and-helm', broken('firewall', tools(helm=False)), 'helm-missing', 'HELM_COMMAND_ERROR',
         environment=True, others=['registry-firewall']),
    Case('expired-and-arm-throttled', broken('tls-expired', 'arm-throttled'), 'certificate-expired', TLS_ERROR,
         others=['management-throttled']),
    Case('firewall-and-key', broken('firewall', 'cmk-identity-gone'), 'registry-firewall', FORBIDDEN,
         others=['key-identity-gone']),
    Case('secret-and-key-and-slow-names', broken('dns-first-dead', 'cmk-identity-gone', aadsts(7000222, '')),
         'secret-expired', REFRESH, others=['key-identity-gone', 'dns-server-down']),
    Case('actions-and-certificate-and-transient',
         broken('token-pull-only', 'tls-expiring-soon', HTTP(path='/v2/', status=503, times=1)), 'actions-missing',
         ACCESS, ['push'], args=ON, others=['certificate-expires-soon', 'transient']),
    Case('proxy-policy-and-arm-silent',
         broken({'layer': 'proxy', 'host': R, 'mode': 'policy'}, ARM(silent=True), **PROXIED), 'proxy-refuses', ERROR,
         others=['management-silent'], **SOON),
    Case('nxdomain-and-arm-forbidden',
         broken('dns-nxdomain', ARM(path='*/registries', answer='arm:AuthorizationFailed')), 'dns-nxdomain', DNS_ERROR,
         others=['management-forbidden']),
    Case('unlinked-zone-and-session-expired', broken(AS_USER, 'dns-privatelink-public', aadsts(700082, '')),
         'session-expired', REFRESH, others=['dns-private-zone-unlinked']),
    Case('hosts-file-and-no-role', broken(hosts(names.STORAGE_ADDRESS), 'exchange-401'), 'exchange-unauthorized',
         REFRESH, others=['dns-hosts-file']),
    Case('hosts-file-and-sign-in-refused', broken(hosts(names.STORAGE_ADDRESS), 'entra-refused'), 'connection-refused',
         REFRESH, others=['dns-hosts-file']),
    Case('throttled-and-other-subscription', broken(HTTP(host='devregistry.azurecr.io', answer='acr:throttled')),
         'throttled', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', registry='devregistry',
         others=['registry-in-other-subscription']),

    # One cause for everything.
    Case('bundle-for-everything', broken(bundle(None)), 'ca-bundle-unusable', TLS_ERROR),
    Case('bundle-before-helm', broken(bundle(None), tools(helm=False)), 'ca-bundle-unusable', TLS_ERROR,
         environment=True, others=['helm-missing']),
    Case('proxy-for-everything', broken('proxy-closed', **PROXIED), 'proxy-unreachable', ERROR),
    Case('proxy-before-helm', broken('proxy-407-ntlm', tools(helm=False), **PROXIED), 'proxy-sign-in', ERROR,
         environment=True, others=['helm-missing']),
    Case('clock-for-everything', broken(**clock('-400d')), 'clock-wrong', TLS_ERROR),
    Case('clock-and-arm-throttled', broken('tls-expiring-soon', 'arm-throttled', **clock('+12d')), 'clock-wrong',
         TLS_ERROR, others=['management-throttled']),
    Case('inspected-everywhere', broken(TLS(host=EVERYTHING, certificate='unknown-root')), 'certificate-issuer-unknown',
         TLS_ERROR),
    Case('names-fail-for-everything', broken(DNS(host=EVERYTHING, rcode='SERVFAIL')), 'dns-servfail', DNS_ERROR),
    Case('captive-portal-for-everything', broken('captive-portal', 'arm-html', 'entra-html'), 'page-in-between', ERROR,
         ['Contoso Guest Wi-Fi - Sign in']),
    Case('entra-for-everything', broken(ENTRA(silent=True)), 'sign-in-silent', REFRESH, **SOON),
    Case('private-and-refused', broken('private-endpoint-bypassed', REGISTRY(networkRuleSet={'defaultAction': 'Deny'})),
         'private-endpoint-bypassed', FORBIDDEN),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_faults_at_once(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
