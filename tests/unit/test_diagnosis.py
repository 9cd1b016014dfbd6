"""From results to root causes: deeper causes, one entry for each, the order to mend them in."""

from typing import Any

import pytest

from azext_acrhealth.causes import catalogue
from azext_acrhealth.diagnosis import diagnose
from azext_acrhealth.errors import ERRORS
from azext_acrhealth.report import CheckResult, RootCause

R = 'contosoprod'
HOST = f'{R}.azurecr.io'
ARM = 'management.azure.com'
OF_IDENTITY = {'identity': 'ada@contoso.example', 'resource_id': '/subscriptions/s/registries/contosoprod'}


def failed(name: str, code: str, cause: str, status: str = 'failed', registry: str | None = R,
           **evidence: Any) -> CheckResult:
    error = ERRORS[code](cause, **evidence)
    return CheckResult('network', name, status, error.advice.message, registry=registry, error_code=code, cause=cause,
                       solution=error.advice.solution, commands=error.advice.commands, link=error.link(),
                       details=error.evidence)


def finding(name: str, cause: str, status: str = 'failed', **evidence: Any) -> CheckResult:
    """A result under the first code of its cause."""
    return failed(name, catalogue()[cause].codes[0], cause, status, **evidence)


def passed(name: str, **details: Any) -> CheckResult:
    return CheckResult('network', name, 'passed', 'fine', registry=R, details=details)


def dns(*addresses: str, chain: tuple[str, ...] = ()) -> CheckResult:
    return passed('dns', host=HOST, addresses=list(addresses), chain=list(chain))


FIREWALL = failed('challenge', 'CONNECTIVITY_FORBIDDEN_ERROR', 'registry-firewall', client_address='203.0.113.77')


def only(*results: CheckResult) -> RootCause:
    _, causes = diagnose(results)
    assert len(causes) == 1
    return causes[0]


def deepened(*results: CheckResult) -> CheckResult:
    """The last of these results, as the diagnosis leaves it; its root cause says the same."""
    last, causes = diagnose(results)[0][-1], diagnose(results)[1]
    entry = next(cause for cause in causes if last.name in cause.checks)
    assert (entry.cause, entry.error_code, entry.registry) == (last.cause, last.error_code, last.registry)
    assert (entry.message, entry.solution, entry.commands, entry.link) == (
        last.message, last.solution, last.commands, last.link)
    return last


def entries(*results: CheckResult) -> list[tuple[str, list[str]]]:
    """The root causes, each with the checks that it spoils."""
    return [(cause.cause, list(cause.checks)) for cause in diagnose(results)[1]]


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


def test_a_deeper_cause_says_all_that_led_to_it() -> None:
    settings = {'public_access': 'disabled', 'default_action': 'deny', 'private_endpoints': 0}
    found = deepened(passed('login-server', **settings), dns('203.0.113.40'), FIREWALL)
    assert found.details == {'client_address': '203.0.113.77', 'host': HOST, 'addresses': ['203.0.113.40'],
                             'registry': R, **settings}
    assert f'az acr update --name {R} --public-network-enabled true' in found.commands
    assert found.solution and found.solution != FIREWALL.solution
    assert (found.name, found.status, found.registry) == ('challenge', 'failed', R)


@pytest.mark.parametrize('settings, addresses, chain, cause', [
    ({'public_access': 'disabled'}, ['203.0.113.40'], (), 'private-registry-through-proxy'),
    ({'private_endpoints': 1}, ['203.0.113.40'], (), 'private-registry-through-proxy'),
    ({}, [], (f'{R}.privatelink.azurecr.io', 'elsewhere'), 'private-registry-through-proxy'),
    ({'public_access': 'enabled'}, ['203.0.113.40'], ('elsewhere',), 'registry-firewall'),
    ({}, ['10.0.0.7'], (), 'registry-firewall'),
])
def test_a_proxy_comes_from_outside(settings: dict[str, Any], addresses: list[str], chain: tuple[str, ...],
                                    cause: str) -> None:
    found = deepened(passed('login-server', **settings), dns(*addresses, chain=chain),
                     passed('tls', proxy='http://proxy:3128'), FIREWALL)
    assert found.cause == cause
    assert found.details.get('proxy') == ('http://proxy:3128' if cause == 'private-registry-through-proxy' else None)
    assert ('http://proxy:3128' in found.message) == (cause == 'private-registry-through-proxy')


def test_a_bypassed_endpoint_is_mended_in_the_zone_of_its_cloud() -> None:
    where = passed('dns', host=f'{R}.azurecr.cn', addresses=['203.0.113.40'])
    found = deepened(passed('login-server', private_endpoints=1), where, FIREWALL)
    assert (found.cause, found.details['zone']) == ('private-endpoint-bypassed', 'privatelink.azurecr.cn')


def test_a_refusal_by_another_host_says_nothing_of_where_the_login_server_leads() -> None:
    found = deepened(dns('203.0.113.40'), finding('data', 'registry-firewall', host='data.example'))
    assert (found.details['host'], found.details['addresses']) == ('data.example', [])


def test_an_endpoint_without_a_known_address_is_not_said_to_be_bypassed() -> None:
    assert only(passed('login-server', private_endpoints=1), dns(), FIREWALL).cause == 'registry-firewall'


@pytest.mark.parametrize('rules, client, admitting', [
    (['203.0.113.77'], '203.0.113.77', '203.0.113.77'),
    (['198.51.100.7', '203.0.113.7/24'], '203.0.113.77', '203.0.113.7/24'),
    (['rubbish', '2001:db8::/32'], '2001:db8::1', '2001:db8::/32'),
    (['203.0.113.0/28', 'rubbish'], '203.0.113.77', None),
    (['0.0.0.0/0'], None, None),
])
def test_a_rule_that_admits_who_is_refused_is_not_effective_yet(rules: list[str], client: str | None,
                                                                admitting: str | None) -> None:
    found = deepened(passed('login-server', allowed_addresses=rules), dns('203.0.113.40'),
                     finding('challenge', 'registry-firewall', client_address=client))
    assert found.cause == ('firewall-rule-not-effective' if admitting else 'registry-firewall')
    assert (found.details['rule'], found.details['allowed_addresses']) == (admitting, rules)
    if admitting:
        assert f'az acr network-rule remove --name {R} --ip-address {admitting}' in found.commands


@pytest.mark.parametrize('skew, said', [
    (-40 * 86400, '40 days behind'), (2 * 86400, '2 days ahead'), (2 * 86400 - 60, '48 hours ahead'),
    (-3 * 3600, '3 hours behind'), (3600, '1 hours ahead'), (3599, None), (-60, None), (None, None), ('long', None)])
@pytest.mark.parametrize('witness', ['tls', 'login-server'])
@pytest.mark.parametrize('cause', ['certificate-not-yet-valid', 'certificate-expired'])
def test_a_wrong_clock_is_told_from_a_wrong_certificate_by_another_clock(
        skew: int | None, said: str | None, witness: str, cause: str) -> None:
    found = deepened(passed(witness, clock_skew_seconds=skew, clock_witness=ARM),
                     finding('challenge', cause, host='h', clock='2026-01-01', issuer='i', since='s', until='u'))
    if said is None:
        assert found.cause == cause
    else:
        assert (found.cause, found.details['skew'], found.details['witness']) == ('clock-wrong', said, ARM)
        assert said in found.message and ARM in found.message


def test_a_clock_that_agrees_does_not_hide_one_that_does_not() -> None:
    assert only(passed('tls', clock_skew_seconds=5), passed('login-server', clock_skew_seconds=90 * 86400),
                finding('challenge', 'certificate-expired', host=HOST)).cause == 'clock-wrong'


def test_two_checks_that_fail_for_one_cause_are_one_root_cause() -> None:
    found = only(failed('login-server', 'LOGIN_SERVER_ERROR', 'not-signed-in', status='warning'),
                 failed('refresh-token', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'not-signed-in'))
    assert list(found.checks) == ['login-server', 'refresh-token']
    assert found.error_code == 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'the code of what failed, not of the warning'


@pytest.mark.parametrize('part, whole', [
    ('dns-private-zone-unlinked', 'private-endpoint-bypassed'), ('registry-not-visible', 'registry-unknown'),
    ('nobody-admitted', 'public-access-disabled'), ('nobody-admitted', 'registry-firewall'),
    ('host-unresolved', 'dns-silent'), ('management-silent', 'dns-no-server'), ('pull-dns', 'dns-server-down'),
    ('sign-in-silent', 'dns-silent'), ('management-silent', 'proxy-silent'), ('sign-in-silent', 'proxy-unreachable'),
    ('host-unresolved', 'dns-nxdomain'), ('host-unresolved', 'dns-failed')])
def test_a_part_of_a_cause_is_no_cause_of_its_own(part: str, whole: str) -> None:
    one = finding('one', part, status='warning', host='a')
    assert entries(one, finding('two', whole, host='b')) == [(whole, ['one', 'two'])]
    assert entries(one, finding('two', 'defect')) == [('defect', ['two']), (part, ['one'])]


def test_what_is_of_one_cause_but_not_of_one_registry_stays_apart() -> None:
    ours, theirs = finding('tls', 'not-tls', host='h'), finding('pull', 'not-tls', host='h', registry=None)
    assert [(cause.registry, list(cause.checks)) for cause in diagnose([ours, theirs])[1]] == [
        (R, ['tls']), (None, ['pull'])]


def test_who_waited_longer_for_the_sign_in_service_knows_why_it_was_silent() -> None:
    silent = finding('login-server', 'sign-in-silent', status='warning', host='login.example')
    assert entries(silent, finding('refresh-token', 'sign-in-unreachable', host='login.example')) == [
        ('sign-in-unreachable', ['login-server', 'refresh-token'])]
    assert len(entries(silent, finding('refresh-token', 'sign-in-unreachable', host='other.example'))) == 2
    assert entries(silent, finding('refresh-token', 'sign-in-silent', host='login.example')) == [
        ('sign-in-silent', ['login-server', 'refresh-token'])]
    other = finding('login-server', 'management-forbidden', status='warning', host='login.example')
    assert len(entries(other, finding('refresh-token', 'sign-in-unreachable', host='login.example'))) == 2


@pytest.mark.parametrize('part', ['management-intercepted', 'sign-in-intercepted'])
@pytest.mark.parametrize('page', ['page-in-between', 'forbidden-in-between'])
def test_one_page_in_place_of_several_services_is_one_cause(part: str, page: str) -> None:
    portal = {'title': 'Guest access', 'server': 'nginx'}
    seen = finding('login-server', part, status='warning', host='a', **portal)
    assert entries(seen, finding('challenge', page, host='b', **portal)) == [(page, ['login-server', 'challenge'])]
    assert len(entries(seen, finding('challenge', page, host='b', **{**portal, 'title': 'Sign in'}))) == 2
    assert len(entries(seen, finding('challenge', page, host='b', **{**portal, 'server': 'squid'}))) == 2
    assert len(entries(seen, finding('challenge', 'other-service', host='b', **portal))) == 2
    other = finding('login-server', 'management-unusable', status='warning', host='a', **portal)
    assert len(entries(other, finding('challenge', page, host='b', **portal))) == 2


def test_failures_come_before_warnings_and_what_spoils_everything_comes_first() -> None:
    _, causes = diagnose([
        failed('helm', 'HELM_COMMAND_ERROR', 'defect', registry=None),
        failed('login-server', 'LOGIN_SERVER_ERROR', 'management-silent', status='warning'),
        failed('tls', 'CONNECTIVITY_SSL_ERROR', 'ca-bundle-unusable', bundle='/nowhere', text='is missing')])
    assert [cause.cause for cause in causes] == ['ca-bundle-unusable', 'defect', 'management-silent']


def test_causes_of_one_rank_stand_in_the_order_of_their_checks() -> None:
    assert [cause for cause, _ in entries(
        finding('tls', 'not-tls', host='h'), finding('helm', 'helm-missing', status='warning'),
        finding('challenge', 'challenge-missing', host='h'), finding('dns', 'dns-silent', status='warning'))] == [
            'not-tls', 'challenge-missing', 'dns-silent', 'helm-missing']


def test_a_name_that_neither_dns_nor_resource_manager_knows_is_one_cause() -> None:
    unseen = finding('login-server', 'registry-not-visible', status='warning')._replace(
        details={'registry': R, 'subscription': 'Contoso'})
    missing = finding('dns', 'dns-nxdomain', host=HOST, server='192.0.2.1')
    found = diagnose([unseen, missing])[0][1]
    assert (found.cause, found.error_code) == ('registry-unknown', 'CONNECTIVITY_DNS_ERROR')
    assert (found.details['registry'], found.details['subscription']) == (R, 'Contoso')
    assert entries(unseen, missing) == [('registry-unknown', ['login-server', 'dns'])]


@pytest.mark.parametrize('seen', [passed('login-server'), passed('tls'),
                                  finding('login-server', 'management-silent', status='warning')])
def test_a_name_that_only_dns_does_not_know_may_be_of_a_registry_that_exists(seen: CheckResult) -> None:
    assert deepened(seen, finding('dns', 'dns-nxdomain', host=HOST, server='192.0.2.1')).cause == 'dns-nxdomain'


@pytest.mark.parametrize('settings, audience, cause', [
    ({'arm_tokens': 'disabled'}, 'https://management.azure.net', 'arm-tokens-refused'),
    ({'arm_tokens': 'disabled'}, 'https://containerregistry.azure.net', 'exchange-unauthorized'),
    ({'arm_tokens': 'enabled'}, 'https://management.azure.net', 'exchange-unauthorized'),
    ({'tenant_id': 't2'}, 'https://containerregistry.azure.net', 'tenant-mismatch'),
    ({'tenant_id': 't1'}, 'https://containerregistry.azure.net', 'exchange-unauthorized'),
    ({'tenant_id': 't1', 'home_tenant_id': 't2'}, 'https://containerregistry.azure.net', 'tenant-mismatch'),
    ({'tenant_id': 't2', 'home_tenant_id': 't1'}, 'https://containerregistry.azure.net', 'exchange-unauthorized'),
])
def test_a_refused_sign_in_is_explained_by_policy_and_tenant(settings: dict[str, Any], audience: str,
                                                             cause: str) -> None:
    found = deepened(passed('login-server', **settings, **OF_IDENTITY),
                     finding('refresh-token', 'exchange-unauthorized', audience=audience, tenant_id='t1'))
    assert (found.cause, found.error_code) == (cause, 'CONNECTIVITY_REFRESH_TOKEN_ERROR')
    assert found.details.items() >= {**OF_IDENTITY, 'audience': audience}.items()
    if cause == 'tenant-mismatch':
        assert (found.commands, found.details['registry_tenant']) == (['az login --tenant t2'], 't2')


@pytest.mark.parametrize('cause, evidence, command', [
    ('exchange-unauthorized', {},
     'az role assignment create --assignee {identity} --role AcrPull --scope {resource_id}'),
    ('token-unauthorized', {}, 'az role assignment list --scope {resource_id} --include-inherited --output table'),
    ('actions-missing', {'role': 'AcrPush'},
     'az role assignment create --assignee {identity} --role AcrPush --scope {resource_id}')])
def test_the_command_to_grant_a_role_names_who_and_on_what(cause: str, evidence: dict[str, str], command: str) -> None:
    found = deepened(passed('login-server', **OF_IDENTITY), finding('access-token', cause, **evidence))
    assert found.cause == cause
    assert command.format(**OF_IDENTITY) in found.commands


@pytest.mark.parametrize('identity', ['11111111-1111-4111-8111-111111111111', None])
def test_a_sign_in_of_another_kind_has_an_identity_of_its_own_or_none(identity: str | None) -> None:
    found = deepened(passed('login-server', **OF_IDENTITY),
                     finding('access-token', 'token-unauthorized', kind='a principal', identity=identity))
    assert found.details == {**OF_IDENTITY, 'kind': 'a principal', 'identity': identity}


@pytest.mark.parametrize('addresses, host, address, cause', [
    (['2001:db8::1', '2001:db8::2'], HOST, '2001:db8::1', 'ipv6-unreachable'),
    (['2001:db8::1', '203.0.113.40'], HOST, '2001:db8::1', 'connect-timeout'),
    ([], HOST, '2001:db8::1', 'connect-timeout'),
    (['2001:db8::1'], ARM, '203.0.113.9', 'connect-timeout')])
def test_a_host_that_has_only_addresses_of_the_new_kind(addresses: list[str], host: str, address: str,
                                                        cause: str) -> None:
    assert deepened(dns(*addresses), finding('tls', 'connect-timeout', host=host, address=address)).cause == cause


@pytest.mark.parametrize('address, cause', [
    ('203.0.113.9', 'connect-timeout'), ('10.0.0.9', 'host-unreachable'), ('203.0.113.9', 'host-unreachable'),
    ('203.0.113.9', 'connection-refused'), ('203.0.113.9', 'tls-reset'), ('203.0.113.9', 'certificate-other-name'),
    ('203.0.113.9', 'other-service')])
def test_an_address_from_the_hosts_file_that_does_not_serve_the_registry(address: str, cause: str) -> None:
    listed = finding('dns', 'dns-hosts-file', status='warning', host=HOST, address=address, served=['203.0.113.40'])
    failure = finding('tls', cause, host=HOST, address=address, port=443)
    found = deepened(listed, failure)
    assert (found.cause, found.status, found.error_code) == ('dns-hosts-file', 'failed', failure.error_code)
    assert (found.details['effect'], found.details['served']) == (failure.message, ['203.0.113.40'])
    assert entries(listed, failure) == [('dns-hosts-file', ['dns', 'tls'])]

    elsewhere = finding('login-server', cause, status='warning', host=ARM, address='203.0.113.8', port=443)
    assert deepened(listed, elsewhere).cause == cause
    silent = finding('dns', 'dns-server-down', status='warning', host=HOST, server='192.0.2.1', verdict='no answer')
    assert deepened(silent, failure).cause != 'dns-hosts-file'


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


@pytest.mark.parametrize('name, cause, evidence, whole, part', [
    ('challenge', 'not-http', {'address': '10.0.0.99'}, 'private-endpoint-record-swapped', True),
    ('challenge', 'not-http', {'addresses': ['10.0.0.7', '10.0.0.99']}, 'private-endpoint-record-swapped', True),
    ('challenge', 'not-http', {'addresses': ['10.0.0.7']}, 'private-endpoint-record-swapped', False),
    ('challenge', 'not-http', {}, 'private-endpoint-record-swapped', False),
    ('refresh-token', 'not-http', {'address': '10.0.0.99'}, 'private-endpoint-record-swapped', False),
    ('challenge', 'connection-refused', {'address': '10.0.0.99'}, 'private-endpoint-record-absent', True),
    ('challenge', 'not-http', {'address': '10.0.0.99'}, 'private-endpoint-record-absent', False)])
def test_what_comes_of_going_astray_follows_from_it(name: str, cause: str, evidence: dict[str, Any], whole: str,
                                                    part: bool) -> None:
    found = entries(finding(name, cause, host='h', **evidence), astray(whole, found=['10.0.0.99', '10.0.0.98']))
    apart = [(cause, [name]), (whole, ['private-endpoint'])]
    assert found == ([(whole, [name, 'private-endpoint'])] if part else apart)


def test_nothing_follows_from_a_check_that_found_no_address_or_is_another() -> None:
    failure = finding('tls', 'connect-timeout', host='h', address='10.0.0.99')
    assert len(entries(failure, astray('private-endpoint-record-stale'))) == 2
    assert len(entries(failure, finding('data', 'private-endpoint-record-stale', found=['10.0.0.99']))) == 2


@pytest.mark.parametrize('connection', [
    failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-other-name', address='10.0.0.7'),
    failed('tls', 'CONNECTIVITY_SSL_ERROR', 'certificate-expired', address='203.0.113.40')])
def test_what_happens_at_another_address_or_for_another_reason_is_no_part(connection: CheckResult) -> None:
    _, causes = diagnose([connection, astray('private-endpoint-record-stale', found=['10.0.0.99'])])
    assert len(causes) == 2
    _, causes = diagnose([connection, astray('dns-private-zone-unlinked', found=['203.0.113.40'])])
    assert len(causes) == 2
