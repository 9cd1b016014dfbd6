"""From all results to root causes: pure, no input or output.

Three steps: a cause becomes a deeper one that other results prove; what follows from one cause becomes one entry;
entries stand in the order in which to mend them.
"""

import ipaddress
from typing import Any, Callable, Mapping, Sequence

from .causes import explain
from .clients.names import is_private, private_zone
from .report import FAILED, CheckResult, RootCause

# A clock that is off by less does not spoil certificates of months.
_SKEW_SECONDS = 3600

# What spoils everything on a machine at once: mended before anything else.
_FIRST = ('clock-wrong', 'ca-bundle-unusable', 'proxy-malformed', 'proxy-unresolved', 'proxy-unreachable',
          'proxy-silent', 'proxy-sign-in', 'proxy-not-a-proxy', 'dns-no-server', 'dns-silent')

_UNRESOLVED = ('dns-nxdomain', 'dns-servfail', 'dns-refused', 'dns-no-address', 'dns-only-servers-know', 'dns-failed')

#: A warning on the left is part of the failure on the right, where both are found.
_PART_OF = {('dns-private-zone-unlinked', 'private-endpoint-bypassed'), ('registry-not-visible', 'registry-unknown'),
            *(('nobody-admitted', whole) for whole in (
                'public-access-disabled', 'registry-firewall', 'private-endpoint-refused', 'private-endpoint-none',
                'private-endpoint-pending', 'private-endpoint-rejected', 'private-endpoint-disconnected')),
            ('dns-private-zone-unlinked', 'private-endpoint-record-absent'),
            ('private-endpoint-record-absent', 'private-endpoint-bypassed'),
            *((part, whole) for whole in ('dns-silent', 'dns-no-server', 'dns-server-down')
              for part in ('host-unresolved', 'management-silent', 'sign-in-silent', 'pull-dns')),
            *((part, whole) for whole in ('proxy-silent', 'proxy-unreachable')
              for part in ('management-silent', 'sign-in-silent')),
            ('private-endpoint-left-to-proxy', 'private-registry-through-proxy'),
            # Resource Manager, silent to one, keeps the others waiting for their turn.
            ('settings-unread', 'private-endpoint-unread'), ('key-identity-unread', 'private-endpoint-unread'),
            *(('private-endpoint-refused', whole) for whole in (
                'private-endpoint-pending', 'private-endpoint-rejected', 'private-endpoint-disconnected')),
            *(('host-unresolved', whole) for whole in _UNRESOLVED),
            *(('private-endpoint-name-unresolved', whole) for whole in (
                *_UNRESOLVED, 'dns-silent', 'dns-no-server', 'dns-loop'))}

# Where a name leads elsewhere than to the private endpoint, what comes of going there follows from that: whatever it is
# at an address that serves something else, and no way at all to the public one.
_ASTRAY = ('private-endpoint-record-stale', 'private-endpoint-record-of-other-network',
           'private-endpoint-record-swapped', 'dns-hosts-file')
_PUBLIC = ('dns-private-zone-unlinked', 'private-endpoint-record-absent')
_NO_WAY = ('connect-timeout', 'host-unreachable', 'connection-refused', 'tls-timeout', 'tls-reset')

# One page in place of several services is one thing in between.
_INTERCEPTED, _PAGES = ('management-intercepted', 'sign-in-intercepted'), ('page-in-between', 'forbidden-in-between')

Deeper = tuple[str, dict[str, Any]]


def diagnose(results: Sequence[CheckResult]) -> tuple[list[CheckResult], list[RootCause]]:
    """Return the results with the deepest causes that can be proved, and the root causes in the order to mend them."""
    deepened = [_deepen(result, {other.name: other for other in results}) for result in results]
    return deepened, _root_causes(deepened)


def _deepen(result: CheckResult, others: Mapping[str, CheckResult]) -> CheckResult:
    rule = _RULES.get(result.cause or '')
    deeper = rule(result, others) if rule else None
    if deeper is None:
        return result
    cause, evidence = deeper
    details = {**result.details, **evidence}
    advice = explain(cause, details)
    return result._replace(cause=cause, details=details, message=advice.message, solution=advice.solution,
                           commands=advice.commands)


def _details(others: Mapping[str, CheckResult], name: str) -> Mapping[str, Any]:
    return others[name].details if name in others else {}


def _hosts_file(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """An address that does not serve the registry, and that the hosts file gives in place of the name servers."""
    dns = others.get('dns')
    if dns is None or dns.cause != 'dns-hosts-file' or _elsewhere(result, others):
        return None
    return 'dns-hosts-file', {**dns.details, 'effect': result.message}


def _elsewhere(result: CheckResult, others: Mapping[str, CheckResult]) -> bool:
    """Return whether the result is of another host than the login server."""
    host = result.details.get('host')
    return bool(host) and host != _details(others, 'dns').get('host', host)


def _firewall(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """A refusal by the registry, in the light of its settings and of where its name leads."""
    settings = _details(others, 'login-server')
    dns = {} if _elsewhere(result, others) else _details(others, 'dns')
    addresses = list(dns.get('addresses') or ())
    evidence = {'host': dns.get('host') or result.details.get('host'), 'registry': result.registry,
                'addresses': addresses,
                **{key: settings.get(key) for key in ('public_access', 'default_action', 'private_endpoints')}}
    proxy = _details(others, 'tls').get('proxy')
    private_link = settings.get('private_endpoints') or any('.privatelink.' in name for name in dns.get('chain') or ())
    if proxy and (private_link or settings.get('public_access') == 'disabled'):
        return 'private-registry-through-proxy', {**evidence, 'proxy': proxy}
    if any(map(is_private, addresses)) and not proxy:
        return 'private-endpoint-refused', evidence
    if private_link and addresses and not proxy:
        return 'private-endpoint-bypassed', {**evidence, 'zone': private_zone(str(dns.get('host')))}
    if settings.get('public_access') == 'disabled':
        return 'public-access-disabled', evidence
    allowed = settings.get('allowed_addresses') or ()
    rule = next((rule for rule in allowed if _admits(rule, result.details.get('client_address'))), None)
    return 'firewall-rule-not-effective' if rule else 'registry-firewall', \
        {**evidence, 'allowed_addresses': allowed, 'rule': rule}


def _admits(rule: Any, address: Any) -> bool:
    try:
        return ipaddress.ip_address(str(address)) in ipaddress.ip_network(str(rule), strict=False)
    except ValueError:
        return False


def _clock(_: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """A certificate outside its dates, while a server's clock, told over a connection whose certificate is verified
    but for its dates, shows that the clock here is wrong."""
    for witness in (_details(others, 'tls'), _details(others, 'login-server')):
        skew = witness.get('clock_skew_seconds')
        if isinstance(skew, int) and abs(skew) >= _SKEW_SECONDS:
            return 'clock-wrong', {'skew': f'{_duration(abs(skew))} {"ahead" if skew > 0 else "behind"}',
                                   'witness': witness.get('clock_witness')}
    return None


def _duration(seconds: int) -> str:
    return f'{round(seconds / 86400)} days' if seconds >= 2 * 86400 else f'{round(seconds / 3600)} hours'


def _unauthorized(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """A sign-in that the registry refuses, in the light of its policies and its tenant."""
    settings = _details(others, 'login-server')
    evidence = {'resource_id': settings.get('resource_id'), 'identity': settings.get('identity')}
    own_audience = '://containerregistry.' in str(result.details.get('audience'))
    if settings.get('arm_tokens') == 'disabled' and not own_audience:
        return 'arm-tokens-refused', evidence
    tenants = settings.get('home_tenant_id') or settings.get('tenant_id'), result.details.get('tenant_id')
    if all(tenants) and tenants[0] != tenants[1]:
        return 'tenant-mismatch', {**evidence, 'registry_tenant': tenants[0]}
    return str(result.cause), evidence


def _name_unknown(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """A name that DNS does not know, of a registry that Resource Manager does not show either."""
    login_server = others.get('login-server')
    if login_server is None or login_server.cause != 'registry-not-visible' or _elsewhere(result, others):
        return None
    return 'registry-unknown', {key: login_server.details.get(key) for key in ('registry', 'subscription')}


def _unreachable(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """An address that does not answer: a private one is not expected to, from outside its network."""
    if is_private(str(result.details.get('address'))):
        return _hosts_file(result, others) or ('private-address-unreachable', {})
    addresses = _details(others, 'dns').get('addresses') or ()
    if addresses and all(':' in address for address in addresses) and not _elsewhere(result, others):
        return 'ipv6-unreachable', {}
    return _hosts_file(result, others)


def _roles(result: CheckResult, others: Mapping[str, CheckResult]) -> Deeper | None:
    """Rights that are lacking, with the names that the command to grant them needs."""
    settings = _details(others, 'login-server')
    identity = result.details.get('identity') if 'kind' in result.details else settings.get('identity')
    return str(result.cause), {'identity': identity, 'resource_id': settings.get('resource_id')}


_RULES: Mapping[str, Callable[[CheckResult, Mapping[str, CheckResult]], Deeper | None]] = {
    'registry-firewall': _firewall,
    'certificate-expired': _clock,
    'certificate-not-yet-valid': _clock,
    'exchange-unauthorized': _unauthorized,
    'actions-missing': _roles,
    'token-unauthorized': _roles,
    'dns-nxdomain': _name_unknown,
    'connect-timeout': _unreachable,
    'host-unreachable': _unreachable,
    **{cause: _hosts_file for cause in (
        'connection-refused', 'connection-failed', 'tls-timeout', 'tls-reset', 'not-tls', 'certificate-other-name',
        'certificate-self-signed', 'certificate-issuer-unknown', 'not-http', 'other-service', 'registry-not-here')},
}


def _root_causes(results: Sequence[CheckResult]) -> list[RootCause]:
    groups: dict[tuple[str, str | None], list[CheckResult]] = {}
    found = [result for result in results if result.cause]
    for result in found:
        whole = _whole(result, found)
        groups.setdefault((str(whole.cause), whole.registry), []).append(result)
    ordered = sorted(groups.items(), key=lambda group: (not any(result.status == FAILED for result in group[1]),
                                                        group[0][0] not in _FIRST))
    return [_entry(cause, members) for (cause, _), members in ordered]


def _whole(result: CheckResult, found: Sequence[CheckResult]) -> CheckResult:
    """Return the finding that this one is a part of, through others if need be; else the finding itself."""
    passed = [result.cause]
    while True:
        wider = next((other for other in found if other.cause not in passed and _is_part(result, other)), None)
        if wider is None:
            return result
        passed.append(wider.cause)
        result = wider


def _is_part(result: CheckResult, other: CheckResult) -> bool:
    # Whoever waited longer for the sign-in service knows why it was silent.
    if result.cause == 'sign-in-silent' and result.details.get('host') == other.details.get('host'):
        return True
    return (result.cause, other.cause) in _PART_OF or _follows(result, other) \
        or result.cause in _INTERCEPTED and other.cause in _PAGES \
        and all(result.details.get(key) == other.details.get(key) for key in ('title', 'server'))


def _follows(result: CheckResult, other: CheckResult) -> bool:
    """Return whether a connection failed where a name leads that should lead to a private endpoint."""
    if other.name != 'private-endpoint' or result.name not in ('tls', 'challenge', 'data-endpoints'):
        return False
    reached = {result.details.get('address'), *(result.details.get('addresses') or ())}
    return bool(reached & set(other.details.get('found') or ())) and (
        other.cause in _ASTRAY or other.cause in _PUBLIC and result.cause in _NO_WAY)


def _entry(cause: str, members: Sequence[CheckResult]) -> RootCause:
    of_cause = [member for member in members if member.cause == cause]
    first = next((member for member in of_cause if member.status == FAILED), of_cause[0])
    return RootCause(cause=cause, error_code=str(first.error_code), registry=first.registry,
                     checks=[member.name for member in members], message=first.message, solution=first.solution,
                     commands=first.commands, link=str(first.link))
