"""Whether a registry's private endpoint in one network is in order, and every name of the registry leads here to it."""

from typing import Any, Mapping, Sequence

from ..clients import names
from ..clients.http import proxy_for, without_password
from ..errors import PrivateEndpointDnsError, PrivateEndpointError
from ..runner import Check, Found, NotApplicable
from .connection import spoken_list
from .private_endpoints import Endpoint, Reader, Unread
from .private_names import Card, Target, targets, why_elsewhere

_STATES = {'pending': 'private-endpoint-pending', 'rejected': 'private-endpoint-rejected',
           'disconnected': 'private-endpoint-disconnected'}
_FAILED, _CHANGING = ('failed', 'canceled', 'incomplete'), ('creating', 'updating', 'deleting')


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    registry = needs['login-server']
    if not registry.resource:
        raise NotApplicable('Resource Manager did not show the registry')
    reader = Reader(context, registry, context.operation())
    resource_id = str(registry.resource.get('id') or '')
    facts = {'registry': context.options.registry, 'resource_id': resource_id, 'network': context.options.vnet,
             'host': registry.login_server, 'zone': names.private_zone(registry.login_server)}
    try:
        endpoints = reader.endpoints()
    except Unread as why:
        return _warn('private-endpoint-unread', facts, unread=str(why))
    if not endpoints:
        raise PrivateEndpointError('private-endpoint-none', **facts)
    network = _network(context.options.vnet, resource_id, endpoints, facts)
    there = [endpoint for endpoint in endpoints if endpoint.network.lower() == network.lower()]
    facts.update(network=network.rpartition('/')[2], network_id=network,
                 endpoints=[endpoint.row(endpoint in there) for endpoint in endpoints])
    if not there:
        return _none_there(reader, endpoints, facts)
    return _judge(context, reader, endpoints, there, facts)


def _network(asked: str, resource_id: str, endpoints: Sequence[Endpoint], facts: dict[str, Any]) -> str:
    """Return the id of the network: of that name in the registry's resource group, else where it has an endpoint."""
    if '/' in asked:
        return asked
    own = f'{resource_id.partition("/providers/")[0]}/providers/Microsoft.Network/virtualNetworks/{asked}'
    named = {endpoint.network.lower(): endpoint.network for endpoint in endpoints
             if endpoint.network.lower().rpartition('/')[2] == asked.lower()}
    if not named or own.lower() in named:
        return named.get(own.lower(), own)
    if len(named) > 1:
        raise PrivateEndpointError('network-ambiguous', **facts, networks=list(named.values()))
    return next(iter(named.values()))


def _none_there(reader: Reader, endpoints: Sequence[Endpoint], facts: dict[str, Any]) -> Found:
    """Say why no endpoint is in the network: there is no such network, they are elsewhere or gone, or not shown."""
    try:
        reader.resource(facts['network_id'])
    except Unread as why:
        if why.gone:
            raise PrivateEndpointError('network-unknown', **facts, said=str(why)) from why
    hidden = [endpoint for endpoint in endpoints if endpoint.unread and not endpoint.gone]
    if hidden:
        return _warn('private-endpoint-unread', facts, unread='; '.join(_unread(hidden)))
    gone = [endpoint for endpoint in endpoints if endpoint.gone]
    if len(gone) == len(endpoints):
        raise PrivateEndpointError('private-endpoint-disconnected', **facts, **_about(gone[0]))
    raise PrivateEndpointError('private-endpoint-elsewhere', **facts, gone=_names(gone), elsewhere=[
        f'{endpoint.name} in {endpoint.network}' for endpoint in endpoints if not endpoint.gone])


def _judge(context: Any, reader: Reader, endpoints: Sequence[Endpoint], there: Sequence[Endpoint],
           facts: dict[str, Any]) -> Found:
    """Return what is to be said of the endpoints in the network, and of the names that should lead to them."""
    hidden = [endpoint for endpoint in endpoints if endpoint.unread and not endpoint.gone]
    cards: list[Card] = []
    for endpoint in there:
        try:
            cards += [(endpoint, address) for address in reader.addresses(endpoint)]
        except Unread as unread:
            hidden.append(endpoint._replace(unread=str(unread)))
    found = targets(context, facts['host'], cards)
    used = _once(endpoint for target in found for endpoint in target.used)
    facts.update(targets=[target.row() for target in found], endpoint=spoken_list(_names(used or there)))
    _demand_order(used, there, facts)
    others = [endpoint for endpoint in endpoints if endpoint not in there and not endpoint.unread]
    for target in (target for target in found if target.expected and not target.right):
        why = why_elsewhere(context, target, cards, reader, others)
        if why is None and not hidden:
            why = 'private-endpoint-record-stale', {'gone': _names([one for one in endpoints if one.gone])}
        if why is not None:
            evidence = {**_astray(target, found, facts['zone']), **why[1]}
            # One zone answers for all names: where it does for another, it is linked.
            cause = 'private-endpoint-record-absent' if why[0] == 'dns-private-zone-unlinked' and evidence['right'] \
                else why[0]
            raise PrivateEndpointDnsError(cause, **{**facts, **evidence})
    nameless = [] if found[0].expected else [f'no network interface names {found[0].host}']
    if hidden or nameless:
        here = [f'{target.host} is {spoken_list(target.lookup.addresses) or "not resolved"}' for target in found]
        return _warn('private-endpoint-unread', facts, unread='; '.join([*_unread(hidden), *nameless]),
                     found_here=spoken_list(here))
    return Found(f'{spoken_list([target.host for target in found])} lead to {facts["endpoint"]} in '
                 f'{facts["network"]}', details=facts, warning=_doubt(used, facts))


def _demand_order(used: Sequence[Endpoint], there: Sequence[Endpoint], facts: dict[str, Any]) -> None:
    """Raise what is wrong with an endpoint that the names lead to; where they lead to none, what is wrong with all."""
    troubles = [(endpoint, _trouble(endpoint)) for endpoint in used or there]
    if not used and not all(cause for _, cause in troubles):
        return
    for endpoint, cause in troubles:
        if cause:
            raise PrivateEndpointError(cause, **{**facts, **_about(endpoint)})


def _trouble(endpoint: Endpoint) -> str | None:
    if endpoint.status.lower() in _STATES:
        return _STATES[endpoint.status.lower()]
    return 'private-endpoint-failed' if _provisioning(endpoint, _FAILED) else None


def _provisioning(endpoint: Endpoint, states: Sequence[str]) -> str | None:
    """Return the provisioning state that is one of these: the registry's, or the endpoint's own."""
    return next((state for state in (endpoint.provisioning, endpoint.own_provisioning) if state.lower() in states),
                None)


def _doubt(used: Sequence[Endpoint], facts: dict[str, Any]) -> PrivateEndpointError | None:
    """Return what is worth knowing where the names lead to endpoints that are in order."""
    for endpoint in used:
        if _provisioning(endpoint, _CHANGING):
            return PrivateEndpointError('private-endpoint-changing', **{**facts, **_about(endpoint)})
        if _differs(endpoint):
            return PrivateEndpointError('private-endpoint-states-differ', **{**facts, **_about(endpoint)})
    proxy = proxy_for(facts['host'])
    return PrivateEndpointError('private-endpoint-left-to-proxy', **facts, proxy=without_password(proxy)) \
        if proxy else None


def _differs(endpoint: Endpoint) -> bool:
    return bool(endpoint.own_status) and endpoint.own_status.lower() != endpoint.status.lower()


def _astray(target: Target, found: Sequence[Target], zone: str) -> dict[str, Any]:
    """Return the evidence that a name leads elsewhere, with the other names that do, and those that do not."""
    expected = _once(target.expected.values())
    return {**_about(expected[0]), 'endpoint': ' or '.join(_names(expected)), 'host': target.host,
            'expected': ' or '.join(target.expected), 'found': list(target.wrong),
            'addresses': list(target.lookup.addresses),
            'record': target.host.removesuffix(zone.removeprefix('privatelink')),
            'also': [f'{other.host} ({", ".join(other.lookup.addresses) or "no address"})' for other in found
                     if other is not target and other.expected and not other.right],
            'right': [other.host for other in found if other.expected and other.right]}


def _about(endpoint: Endpoint) -> dict[str, Any]:
    return {'endpoint': endpoint.name, 'endpoint_name': endpoint.name, 'endpoint_id': endpoint.id,
            'endpoint_subscription': endpoint.subscription, 'endpoint_group': endpoint.group,
            'connection': endpoint.connection, 'status': endpoint.status, 'description': endpoint.description,
            'own_status': endpoint.own_status if _differs(endpoint) else None,
            'provisioning': _provisioning(endpoint, (*_FAILED, *_CHANGING))}


def _once(endpoints: Any) -> list[Endpoint]:
    return list({endpoint.id: endpoint for endpoint in endpoints}.values())


def _names(endpoints: Sequence[Endpoint]) -> list[str]:
    return [endpoint.name for endpoint in endpoints]


def _unread(hidden: Sequence[Endpoint]) -> list[str]:
    return [f'{endpoint.name}: {endpoint.unread}' for endpoint in hidden]


def _warn(cause: str, facts: Mapping[str, Any], **evidence: Any) -> Found:
    return Found('', warning=PrivateEndpointError(cause, **facts, **evidence))


def _overrun(context: Any, seconds: float) -> Found:
    return _warn('private-endpoint-unread', {'registry': context.options.registry, 'network': context.options.vnet},
                 unread=f'no answer within {round(seconds)} s')


# One operation is to read the endpoints, one to look the names up.
CHECK = Check('private-endpoint', 'network', _run, _overrun, needs=('login-server',), patience=2.0,
              asked_by='vnet')
