"""The secure connection: certificates, the clock that they are held against, the CAs that are trusted, protocols."""
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.case import R, SOON, TLS, Case, broken, prove
from tests.lab import CA_BUNDLE, Lab
from tests.local_azure import names, presets

ERROR = 'CONNECTIVITY_SSL_ERROR'
LABELLED = 'labelregistry-h4k8drcuezf2bxgn.azurecr.io'
ISSUER, INSPECTOR = 'Microsoft Azure RSA TLS Issuing CA 04', 'Contoso Traffic Inspection CA'
FETCH = f'openssl s_client -connect {R}:443'
# Whether az's Python holds certificates to the strict rules (Python 3.13 and later).
STRICT = sys.version_info >= (3, 13)


def bundle(content: Callable[[Lab], str] | None, variable: str = 'REQUESTS_CA_BUNDLE', name: str = 'our-ca.pem'
           ) -> Callable[[Lab], dict[str, str | None]]:
    """Names a bundle in that variable, with that content; None: no such file."""
    def arrange(lab: Lab) -> dict[str, str | None]:
        path = lab.home / name
        if content:
            path.write_text(content(lab))
        return {'REQUESTS_CA_BUNDLE': None, variable: str(path)}
    return arrange


def empty_directory(lab: Lab) -> dict[str, str | None]:
    """A directory in place of a bundle."""
    (lab.home / 'cas').mkdir()
    return {'REQUESTS_CA_BUNDLE': str(lab.home / 'cas')}


def with_the_inspector(lab: Lab) -> str:
    """The system's CAs and the inspecting proxy's."""
    return (lab.etc / CA_BUNDLE.removeprefix('/etc/')).read_text() + lab.azure.inspection_ca.read_text()


def clock(shift: str) -> dict[str, str]:
    """Moves the clock of what runs in this environment."""
    library = next(iter(sorted(Path('/usr/lib').glob('*/faketime/libfaketimeMT.so.1'))), Path('/missing/libfaketime'))
    return {'LD_PRELOAD': str(library), 'FAKETIME': shift, 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}


CASES = [
    Case('tls-expired', broken('tls-expired'), 'certificate-expired', ERROR, [R, ISSUER], FETCH),
    Case('tls-expiring-soon', broken('tls-expiring-soon'), 'certificate-expires-soon', None, ['9 days', ISSUER]),
    Case('tls-not-yet-valid', broken('tls-not-yet-valid'), 'certificate-not-yet-valid', ERROR, [R, ISSUER], 'date -u'),
    Case('tls-self-signed', broken('tls-self-signed'), 'certificate-self-signed', ERROR, [R], 'REQUESTS_CA_BUNDLE'),
    Case('tls-unknown-issuer', broken('tls-unknown-issuer'), 'certificate-issuer-unknown', ERROR, [R, INSPECTOR],
         'REQUESTS_CA_BUNDLE'),
    Case('tls-unknown-root', broken('tls-unknown-root'), 'certificate-issuer-unknown', ERROR, [R, INSPECTOR], FETCH),
    Case('d-check-health-traceback-ssl', broken('tls-inspected-everywhere'), 'certificate-issuer-unknown', ERROR,
         [R, INSPECTOR], 'REQUESTS_CA_BUNDLE'),
    Case('tls-inspected-and-trusted', broken('tls-inspected-everywhere', bundle(with_the_inspector)), None, None),
    Case('d-ssl-error-dnl-name', broken(TLS(host=LABELLED, certificate='unknown-issuer')), 'certificate-issuer-unknown',
         ERROR, [LABELLED, INSPECTOR], '*.azurecr.io', registry='labelregistry'),
    Case('tls-other-name', broken('tls-other-name'), 'certificate-other-name', ERROR,
         ['www.fabrikam.example', '*.fabrikam.example', R], f'nslookup {R}'),
    Case('b-python313-missing-aki', broken('tls-no-aki'), 'certificate-form', ERROR,
         ['Missing Authority Key Identifier'], 'reissued') if STRICT else
    Case('b-python313-missing-aki', broken('tls-no-aki'), None, None),
    Case('tls-old-protocol', broken('tls-old-protocol'), 'tls-protocol', ERROR, [R], 'TLS 1.2'),
    Case('tls-1.2-is-healthy', broken(TLS(newest='TLSv1_2')), None, None),
    Case('not-tls', broken('not-tls'), 'not-tls', ERROR, [names.FRONT_ADDRESS, '443'], 'captive portal'),
    Case('tls-closed', broken('tls-closed'), 'tls-reset', ERROR, [names.FRONT_ADDRESS], 'filters by host name'),
    Case('tls-not-verified', broken('tls-self-signed', AZURE_CLI_DISABLE_CONNECTION_VERIFICATION='1'),
         'verification-disabled', None, ['AZURE_CLI_DISABLE_CONNECTION_VERIFICATION'], 'REQUESTS_CA_BUNDLE'),
    Case('tls-verified-after-all', broken('tls-self-signed', AZURE_CLI_DISABLE_CONNECTION_VERIFICATION=''),
         'certificate-self-signed', ERROR, [R], 'REQUESTS_CA_BUNDLE'),

    Case('bundle-missing', broken(bundle(None)), 'ca-bundle-unusable', ERROR, ['our-ca.pem', 'is missing'], 'PEM'),
    Case('bundle-empty', broken(bundle(lambda _: '')), 'ca-bundle-unusable', ERROR, ['our-ca.pem'], 'PEM'),
    Case('bundle-is-none', broken(bundle(lambda _: '<html>Not found</html>\n')), 'ca-bundle-unusable', ERROR,
         ['our-ca.pem', 'holds no certificates'], 'PEM'),
    Case('bundle-of-curl', broken(bundle(None, 'CURL_CA_BUNDLE')), 'ca-bundle-unusable', ERROR,
         ['our-ca.pem', 'is missing'], 'PEM'),
    Case('bundle-lacks-the-issuer', broken(bundle(lambda lab: lab.azure.inspection_ca.read_text())),
         'certificate-issuer-unknown', ERROR, [ISSUER, 'our-ca.pem'], 'REQUESTS_CA_BUNDLE'),
    Case('bundle-is-an-empty-directory', broken(empty_directory), 'ca-bundle-unusable', ERROR, ['cas'], 'PEM'),

    Case('clock-days-ahead', broken('tls-expiring-soon', **clock('+12d')), 'clock-wrong', ERROR, ['12 days ahead', R],
         'timedatectl'),
    Case('b-clock-vm-ntp', broken(**clock('+500d')), 'clock-wrong', ERROR, ['days ahead', R], 'timedatectl'),
    Case('b-clock-behind-certificate', broken(**clock('-400d')), 'clock-wrong', ERROR, ['400 days behind', R],
         'timedatectl'),
    Case('clock-minutes-ahead-is-healthy', broken(**clock('+10m')), None, None),
    Case('clock-behind-and-server-silent', broken('http-silent', **clock('-400d')), 'certificate-not-yet-valid', ERROR,
         [R, ISSUER], 'date -u', **SOON),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_secure_connection(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)


def test_b_private_link_name_used_directly(lab: Lab) -> None:
    run = lab.az('acr', 'check-health-ext', '--name', presets.PRIVATELINK, '--yes')
    assert run.status == 1 and 'Traceback' not in run.stderr
    assert 'not its login server' in run.stderr and f'--name {R}' in run.stderr
