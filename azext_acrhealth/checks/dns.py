"""Whether the login server's name resolves here; and if it does not, or not well, why."""

from typing import Any, Mapping

from ..clients import Deadline, names
from ..clients.http import without_password
from ..errors import ConnectivityDnsError
from ..runner import Check, Found

# How long the name servers are asked for the chain behind a name that did resolve.
_CURIOSITY_SECONDS = 2.0

# A lookup that took less was not held up by silence.
_SLOW_SECONDS = 0.5

_VERDICTS = {'NXDOMAIN': 'dns-nxdomain', 'SERVFAIL': 'dns-servfail', 'REFUSED': 'dns-refused',
             'no address': 'dns-no-address', 'no answer': 'dns-silent', 'no name server': 'dns-no-server'}


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    host = needs['login-server'].login_server
    front_door = context.front_door(host)
    timeout = context.options.timeout
    try:
        lookup = front_door.lookup.result_within(timeout)
    except TimeoutError:
        lookup = names.Lookup(host, (), error='no answer in time', seconds=timeout)
    try:
        said = front_door.explanation.result(Deadline(_CURIOSITY_SECONDS if lookup.addresses else timeout / 2))
    except TimeoutError:
        said = names.Explanation(verdict='no answer', servers=names.name_servers())
    timing = {'began': front_door.lookup.began, 'ended': front_door.lookup.ended}
    problem = trouble(lookup, said)
    if problem is None:
        evidence = _evidence(lookup, said)
        return Found(f'{host} is {", ".join(lookup.addresses)}', details=evidence, warning=_doubt(said, evidence),
                     **timing)
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


def _unresolved(said: names.Explanation, evidence: dict[str, Any]) -> ConnectivityDnsError:
    """Return why the operating system has no address, as far as the name servers tell."""
    said_by = next(iter(said.answers), None)
    evidence = {**evidence, 'server': said_by, 'verdict': said.verdict}
    if any('.privatelink.' in name for name in said.chain) and said.verdict in ('NXDOMAIN', 'no address'):
        return ConnectivityDnsError('dns-private-record-missing', **evidence,
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
    if any('.privatelink.' in name for name in said.chain) and not any(map(names.is_private, addresses)):
        return ConnectivityDnsError('dns-private-zone-unlinked', **evidence)
    silent = [server for server, answer in said.answers.items() if answer in ('no answer', 'SERVFAIL', 'REFUSED')]
    if silent and said.addresses:
        return ConnectivityDnsError('dns-server-down', **evidence, server=silent[0], verdict=said.answers[silent[0]])
    return None


def _overrun(context: Any, seconds: float) -> ConnectivityDnsError:
    return ConnectivityDnsError('dns-silent', host=context.guessed_host, seconds=round(seconds, 1))


CHECK = Check('dns', 'network', _run, _overrun, needs=('login-server',))
