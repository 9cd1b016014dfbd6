"""Name resolution: the operating system's answer, which decides, and dnspython's view, which explains it."""

import contextlib
import ipaddress
import os
import re
import socket
import time
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Sequence

from . import Deadline
from .later import Later

# A name server that is well answers in less; the operating system's resolver waits for 5 s before it asks the next.
_PATIENCE_SECONDS = 2.0


#: A host's name of two labels or more, in lower case.
HOST = re.compile(r'[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+')


class Lookup(NamedTuple):
    """The operating system's answer."""

    host: str
    addresses: Sequence[str]
    error: str | None = None
    seconds: float = 0.0


class Explanation(NamedTuple):
    """What the name servers say of a name. ``answers`` maps each server that was asked and gave no address to what it
    said instead: NXDOMAIN, SERVFAIL, REFUSED, no address, no answer, or no name server."""

    chain: Sequence[str] = ()
    addresses: Sequence[str] = ()
    verdict: str | None = None
    answers: Mapping[str, str] = MappingProxyType({})
    servers: Sequence[str] = ()


def look_up(host: str) -> Lookup:
    """Return what the operating system resolves ``host`` to. Cannot be interrupted: call it where it may be left."""
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as ex:
        error = ex.strerror if isinstance(ex, OSError) and ex.strerror else str(ex)
        return Lookup(host, (), error=error, seconds=time.monotonic() - began)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Lookup(host, addresses, seconds=time.monotonic() - began)


def look_up_within(host: str, deadline: Deadline) -> Lookup:
    """Return the same by the deadline; silence is an error like any other."""
    try:
        return Later(lambda: look_up(host), f'look up {host}').result(deadline)
    except TimeoutError:
        return Lookup(host, (), error='no answer in time', seconds=deadline.seconds)


def name_servers() -> list[str]:
    """Return the addresses of this machine's name servers, in its order; empty where none is configured."""
    if os.name != 'nt':  # where a file names them, dnspython's import of a tenth of a second can be saved
        return _listed_in('/etc/resolv.conf')
    import dns.resolver
    try:
        return [str(server) for server in dns.resolver.Resolver().nameservers]
    except (dns.resolver.NoResolverConfiguration, ValueError, OSError):
        return []


def _listed_in(path: str) -> list[str]:
    """Return the name servers of a resolv.conf(5)."""
    with contextlib.suppress(OSError), open(path, encoding='utf-8', errors='replace') as lines:
        return [words[1] for words in map(str.split, lines) if len(words) > 1 and words[0] == 'nameserver']
    return []


def explain(host: str, deadline: Deadline) -> Explanation:
    """Return what this machine's name servers say of ``host``, each asked by itself within the deadline."""
    servers = name_servers()
    answers: dict[str, str] = {}
    best = Explanation(servers=servers)
    for position, server in enumerate(servers):
        share = min(_PATIENCE_SECONDS, max(0.2, deadline.left() / (len(servers) - position)))
        verdict, chain, addresses = _ask(host, server, share)
        if verdict is None:
            return Explanation(chain, addresses, None, answers, servers)
        answers[server] = verdict
        # The operating system takes NXDOMAIN and an empty answer from the first server that gives one as final.
        if best.verdict is None or best.verdict in ('SERVFAIL', 'REFUSED', 'no answer'):
            best = Explanation(chain, (), verdict, answers, servers)
        if verdict in ('NXDOMAIN', 'no address'):
            break
    return best if servers else Explanation(verdict='no name server')


def explain_within(host: str, deadline: Deadline) -> Explanation:
    """Return the same by the deadline; silence is an answer like any other."""
    try:
        return Later(lambda: explain(host, deadline), f'explain {host}').result(deadline)
    except TimeoutError:
        return Explanation(verdict='no answer', servers=name_servers())


def _ask(host: str, server: str, seconds: float) -> tuple[str | None, list[str], list[str]]:
    """Return one server's verdict (None: it gave addresses), the CNAME chain and the addresses."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    try:
        name = dns.name.from_text(host)
        query = dns.message.make_query(name, dns.rdatatype.A)
        answer, _ = dns.query.udp_with_fallback(query, server, timeout=seconds)
        chain, addresses = _follow(answer, name)
        if not addresses and answer.rcode() == dns.rcode.NOERROR:
            query = dns.message.make_query(name, dns.rdatatype.AAAA)
            answer, _ = dns.query.udp_with_fallback(query, server, timeout=seconds)
            chain, addresses = _follow(answer, name)
    except dns.exception.Timeout:
        return 'no answer', [], []
    except (dns.exception.DNSException, OSError, EOFError) as ex:
        return ('no answer' if isinstance(ex, OSError) else type(ex).__name__), [], []
    if addresses:
        return None, chain, addresses
    rcode = answer.rcode()
    return ('no address' if rcode == dns.rcode.NOERROR else dns.rcode.to_text(rcode)), chain, []


def _follow(answer: Any, name: Any) -> tuple[list[str], list[str]]:
    """Return the CNAME chain from ``name`` on and the addresses at its end, as far as the answer holds them."""
    import dns.rdatatype
    chain: list[str] = []
    addresses: list[str] = []
    seen = set()
    while name not in seen:
        seen.add(name)
        following = None
        for records in answer.answer:
            if records.name != name:
                continue
            if records.rdtype == dns.rdatatype.CNAME:
                following = records[0].target
            elif records.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                addresses += [record.address for record in records]
        if following is None:
            break
        name = following
        chain.append(name.to_text(omit_final_dot=True).lower())
    return chain, addresses


# RFC 1918, RFC 6598 (carrier-grade NAT, which Azure lets virtual networks use) and RFC 4193. Not Python's is_private,
# which counts documentation and other reserved ranges as private.
_PRIVATE = [ipaddress.ip_network(text) for text in
            ('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7')]


def is_private(address: str) -> bool:
    """Return whether that is an address of a private network."""
    try:
        parsed = ipaddress.ip_address(address.partition('%')[0])
    except ValueError:
        return False
    return any(parsed in network for network in _PRIVATE if network.version == parsed.version)


def private_zone(login_server: str) -> str:
    """Return the private DNS zone that holds the records of a registry's private endpoints."""
    return 'privatelink.' + login_server.partition('.')[2]


def is_sinkhole(address: str) -> bool:
    """Return whether a filtering name server answers with that address to say no: unspecified, or this machine."""
    try:
        parsed = ipaddress.ip_address(address.partition('%')[0])
    except ValueError:
        return False
    return parsed.is_unspecified or parsed.is_loopback


def in_hosts_file(host: str) -> str | None:
    """Return the address that this machine's hosts file gives ``host``, None where it does not name it."""
    path = os.path.join(os.environ.get('SYSTEMROOT', r'C:\Windows'), 'System32', 'drivers', 'etc', 'hosts') \
        if os.name == 'nt' else '/etc/hosts'
    try:
        with open(path, encoding='utf-8', errors='replace') as lines:
            for line in lines:
                address, *hosts = line.partition('#')[0].split() or ['']
                if host.lower() in (name.lower() for name in hosts):
                    return address
    except OSError:
        pass
    return None
