"""Where the names of a registry lead here, and why one leads elsewhere than to a private endpoint in one network."""

import ipaddress
from functools import partial
from typing import Any, Mapping, NamedTuple, Sequence

from ..clients import names
from ..clients.later import Later
from .private_endpoints import Address, Endpoint, Reader, Unread

# How long the name servers are asked why a name leads elsewhere.
_CURIOSITY_SECONDS = 2.0

#: What the network interface of an endpoint has for one name.
Card = tuple[Endpoint, Address]
Why = tuple[str, dict[str, Any]]


class Target(NamedTuple):
    """One name of the registry: which endpoints of the network have which addresses for it, and where it leads."""

    host: str
    region: str | None
    expected: Mapping[str, Endpoint]
    lookup: names.Lookup

    @property
    def wrong(self) -> Sequence[str]:
        """The addresses that belong to no endpoint in the network."""
        return [address for address in self.lookup.addresses if plain_address(address) not in self.expected]

    @property
    def right(self) -> bool:
        """Whether it leads to endpoints in the network and nowhere else."""
        return bool(self.lookup.addresses) and not self.wrong

    @property
    def used(self) -> Sequence[Endpoint]:
        """The endpoints that it leads to."""
        return [self.expected[plain_address(address)] for address in self.lookup.addresses
                if plain_address(address) in self.expected]

    def row(self) -> dict[str, Any]:
        """Return it as the report shows it."""
        return {'host': self.host, 'region': self.region, 'expected': list(self.expected),
                'found': list(self.lookup.addresses), 'right': self.right if self.expected else None,
                'endpoint': [endpoint.name for endpoint in self.used] or None, 'error': self.lookup.error}


def targets(context: Any, login_server: str, cards: Sequence[Card]) -> list[Target]:
    """Return the names on these cards and the login server, which comes first, looked up side by side."""
    regions = {card.host: card.region for _, card in cards}
    lookups = {login_server: context.front_door(login_server).lookup}
    for host in regions:
        lookups.setdefault(host, Later(partial(names.look_up, host), f'look up {host}'))
    deadline = context.operation()
    found = []
    for host, lookup in lookups.items():
        try:
            answer = lookup.result(deadline)
        except TimeoutError:
            answer = names.Lookup(host, (), error='no answer in time')
        expected = {plain_address(card.address): endpoint for endpoint, card in cards if card.host == host}
        found.append(Target(host, regions.get(host), expected, answer))
    return found


def plain_address(address: str) -> str:
    """Return an address in the one spelling by which it can be compared."""
    try:
        return str(ipaddress.ip_address(address.partition('%')[0]))
    except ValueError:
        return address.lower()


def why_elsewhere(context: Any, target: Target, cards: Sequence[Card], reader: Reader,
                  others: Sequence[Endpoint]) -> Why | None:
    """Return why a name leads to no endpoint in the network; None where its address belongs to none that is known.

    ``cards`` are those of the network, ``others`` the registry's endpoints in other networks.
    """
    said = names.explain_within(target.host, context.operation().within(_CURIOSITY_SECONDS))
    wrong = target.wrong
    if not wrong:
        return _why_nowhere(target, said)
    listed = names.in_hosts_file(target.host)
    if all(map(names.is_sinkhole, wrong)):
        return 'dns-sinkhole', {'hosts_file': 'hosts file' if listed else None}
    if listed in wrong:
        return 'dns-hosts-file', {'address': listed, 'served': list(said.addresses)}
    # The public chain goes on behind the privatelink name; a private zone has the address there.
    of_zone = bool(said.chain) and '.privatelink.' in said.chain[-1]
    if not of_zone and not names.is_private(wrong[0]):
        return 'dns-private-zone-unlinked', {'addresses': list(wrong), 'chain': list(said.chain)}
    for _, card in cards:
        if plain_address(card.address) == plain_address(wrong[0]):
            return 'private-endpoint-record-swapped', {'other_host': card.host}
    for endpoint in others:
        if _has(reader, endpoint, wrong[0]):
            return 'private-endpoint-record-of-other-network', {
                'other_endpoint': endpoint.name, 'other_network': endpoint.network}
    return None


def _why_nowhere(target: Target, said: names.Explanation) -> Why:
    evidence = {'server': next(iter(said.answers), None), 'error': target.lookup.error, 'chain': list(said.chain),
                'said': [f'{server} {answer}' for server, answer in said.answers.items()]}
    private = next((name for name in said.chain if '.privatelink.' in name), None)
    if private and said.verdict in ('NXDOMAIN', 'no address'):
        return 'dns-private-record-missing', {**evidence, 'private_name': private}
    return 'private-endpoint-name-unresolved', evidence


def _has(reader: Reader, endpoint: Endpoint, address: str) -> bool:
    try:
        return any(plain_address(card.address) == plain_address(address) for card in reader.addresses(endpoint))
    except Unread:
        return False
