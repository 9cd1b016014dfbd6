"""Whether the login server's name resolves here; and if it does not, or not well, why."""

import contextlib
from functools import partial
from typing import Any, Mapping

from ..clients import Deadline, names
from ..clients.front_door import FrontDoor
from ..clients.http import without_password
from ..clients.later import Later
from ..errors import ConnectivityDnsError
from ..runner import Check, Found
from .login_server import Registry

# How long the name servers are asked for the chain behind a name that did resolve.
_CURIOSITY_SECONDS = 3.0

# A lookup that took less was not held up by silence.
_SLOW_SECONDS = 0.5

_VERDICTS = {'NXDOMAIN': 'dns-nxdomain', 'SERVFAIL': 'dns-servfail', 'REFUSED': 'dns-refused',
             'no address': 'dns-no-address', 'no answer': 'dns-silent', 'no name server': 'dns-no-server'}


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    registry: Registry = needs['login-server']
    host = registry.login_server
    front_door = context.front_door(host)
    deadline = context.operation()
    lookup, said = _look(context, front_door, registry)
    timing = {'began': front_door.lookup.began, 'ended': front_door.lookup.ended}
    problem = trouble(lookup, said)
    if problem is None:
        evidence = _evidence(lookup, said)
        return Found(f'{host} is {", ".join(lookup.addresses)}', details=evidence, warning=_doubt(said, evidence),
                     **timing)
    if front_door.proxy is None and problem.cause == 'dns-nxdomain':
        raise ConnectivityDnsError('dns-nxdomain', **{**problem.evidence, **_elsewhere(context, deadline)})
    if front_door.proxy is None:
        raise problem
    warning = ConnectivityDnsError('dns-left-to-proxy', proxy=without_password(front_door.proxy), **problem.evidence)
    return Found(f'{host} is resolved by the proxy', warning=warning, **timing)


def trouble(lookup: names.Lookup, said: names.Explanation) -> ConnectivityDnsError | None:
    """Return why a name does not lead to its host; None where it seems to."""
    evidence = _evidence(lookup, said)
    if not lookup.addresses:
        return _unresolved(said, evidence)
    if all(map(names.is_sinkhole, lookup.addresses)):
        return ConnectivityDnsError('dns-sinkhole', **{**evidence, 'error': f'it resolves to {lookup.addresses[0]}'},
                                    hosts_file='hosts file' if names.in_hosts_file(lookup.host) else None)
    return None


def _evidence(lookup: names.Lookup, said: names.Explanation) -> dict[str, Any]:
    return {'host': lookup.host, 'addresses': list(lookup.addresses), 'chain': list(said.chain),
            'servers': list(said.servers), 'answers': dict(said.answers), 'error': lookup.error,
            'said': [f'{server} {answer}' for server, answer in said.answers.items()],
            'seconds': round(lookup.seconds, 1) if lookup.seconds >= _SLOW_SECONDS else None}


def _look(context: Any, front_door: FrontDoor, registry: Registry) -> tuple[names.Lookup, names.Explanation]:
    """Return what the operating system says of the name, and what the name servers say where that needs explaining."""
    host, timeout = front_door.host, context.options.timeout

    def ask_servers() -> Later[names.Explanation]:
        # They are given less time than the operating system, so that silence is explained when it ends.
        deadline = Deadline(max(timeout / 2, timeout - 2 * _SLOW_SECONDS))
        asked: Later[names.Explanation] = context.once('explain', lambda: names.explain(host, deadline))
        return asked

    if not front_door.lookup.done_within(_SLOW_SECONDS):
        ask_servers()
    try:
        lookup = front_door.lookup.result_within(timeout)
    except TimeoutError:
        lookup = names.Lookup(host, (), error='no answer in time', seconds=timeout)
    if _speaks_for_itself(lookup, registry):
        return lookup, names.Explanation(servers=names.name_servers())
    try:
        patience = min(_CURIOSITY_SECONDS, timeout) if lookup.addresses else timeout / 2
        return lookup, ask_servers().result(Deadline(patience))
    except TimeoutError:
        return lookup, names.Explanation(verdict='no answer', servers=names.name_servers())


def _speaks_for_itself(lookup: names.Lookup, registry: Registry) -> bool:
    """Return whether the name servers need not be asked: a public registry's public address, found at once. Asking
    costs a round trip, and a tenth of a second for dnspython's import."""
    return (registry.is_public and bool(lookup.addresses) and lookup.seconds < _SLOW_SECONDS
            and not any(names.is_private(address) or names.is_sinkhole(address) for address in lookup.addresses)
            and names.in_hosts_file(lookup.host) is None)


def _elsewhere(context: Any, deadline: Deadline) -> dict[str, Any]:
    """Return in which other clouds a registry of that name exists, as far as DNS tells; nothing else is asked."""
    deadline = deadline.within(_CURIOSITY_SECONDS)
    hosts = {cloud: context.options.registry + suffix for cloud, suffix in context.azure.other_suffixes().items()}
    asked = {cloud: Later(partial(names.look_up, host), f'look up {host}') for cloud, host in hosts.items()}
    found = []
    for cloud, lookup in asked.items():
        with contextlib.suppress(TimeoutError):
            addresses = lookup.result(deadline).addresses
            if addresses and not all(map(names.is_sinkhole, addresses)):
                found.append(cloud)
    return {'other_clouds': found, 'other_cloud': next(iter(found), None),
            'other_hosts': [hosts[cloud] for cloud in found]}


def _unresolved(said: names.Explanation, evidence: dict[str, Any]) -> ConnectivityDnsError:
    """Return why the operating system has no address, as far as the name servers tell."""
    said_by = next(iter(said.answers), None)
    evidence = {**evidence, 'server': said_by, 'verdict': said.verdict}
    if any('.privatelink.' in name for name in said.chain) and said.verdict in ('NXDOMAIN', 'no address'):
        return ConnectivityDnsError('dns-private-record-missing', **evidence, zone=names.private_zone(evidence['host']),
                                    private_name=next(name for name in said.chain if '.privatelink.' in name))
    if evidence['host'] in said.chain:
        return ConnectivityDnsError('dns-loop', **evidence)
    if said.verdict is None:
        # The servers are asked in turn until one knows.
        knowing = next((server for server in said.servers if server not in said.answers), said.servers[-1])
        return ConnectivityDnsError('dns-only-servers-know', **{**evidence, 'addresses': list(said.addresses),
                                                                'server': knowing})
    return ConnectivityDnsError(_VERDICTS.get(said.verdict, 'dns-failed'), **evidence)


def _doubt(said: names.Explanation, evidence: dict[str, Any]) -> ConnectivityDnsError | None:
    """Return what is worth knowing of a name that resolves: another answer than the name servers', or a slow one."""
    host, addresses = evidence['host'], evidence['addresses']
    listed = names.in_hosts_file(host)
    if listed in addresses and listed not in said.addresses:
        return ConnectivityDnsError('dns-hosts-file', **{**evidence, 'address': listed},
                                    served=list(said.addresses))
    beyond = any('.privatelink.' in name for name in said.chain[:-1])
    if beyond and not any(map(names.is_private, addresses)):
        return ConnectivityDnsError('dns-private-zone-unlinked', **evidence, zone=names.private_zone(host))
    silent = [server for server, answer in said.answers.items() if answer in ('no answer', 'SERVFAIL', 'REFUSED')]
    if silent and said.addresses:
        return ConnectivityDnsError('dns-server-down', **evidence, server=silent[0], verdict=said.answers[silent[0]])
    return None


def _overrun(context: Any, seconds: float) -> ConnectivityDnsError:
    return ConnectivityDnsError('dns-silent', host=context.guessed_host, seconds=round(seconds, 1))


CHECK = Check('dns', 'network', _run, _overrun, needs=('login-server',))
