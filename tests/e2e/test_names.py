"""Name resolution: what the name servers say and why, what the hosts file says, where private links lead."""
from __future__ import annotations

import pytest

from tests.e2e.case import DNS, R, REGISTRY, SOON, TCP, Arrange, Case, broken, prove, system
from tests.lab import Lab
from tests.local_azure import names, presets

ERROR, REFUSED, UNREACHABLE = 'CONNECTIVITY_DNS_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR', 'CONNECTIVITY_CHALLENGE_ERROR'
FIRST, SECOND = names.NAME_SERVERS
LOGIN, MANAGEMENT = names.CLOUDS[0].entra, names.CLOUDS[0].resource_manager
ASK = f'nslookup {R} {FIRST}'
NOWHERE = '203.0.113.99'


def hosts(address: str) -> Arrange:
    """Puts the registry into the hosts file."""
    def arrange(lab: Lab) -> None:
        with (lab.etc / 'hosts').open('a', encoding='utf-8') as file:
            file.write(f'{address} www.contoso.example {R.upper()}  # set by hand\n')
    return arrange


def resolv_conf(*servers: str) -> Arrange:
    """Configures these name servers."""
    def arrange(lab: Lab) -> None:
        (lab.etc / 'resolv.conf').write_text(''.join(f'nameserver {server}\n' for server in servers))
    return arrange


def ipv6_without_a_way(lab: Lab) -> None:
    """This machine has an IPv6 address, so that it prefers IPv6, and whatever it sends is lost."""
    system(lab, *'ip address replace 2001:db8:1::1/64 dev lo valid_lft 20 preferred_lft 20'.split())


CASES = [
    Case('dns-nxdomain', broken('dns-nxdomain'), 'dns-nxdomain', ERROR, [R, FIRST, 'NXDOMAIN'], ASK),
    Case('dns-nxdomain-of-an-unknown-registry', broken(), 'registry-unknown', ERROR,
         ['nosuchregistry.azurecr.io', 'Contoso Production'], 'az acr list', registry='nosuchregistry'),
    Case('dns-servfail', broken('dns-servfail'), 'dns-servfail', ERROR, [FIRST, 'SERVFAIL'], ASK),
    Case('dns-refused', broken('dns-refused'), 'dns-refused', ERROR, [FIRST, 'REFUSED'], ASK),
    Case('dns-empty', broken('dns-empty'), 'dns-no-address', ERROR, [FIRST], ASK),
    Case('dns-loop', broken('dns-loop'), 'dns-loop', ERROR, ['loop.fe.azcr.io', R], ASK),
    Case('dns-other-answer', broken(DNS(rcode='NOTIMP')), 'dns-failed', ERROR, ['NOTIMP'], f'nslookup {R}'),
    Case('dns-silent', broken('dns-silent'), 'dns-silent', ERROR, [FIRST, SECOND], f'nslookup {R}', **SOON),
    Case('dns-silent-by-default', broken('dns-silent'), 'dns-silent', ERROR, [FIRST, SECOND], f'nslookup {R}'),
    Case('dns-silent-for-the-registry', broken(DNS(silent=True)), 'dns-silent', ERROR, [FIRST], f'nslookup {R}',
         **SOON),
    Case('dns-no-server', broken(resolv_conf()), 'dns-no-server', ERROR, [R], '/etc/resolv.conf', **SOON),
    Case('dns-refused-for-everything', broken(DNS(host='*', rcode='REFUSED')), 'dns-refused', ERROR, [FIRST], ASK),
    Case('dns-knows-nothing', broken(DNS(host='*', rcode='NXDOMAIN')), 'dns-nxdomain', ERROR, [FIRST], ASK),
    Case('dns-nxdomain-for-the-sign-in-service', broken(DNS(host=LOGIN, rcode='NXDOMAIN')), 'host-unresolved',
         'CONNECTIVITY_REFRESH_TOKEN_ERROR', [LOGIN], f'nslookup {LOGIN}'),
    Case('dns-nxdomain-for-resource-manager', broken(DNS(host=MANAGEMENT, rcode='NXDOMAIN')), 'host-unresolved', None,
         [MANAGEMENT], f'nslookup {MANAGEMENT}'),
    Case('dns-server-is-no-server', broken(resolv_conf(NOWHERE)), 'dns-silent', ERROR, [NOWHERE], **SOON),
    Case('dns-fourth-server', broken(resolv_conf(NOWHERE, '203.0.113.98', '203.0.113.97', FIRST)),
         'dns-only-servers-know', ERROR, [names.FRONT_ADDRESS, FIRST], f'getent ahosts {R}', **SOON),
    Case('dns-slow-is-healthy', broken('dns-slow'), None, None),
    Case('dns-first-server-dead', broken('dns-first-dead'), 'dns-server-down', None, [FIRST], f'nslookup {R} {FIRST}'),
    # Nobody notices: looking closer would cost every healthy run a tenth of a second.
    Case('dns-first-server-fails-at-once', broken(DNS(host='*', server=FIRST, rcode='SERVFAIL')), None, None),
    Case('dns-second-server-dead-is-healthy', broken(DNS(host='*', server=SECOND, silent=True)), None, None),

    Case('dns-sinkhole', broken('dns-sinkhole'), 'dns-sinkhole', ERROR, ['0.0.0.0'], f'nslookup {R}'),
    Case('hosts-file-sinkhole', broken(hosts('127.0.0.1')), 'dns-sinkhole', ERROR, ['127.0.0.1', 'hosts file'],
         'hosts file'),
    Case('hosts-file-right', broken(hosts(names.FRONT_ADDRESS)), None, None),
    Case('hosts-file-other-and-works', broken(hosts(names.STORAGE_ADDRESS)), 'dns-hosts-file', None,
         [names.STORAGE_ADDRESS, names.FRONT_ADDRESS], 'Remove the entry'),
    Case('hosts-file-dead', broken(hosts(NOWHERE)), 'dns-hosts-file', UNREACHABLE,
         [NOWHERE, names.FRONT_ADDRESS, 'no route'], 'Remove the entry'),

    Case('dns-ipv6-only', broken('dns-ipv6-only'), 'ipv6-unreachable', UNREACHABLE, ['2001:db8::40'], 'IPv6'),
    Case('dns-ipv6-broken-ipv4-works',
         broken(ipv6_without_a_way, DNS(addresses=['2001:db8:1::40', names.FRONT_ADDRESS])),
         'address-dead', None, ['2001:db8:1::40', names.FRONT_ADDRESS], 'IPv6', **SOON),
    Case('dns-private', broken('dns-private'), None, None),
    Case('dns-private-of-public-numbers',
         broken('dns-privatelink-public', DNS(chain=[presets.PRIVATELINK], addresses=[names.FRONT_ADDRESS])), None,
         None),
    Case('dns-private-zone-unlinked', broken('dns-privatelink-public'), 'dns-private-zone-unlinked', None,
         [names.FRONT_ADDRESS], 'privatelink.azurecr.io'),
    Case('dns-private-record-missing', broken('dns-privatelink-no-record'), 'dns-private-record-missing', ERROR,
         [presets.PRIVATELINK], presets.PRIVATELINK),
    Case('private-endpoint-bypassed', broken('private-endpoint-bypassed'), 'private-endpoint-bypassed', REFUSED,
         [names.FRONT_ADDRESS, names.CLIENT_ADDRESS], 'privatelink.azurecr.io'),
    Case('private-endpoint-only', broken('dns-private', REGISTRY(publicNetworkAccess='Disabled')), None, None),
    Case('private-endpoint-pending', broken('private-endpoint-pending'), 'private-endpoint-refused', REFUSED,
         [names.PRIVATE_ENDPOINT_ADDRESS, names.CLIENT_ADDRESS], 'approved'),
    Case('private-address-without-route', broken('dns-private-unreachable'), 'private-address-unreachable',
         UNREACHABLE, ['10.66.0.9'], 'VPN'),
    Case('b-pe-aks-timeout-vm-fine',
         broken('dns-private', TCP(address=names.PRIVATE_ENDPOINT_ADDRESS, mode='drop')),
         'private-address-unreachable', UNREACHABLE, [names.PRIVATE_ENDPOINT_ADDRESS], 'network security group',
         **SOON),
    Case('d-old-tenant-suffix-getaddrinfo', broken(DNS(host='labelregistry.azurecr.io', rcode='NXDOMAIN')), None, None,
         registry='labelregistry'),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_name(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
