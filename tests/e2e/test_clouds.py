"""Clouds: the active one decides suffix, services, audience and the host of Microsoft's images; others are told of."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.case import DNS, R, REGISTRY, Arrange, Case, broken, prove
from tests.lab import Lab
from tests.local_azure import names, presets
from tests.local_azure.names import Cloud

ERROR, REFRESH = 'CONNECTIVITY_DNS_ERROR', 'CONNECTIVITY_REFRESH_TOKEN_ERROR'
PUBLIC, GOVERNMENT, CUSTOM, CHINA = (
    next(cloud for cloud in names.CLOUDS if cloud.name == name)
    for name in ('AzureCloud', 'AzureUSGovernment', 'CustomCloud', 'AzureChinaCloud'))
IN_CHINA, IN_GOVERNMENT, IN_CUSTOM = (f'demoregistry{cloud.registry_suffix}' for cloud in (CHINA, GOVERNMENT, CUSTOM))
INVISIBLE = {'do': 'forbid', 'name': 'demoregistry'}
ON = ('--repository', 'samples/hello')
LINKED = presets.PRESETS['dns-privatelink-public'][1][0]


def done(lab: Lab, *args: str) -> None:
    """Runs az, which has to work."""
    run = lab.az(*args)
    assert run.status == 0, run.stderr


def register(lab: Lab, name: str = CUSTOM.name, suffix: str | None = CUSTOM.registry_suffix) -> None:
    """Registers a cloud of the user's own."""
    done(lab, 'config', 'set', 'core.instance_discovery=false')
    done(lab, 'cloud', 'register', '--name', name, '--skip-endpoint-discovery',
         '--endpoint-resource-manager', f'https://{CUSTOM.resource_manager}',
         '--endpoint-active-directory', f'https://{CUSTOM.entra}',
         '--endpoint-active-directory-resource-id', CUSTOM.audiences[0],
         *(['--suffix-acr-login-server-endpoint', suffix] if suffix else []))


def active(name: str, suffix: str | None = CUSTOM.registry_suffix) -> Arrange:
    """That cloud is the active one, and somebody is signed in to it."""
    def arrange(lab: Lab) -> None:
        lab.sign_out()
        if name not in (PUBLIC.name, GOVERNMENT.name, CHINA.name):
            register(lab, name, suffix)
        done(lab, 'cloud', 'set', '--name', name)
        done(lab, 'login', '--service-principal', '--username', names.APP.name, '--password', names.APP.secret,
             '--tenant', names.APP.tenant)
    return arrange


def audience(value: str) -> Arrange:
    """Sets the audience of registries."""
    return lambda lab: done(lab, 'config', 'set', f'acr.audience_resource={value}')


CLOUDS: Sequence[tuple[str, Cloud, Arrange]] = [
    ('public', PUBLIC, active(PUBLIC.name)), ('government', GOVERNMENT, active(GOVERNMENT.name)),
    ('china', CHINA, active(CHINA.name)), ('custom', CUSTOM, active(CUSTOM.name)),
    ('suffix without a dot', CUSTOM, active(CUSTOM.name, CUSTOM.registry_suffix.lstrip('.'))),
    ('no suffix', CUSTOM, active(CUSTOM.name, None)),
]


@pytest.mark.parametrize('cloud, arrange', [pytest.param(cloud, arrange, id=name) for name, cloud, arrange in CLOUDS])
def test_the_active_cloud_decides_where_everything_is(lab: Lab, cloud: Cloud, arrange: Arrange,
                                                      request: pytest.FixtureRequest) -> None:
    login_server = f'demoregistry{cloud.registry_suffix}'
    arrange(lab)
    lab.azure.clear_journal()
    case = Case(f'cloud-{request.node.callspec.id}', broken(), None, None, [login_server], args=ON)
    report = prove(lab, case, request).report
    assert (report['environment']['cloud'], report['registries'][0]['loginServer']) == (cloud.name, login_server)
    assert {entry['host'] for entry in lab.azure.journal(kind='http')} == {
        cloud.resource_manager, cloud.entra, login_server}
    refresh = next(row for row in report['checks'] if row['name'] == 'refresh-token')
    assert refresh['details']['audience'] == names.REGISTRY_AUDIENCE


@pytest.mark.parametrize('name, host', [(GOVERNMENT.name, 'mcr.microsoft.com'), (CHINA.name, 'mcr.microsoft.com'),
                                        (CUSTOM.name, 'mcr.microsoft.com'), ('USSec', 'mcr.microsoft.scloud')])
def test_the_sample_image_comes_from_the_cloud_s_own_host(lab: Lab, name: str, host: str,
                                                          request: pytest.FixtureRequest) -> None:
    active(name)(lab)
    args = ['--skip', 'helm', 'registry', 'network', 'sign-in', 'settings']
    prove(lab, Case(f'image-{name}', broken(), None, None, [f'{host}/mcr/hello-world'], args=args, environment=True),
          request)
    prove(lab, Case(f'image-{name}-blocked', broken(DNS(host=host, rcode='NXDOMAIN')), 'pull-dns', 'DOCKER_PULL_ERROR',
                    [host], args=args, environment=True), request)


NOT_IN_CHINA = DNS(host=IN_CHINA, rcode='NXDOMAIN')
SWITCH = 'az cloud set --name AzureUSGovernment'
GONE = broken('dns-nxdomain', INVISIBLE)
CASES = [
    Case('no-suffix-and-no-permission', broken(active(CUSTOM.name, None), INVISIBLE), 'login-server-unknown',
         'LOGIN_SERVER_ERROR', [CUSTOM.name], 'az cloud update --name CustomCloud'),
    Case('suffix-and-no-permission', broken(active(CUSTOM.name), INVISIBLE), 'registry-not-visible', None,
         ['demoregistry', 'Contoso Production'], 'Reader'),

    *[Case(f'audience-{name}', broken(arrange, audience('containerregistry')), None, None,
           [names.REGISTRY_AUDIENCE], args=ON) for name, _, arrange in CLOUDS[1:4]],
    *[Case(f'audience-of-resource-manager-{name}', broken(arrange, audience(cloud.audiences[-1].rstrip('/'))), None,
           None, [cloud.audiences[-1].rstrip('/')], args=ON) for name, cloud, arrange in CLOUDS[1:4]],
    *[Case(f'audience-wrong-{name}', broken(arrange, audience('nosuchaudience')), 'audience-unknown', REFRESH,
           ['https://nosuchaudience.azure.net', 'AADSTS500011'], 'az config unset acr.audience_resource')
      for name, _, arrange in CLOUDS[1:4]],
    Case('audience-of-another-cloud', broken(active(CHINA.name), audience(PUBLIC.audiences[0].rstrip('/'))),
         'exchange-unauthorized', REFRESH, [PUBLIC.audiences[0].rstrip('/')], 'role'),

    Case('in-another-cloud', broken(GONE, NOT_IN_CHINA), 'registry-unknown', ERROR,
         [IN_GOVERNMENT, '"otherClouds": ["AzureUSGovernment"]'], SWITCH),
    Case('in-two-other-clouds', GONE, 'registry-unknown', ERROR, [IN_GOVERNMENT, IN_CHINA], 'az cloud set --name'),
    Case('in-no-cloud', broken(), 'registry-unknown', ERROR, ['"otherClouds": []'], 'az acr list',
         registry='nosuchregistry'),
    Case('in-another-cloud-and-visible-here', broken('dns-nxdomain', NOT_IN_CHINA), 'dns-nxdomain', ERROR,
         [IN_GOVERNMENT], SWITCH),
    Case('in-the-public-cloud', broken(active(CHINA.name), INVISIBLE, NOT_IN_CHINA,
                                       DNS(host=IN_GOVERNMENT, rcode='NXDOMAIN')), 'registry-unknown', ERROR,
         [R, '"otherClouds": ["AzureCloud"]'], 'az cloud set --name AzureCloud'),
    Case('in-a-cloud-of-ones-own', broken(register, GONE, NOT_IN_CHINA, DNS(host=IN_GOVERNMENT, rcode='NXDOMAIN')),
         'registry-unknown', ERROR, [IN_CUSTOM, '"otherClouds": ["CustomCloud"]'], 'az cloud set --name CustomCloud'),
    Case('other-clouds-lead-nowhere', broken(GONE, NOT_IN_CHINA, DNS(host=IN_GOVERNMENT, addresses=['0.0.0.0'])),
         'registry-unknown', ERROR, ['"otherClouds": []'], 'az acr list'),
    Case('other-clouds-are-silent', broken(GONE, *[DNS(host=host, silent=True) for host in (IN_CHINA, IN_GOVERNMENT)]),
         'registry-unknown', ERROR, ['"otherClouds": []'], 'az acr list', args=('--timeout', '3'), seconds=7.5),
    Case('no-such-name-but-it-is-there', broken(NOT_IN_CHINA), None, None),

    Case('private-zone-of-the-cloud', broken(active(GOVERNMENT.name), LINKED), 'dns-private-zone-unlinked', None,
         ['privatelink.azurecr.us'], '--zone-name privatelink.azurecr.us'),
    Case('private-zone-of-the-cloud-bypassed', broken(active(CHINA.name), LINKED,
                                                      REGISTRY(publicNetworkAccess='Disabled')),
         'private-endpoint-bypassed', 'CONNECTIVITY_FORBIDDEN_ERROR', [names.CLIENT_ADDRESS],
         '--zone-name privatelink.azurecr.cn'),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_cloud(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)


def test_other_clouds_are_asked_for_by_name_alone_and_only_then(lab: Lab) -> None:
    def asked(registry: str) -> tuple[set[str], set[str]]:
        lab.azure.clear_journal()
        lab.az('acr', 'check-health-ext', '--skip', 'environment', '--name', registry)
        entries: list[dict[str, Any]] = lab.azure.journal()
        own = (PUBLIC.registry_suffix, PUBLIC.entra, PUBLIC.resource_manager)
        return ({entry['name'] for entry in entries if entry['kind'] == 'dns' and not entry['name'].endswith(own)},
                {str(entry.get('server_name') or entry.get('host')) for entry in entries if entry['kind'] != 'dns'})

    assert asked('demoregistry') == (set(), {R, PUBLIC.entra, PUBLIC.resource_manager})
    lab.azure.preset('dns-nxdomain')
    lab.azure.forbid('demoregistry')
    looked_up, connected = asked('demoregistry')
    assert looked_up >= {IN_CHINA, IN_GOVERNMENT} and all(name.startswith('demoregistry.') for name in looked_up)
    assert connected == {PUBLIC.entra, PUBLIC.resource_manager}


@pytest.mark.parametrize('name, cloud', [(IN_CHINA, CHINA.name), (IN_GOVERNMENT, GOVERNMENT.name),
                                         (IN_CUSTOM, CUSTOM.name)])
def test_a_login_server_of_another_cloud_is_refused_with_its_name(lab: Lab, name: str, cloud: str) -> None:
    register(lab)
    run = lab.az('acr', 'check-health-ext', '--name', name)
    assert (run.status, run.stdout) == (1, '')
    assert f'az cloud set --name {cloud}' in run.stderr
