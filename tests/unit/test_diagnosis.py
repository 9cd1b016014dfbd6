"""From results to root causes: deeper causes, one entry for each, the order to mend them in."""

from typing import Any

import pytest

from azext_acrhealth.diagnosis import diagnose
from azext_acrhealth.errors import ERRORS
from azext_acrhealth.report import CheckResult, RootCause

R = 'contosoprod'


def failed(name: str, code: str, cause: str, status: str = 'failed', registry: str | None = R,
           **evidence: Any) -> CheckResult:
    error = ERRORS[code](cause, **evidence)
    return CheckResult('network', name, status, error.advice.message, registry=registry, error_code=code, cause=cause,
                       solution=error.advice.solution, commands=error.advice.commands, link=error.link(),
                       details=error.evidence)


def passed(name: str, **details: Any) -> CheckResult:
    return CheckResult('network', name, 'passed', 'fine', registry=R, details=details)


def dns(*addresses: str, chain: tuple[str, ...] = ()) -> CheckResult:
    return passed('dns', host=f'{R}.azurecr.io', addresses=list(addresses), chain=list(chain))


FIREWALL = failed('challenge', 'CONNECTIVITY_FORBIDDEN_ERROR', 'registry-firewall', client_address='203.0.113.77')


def only(*results: CheckResult) -> RootCause:
    _, causes = diagnose(results)
    assert len(causes) == 1
    return causes[0]


def test_nothing_wrong_has_no_cause() -> None:
    assert diagnose([dns('203.0.113.40'), passed('challenge')])[1] == []


@pytest.mark.parametrize('settings, where, cause', [
    ({'public_access': 'enabled', 'default_action': 'deny', 'allowed_addresses': ['198.51.100.0/24']},
     dns('203.0.113.40'), 'registry-firewall'),
    ({'public_access': 'disabled', 'private_endpoints': 0}, dns('203.0.113.40'), 'public-access-disabled'),
    ({'public_access': 'disabled', 'private_endpoints': 1}, dns('203.0.113.40'), 'private-endpoint-bypassed'),
    ({}, dns('203.0.113.40', chain=('contosoprod.privatelink.azurecr.io',)), 'private-endpoint-bypassed'),
    ({'public_access': 'disabled', 'private_endpoints': 1}, dns('10.0.0.7'), 'private-endpoint-refused'),
    ({}, dns('203.0.113.40'), 'registry-firewall'),
])
def test_a_refusal_is_explained_by_the_settings_and_by_where_the_name_leads(
        settings: dict[str, Any], where: CheckResult, cause: str) -> None:
    found = only(passed('login-server', **settings), where, FIREWALL)
    assert (found.cause, found.error_code) == (cause, 'CONNECTIVITY_FORBIDDEN_ERROR')
    assert '203.0.113.77' in found.message or cause == 'private-endpoint-refused'


@pytest.mark.parametrize('cause, address, login_server, dns_of_it, deeper', [
    ('dns-nxdomain', None, failed('login-server', 'LOGIN_SERVER_ERROR', 'registry-not-visible', 'warning'),
     dns('203.0.113.40'), 'registry-unknown'),
    ('connect-timeout', '203.0.113.41', passed('login-server'), dns('2001:db8::40'), 'ipv6-unreachable'),
    ('connection-refused', '203.0.113.41', passed('login-server'),
     failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-hosts-file', 'warning', host=f'{R}.azurecr.io'), 'dns-hosts-file'),
    ('registry-firewall', '203.0.113.41', passed('login-server', private_endpoints=1), dns('10.0.0.7'),
     'private-endpoint-refused'),
])
def test_where_the_login_server_leads_explains_no_other_host(
        cause: str, address: str | None, login_server: CheckResult, dns_of_it: CheckResult, deeper: str) -> None:
    for host, expected in ((f'{R}.azurecr.io', deeper), ('store.blob.core.windows.net', cause)):
        found, _ = diagnose([login_server, dns_of_it,
                             failed('data', 'DATA_ENDPOINT_ERROR', cause, host=host, address=address)])
        assert found[-1].cause == expected


def test_the_rules_of_the_firewall_and_the_command_to_add_one_are_named() -> None:
    found = only(passed('login-server', allowed_addresses=['198.51.100.0/24'], default_action='deny'),
                 dns('203.0.113.40'), FIREWALL)
    assert '198.51.100.0/24' in found.message
    assert found.commands == [f'az acr network-rule add --name {R} --ip-address 203.0.113.77']


def test_an_unlinked_private_zone_is_part_of_the_refusal_it_causes() -> None:
    unlinked = failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-private-zone-unlinked', status='warning',
                      host=f'{R}.azurecr.io', addresses=['203.0.113.40'], chain=[f'{R}.privatelink.azurecr.io'])
    found = only(unlinked, FIREWALL)
    assert (found.cause, list(found.checks)) == ('private-endpoint-bypassed', ['dns', 'challenge'])
    assert only(unlinked).cause == 'dns-private-zone-unlinked'


@pytest.mark.parametrize('skew, cause', [(-40 * 86400, 'clock-wrong'), (3 * 3600, 'clock-wrong'),
                                         (60, 'certificate-not-yet-valid'), (None, 'certificate-not-yet-valid')])
def test_a_wrong_clock_is_told_from_a_wrong_certificate_by_another_hosts_date(skew: int | None, cause: str) -> None:
    found = only(passed('login-server', clock_skew_seconds=skew, clock_witness='management.azure.com'),
                 failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-not-yet-valid', host='h', clock='2026-01-01'))
    assert found.cause == cause


def test_two_checks_that_fail_for_one_cause_are_one_root_cause() -> None:
    found = only(failed('login-server', 'LOGIN_SERVER_ERROR', 'not-signed-in', status='warning'),
                 failed('refresh-token', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'not-signed-in'))
    assert list(found.checks) == ['login-server', 'refresh-token']
    assert found.error_code == 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'the code of what failed, not of the warning'


def test_failures_come_before_warnings_and_what_spoils_everything_comes_first() -> None:
    _, causes = diagnose([
        failed('helm', 'HELM_COMMAND_ERROR', 'defect', registry=None),
        failed('login-server', 'LOGIN_SERVER_ERROR', 'management-silent', status='warning'),
        failed('tls', 'CONNECTIVITY_SSL_ERROR', 'ca-bundle-unusable', bundle='/nowhere', text='is missing')])
    assert [cause.cause for cause in causes] == ['ca-bundle-unusable', 'defect', 'management-silent']


def test_a_name_that_neither_dns_nor_resource_manager_knows_is_one_cause() -> None:
    found = only(failed('login-server', 'LOGIN_SERVER_ERROR', 'registry-not-visible', status='warning', registry=R,
                        subscription='Contoso'),
                 failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-nxdomain', host=f'{R}.azurecr.io', server='192.0.2.1'))
    assert (found.cause, found.error_code) == ('registry-unknown', 'CONNECTIVITY_DNS_ERROR')


@pytest.mark.parametrize('settings, audience, cause', [
    ({'arm_tokens': 'disabled'}, 'https://management.azure.net', 'arm-tokens-refused'),
    ({'arm_tokens': 'disabled'}, 'https://containerregistry.azure.net', 'exchange-unauthorized'),
    ({'tenant_id': 't2'}, 'https://containerregistry.azure.net', 'tenant-mismatch'),
    ({'tenant_id': 't1'}, 'https://containerregistry.azure.net', 'exchange-unauthorized'),
])
def test_a_refused_sign_in_is_explained_by_policy_and_tenant(settings: dict[str, Any], audience: str,
                                                             cause: str) -> None:
    refused = failed('refresh-token', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'exchange-unauthorized', audience=audience,
                     tenant_id='t1')
    assert only(passed('login-server', **settings), refused).cause == cause


@pytest.mark.parametrize('address, cause', [('10.0.0.7', 'private-address-unreachable'),
                                            ('100.64.1.1', 'private-address-unreachable'),
                                            ('203.0.113.40', 'connect-timeout')])
def test_a_private_address_that_does_not_answer(address: str, cause: str) -> None:
    found = only(failed('tls', 'CONNECTIVITY_CHALLENGE_ERROR', 'connect-timeout', host='h', address=address, port=443))
    assert found.cause == cause
    assert address in found.message


def astray(cause: str, host: str = f'{R}.azurecr.io', **evidence: Any) -> CheckResult:
    """What the private link check says of a name that leads elsewhere."""
    return failed('private-endpoint', 'PRIVATE_ENDPOINT_DNS_ERROR', cause, host=host, **evidence)


UNLINKED = failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-private-zone-unlinked', status='warning',
                  host=f'{R}.azurecr.io', addresses=['203.0.113.40'], chain=[f'{R}.privatelink.azurecr.io'])


@pytest.mark.parametrize('results, cause, checks', [
    ([UNLINKED, astray('dns-private-zone-unlinked')], 'dns-private-zone-unlinked', ['dns', 'private-endpoint']),
    ([UNLINKED, FIREWALL, astray('dns-private-zone-unlinked')], 'private-endpoint-bypassed',
     ['dns', 'challenge', 'private-endpoint']),
    ([UNLINKED, astray('private-endpoint-record-absent')], 'private-endpoint-record-absent',
     ['dns', 'private-endpoint']),
    # A part of a part.
    ([UNLINKED, astray('private-endpoint-record-absent'), failed(
        'refresh-token', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'registry-firewall')], 'private-endpoint-bypassed',
     ['dns', 'private-endpoint', 'refresh-token']),
    ([dns('10.0.0.7'), FIREWALL, failed('private-endpoint', 'PRIVATE_ENDPOINT_ERROR', 'private-endpoint-pending')],
     'private-endpoint-pending', ['challenge', 'private-endpoint']),
    ([failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-other-name', address='10.0.0.99'),
      astray('private-endpoint-record-stale', found=['10.0.0.99'])], 'private-endpoint-record-stale',
     ['tls', 'private-endpoint']),
    ([failed('tls', 'CONNECTIVITY_CHALLENGE_ERROR', 'connect-timeout', address='203.0.113.40'),
      astray('dns-private-zone-unlinked', found=['203.0.113.40'])], 'dns-private-zone-unlinked',
     ['tls', 'private-endpoint']),
    ([failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-nxdomain'), astray('private-endpoint-name-unresolved')],
     'dns-nxdomain', ['dns', 'private-endpoint']),
    ([failed('dns', 'CONNECTIVITY_DNS_ERROR', 'dns-silent'), failed(
        'container-pull', 'DOCKER_PULL_ERROR', 'pull-dns', registry=None)], 'dns-silent', ['dns', 'container-pull']),
])
def test_what_follows_from_one_cause_is_part_of_it(results: list[CheckResult], cause: str, checks: list[str]) -> None:
    found = only(*results)
    assert (found.cause, sorted(found.checks)) == (cause, sorted(checks))


@pytest.mark.parametrize('connection', [
    failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-other-name', address='10.0.0.7'),
    failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-expired', address='203.0.113.40')])
def test_what_happens_at_another_address_or_for_another_reason_is_no_part(connection: CheckResult) -> None:
    _, causes = diagnose([connection, astray('private-endpoint-record-stale', found=['10.0.0.99'])])
    assert len(causes) == 2
    _, causes = diagnose([connection, astray('dns-private-zone-unlinked', found=['203.0.113.40'])])
    assert len(causes) == 2
