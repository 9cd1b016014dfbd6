"""Each documented error code, produced by breaking the real thing; and its twin, which differs in that alone."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from azext_acrhealth.errors import ERRORS
from tests.e2e.case import Arrange, Case, preset, prove
from tests.lab import Environment, Lab
from tests.local_azure import names, presets, resources

R = presets.R
CUSTOM = names.CLOUDS[2]


@dataclass(frozen=True)
class Code:  # pylint: disable=too-many-instance-attributes
    """A code with one of its causes; what breaks the thing, and what is done instead in the twin: that may warn.

    `evidence` and `remedy` are as in a case; without `registry` only this machine is checked.
    """

    code: str
    cause: str
    broken: Arrange
    twin: Arrange
    evidence: Sequence[str]
    remedy: str = ''
    warning: str | None = None
    args: Sequence[str] = ()
    registry: str | None = 'demoregistry'


def nothing(_: Lab) -> Environment | None:
    """Everything is as it should be."""


def tools(**wanted: Any) -> Arrange:
    """Puts other tools on PATH."""
    def arrange(lab: Lab) -> None:
        lab.path = lab.tools(**wanted)
    return arrange


def azure(do: str, *args: Any, **options: Any) -> Arrange:
    """Steers the local Azure."""
    def arrange(lab: Lab) -> None:
        getattr(lab.azure, do)(*args, **options)
    return arrange


def stop_the_daemon(lab: Lab) -> None:
    """Nobody answers the container client."""
    lab.daemon.stop()


def cloud_without_suffix(lab: Lab) -> None:
    """Signed in to a cloud of the user's own, of which az does not know what login servers are called there."""
    lab.sign_out()
    for args in (
            ['config', 'set', 'core.instance_discovery=false'],
            ['cloud', 'register', '--name', CUSTOM.name, '--skip-endpoint-discovery',
             '--endpoint-resource-manager', f'https://{CUSTOM.resource_manager}',
             '--endpoint-active-directory', f'https://{CUSTOM.entra}',
             '--endpoint-active-directory-resource-id', CUSTOM.audiences[0]],
            ['cloud', 'set', '--name', CUSTOM.name],
            ['login', '--service-principal', '--username', names.APP.name, '--password', names.APP.secret,
             '--tenant', names.APP.tenant]):
        done = lab.az(*args)
        assert done.status == 0, done.stderr


def unnamed_registry(lab: Lab) -> None:
    """The same, and Resource Manager does not show the registry either."""
    cloud_without_suffix(lab)
    lab.azure.forbid('demoregistry')


def challenge(header: str) -> Arrange:
    """Lets the registry challenge with that header."""
    return azure('fault', 'http', R, path='/v2/', answer='acr:challenge', challenge=header)


def rules(address: str) -> Arrange:
    """A registry whose firewall lets only those addresses in."""
    return azure('registry', 'demoregistry', networkRuleSet={
        'defaultAction': 'Deny', 'ipRules': [{'action': 'Allow', 'value': address}]})


def granted(*actions: str) -> Arrange:
    """What everybody may do on one repository."""
    return azure('grant', '*', 'demoregistry', 'samples/hello', actions)


LOADER = 'libresolv.so.2: no version information available'
DOCKER = 'echo "' + LOADER + '" >&2; {}; exec docker "$@"'
HELM = 'echo \'Client: &version.Version{{SemVer:"v{}", GitCommit:"688c5ab"}}\''

MACHINE = [
    Code('DOCKER_COMMAND_ERROR', 'client-missing', tools(docker=False), tools(docker=True), ['docker', 'podman']),
    Code('DOCKER_DAEMON_ERROR', 'daemon-socket-missing', stop_the_daemon, nothing, ['unix:///var/run/docker.sock']),
    Code('DOCKER_VERSION_ERROR', 'client-failed', tools(docker=DOCKER.format('exit 127')),
         tools(docker=DOCKER.format('true')), ['127', LOADER]),
    Code('DOCKER_PULL_ERROR', 'pull-dns', preset('mcr-nxdomain'), preset('dns-nxdomain'), [names.MCR_HOST]),
    Code('HELM_COMMAND_ERROR', 'helm-missing', tools(helm=False), tools(helm=3), ['helm']),
    Code('HELM_VERSION_ERROR', 'helm-obsolete', tools(helm=HELM.format('2.10.9')), tools(helm=HELM.format('2.11.0')),
         ['2.10.9', '2.11.0'], warning='helm-unsupported'),
]
REGISTRY = [
    Code('LOGIN_SERVER_ERROR', 'login-server-unknown', unnamed_registry, cloud_without_suffix,
         [CUSTOM.name, names.SUBSCRIPTION_A1], 'az cloud update --name CustomCloud'),
    Code('CONNECTIVITY_DNS_ERROR', 'dns-nxdomain', preset('dns-nxdomain'),
         azure('fault', 'dns', R, chain=['front.contoso.example'], addresses=[names.FRONT_ADDRESS]),
         [R, names.NAME_SERVERS[0]], f'nslookup {R} {names.NAME_SERVERS[0]}'),
    Code('CONNECTIVITY_SSL_ERROR', 'certificate-other-name', preset('tls-other-name'), preset('tls-expiring-soon'),
         [R, names.FRONT_ADDRESS, '*.fabrikam.example'], f'nslookup {R}', warning='certificate-expires-soon'),
    Code('CONNECTIVITY_CHALLENGE_ERROR', 'registry-unavailable', preset('unavailable-503'),
         preset('unavailable-503-once'), [R, '503'], 'azure.status.microsoft', warning='transient'),
    Code('CONNECTIVITY_FORBIDDEN_ERROR', 'registry-firewall', rules('198.51.100.0/24'), rules(names.CLIENT_ADDRESS),
         [names.CLIENT_ADDRESS, '198.51.100.0/24'],
         f'az acr network-rule add --name demoregistry --ip-address {names.CLIENT_ADDRESS}'),
    Code('CONNECTIVITY_TOOMANYREQUESTS_ERROR', 'throttled', preset('throttled'),
         azure('fault', 'http', R, path='/v2/_catalog', answer='acr:throttled'), [R, '17 s'], 'Wait 17 s'),
    Code('CONNECTIVITY_AAD_LOGIN_ERROR', 'challenge-not-bearer', challenge('Basic realm="demoregistry"'),
         challenge(f'Basic realm="demoregistry", Bearer realm="https://{R}/oauth2/token",service="{R}"'),
         [R, 'basic'], 'docker login'),
    Code('CONNECTIVITY_REFRESH_TOKEN_ERROR', 'exchange-unauthorized', preset('exchange-401'),
         azure('fault', 'http', 'basicregistry.azurecr.io', path='/oauth2/exchange', answer='acr:unauthorized'),
         [R, 'correlation id '], f'az role assignment create --assignee {names.APP.name} --role AcrPull'),
    Code('CONNECTIVITY_ACCESS_TOKEN_ERROR', 'actions-missing', granted('pull', 'metadata_read'),
         granted('pull', 'push'), ['samples/hello', 'push'],
         f'az role assignment create --assignee {names.APP.name} --role AcrPush',
         args=['--repository', 'samples/hello', '--require', 'pull', 'push']),
    Code('CMK_ERROR', 'key-identity-gone', preset('cmk-identity-gone'),
         azure('registry', 'demoregistry', identity=resources.CMK_IDENTITY, encryption=resources.CMK_ENCRYPTION),
         [resources.CMK_CLIENT_ID], 'az acr identity show --name demoregistry'),
]
CODES = [replace(code, registry=None) for code in MACHINE] + REGISTRY


@pytest.mark.parametrize('code', CODES, ids=lambda code: code.code)
def test_a_code_and_its_healthy_twin(lab: Lab, code: Code, request: pytest.FixtureRequest) -> None:
    broken = Case(code.code, code.broken, code.cause, code.code, code.evidence, code.remedy, code.args, code.registry)
    run = prove(lab, broken, request)
    assert run.report['rootCauses'][0]['link'] == f'https://aka.ms/acr/errors#{code.code.lower()}'
    assert code.code in {check['errorCode'] for check in run.report['checks'] if check['status'] == 'failed'}

    lab.heal()
    lab.daemon.ensure()
    healthy = Case(f'{code.code}, twin', code.twin, code.warning, None, args=code.args, registry=code.registry)
    twin = prove(lab, healthy, request)
    assert twin.args == run.args
    assert 'ERROR' not in twin.stderr


def test_every_documented_code_is_produced_here() -> None:
    assert {code.code for code in CODES} == {code for code, cls in ERRORS.items() if cls.documented}
