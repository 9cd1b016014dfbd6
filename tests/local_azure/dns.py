"""The name servers: the zone of all names there are, with the CNAME chains that Azure has, and their faults."""
import asyncio
import functools
import socket
from typing import Any, Dict, List, Optional, Tuple

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord  # type: ignore[import-untyped]

from . import names, resources
from .journal import Journal
from .world import World

# A name leads either to another name or to addresses; the number is the time to live.
Zone = Dict[str, Tuple[int, List[str]]]

ABBREVIATIONS = {'westeurope': 'weu', 'northeurope': 'neu', 'eastus': 'eus', 'southeastasia': 'sea'}


def zone(world: World) -> Zone:
    """Every name that resolves, as the public DNS has it: nothing knows of private zones until a fault says so."""
    return _zone(world, world.changes)


@functools.lru_cache(maxsize=1)
def _zone(world: World, _changes: int) -> Zone:
    found: Zone = {**{host: (60, [names.MCR_ADDRESS]) for host in names.MCR_HOSTS},
                   names.MCR_DATA_HOST: (60, [names.MCR_DATA_ADDRESS]),
                   names.STORAGE_HOST: (60, [names.STORAGE_ADDRESS])}
    for cloud in names.CLOUDS:
        found[cloud.resource_manager] = (60, [names.RESOURCE_MANAGER_ADDRESS])
        found[cloud.entra] = (60, [names.ENTRA_ADDRESS])
        for registry in world.registries.values():
            _add_registry(found, registry, cloud.registry_suffix)
    return found


def _add_registry(found: Zone, registry: Dict[str, Any], suffix: str) -> None:
    location, properties = registry['location'], registry['properties']
    short = ABBREVIATIONS.get(location, location)

    def chain(host: str, front: List[str], address: str) -> None:
        steps = [host.lower().replace('.azurecr.io', suffix)] + front
        for ttl, step, following in zip([2881, 2881, 300, 300], steps, steps[1:]):
            found[step] = (ttl, [following])
        found[steps[-1]] = (10, [address])

    login = [f'{short}-3.fe.azcr.io', f'{short}-3-acr-reg.trafficmanager.net',
             f'r0330{short}-3.{location}.cloudapp.azure.com']
    data = [f'{short}-0.data.azcr.io', f'{short}-acr-dp.trafficmanager.net',
            f'd0223{short}.{location}.cloudapp.azure.com']
    login_server = str(properties.get('loginServer', '')).lower()
    private = bool(properties.get('privateEndpointConnections'))

    def linked(host: str) -> List[str]:
        return [host.replace('.azurecr.io', '.privatelink' + suffix)] if private else []
    chain(login_server, linked(login_server) + login, names.FRONT_ADDRESS)
    for host in properties.get('regionalEndpointHostNames') or []:
        chain(host, login, names.FRONT_ADDRESS)
    for host in resources.data_hosts(registry):
        chain(host, linked(host) + data, names.DATA_ENDPOINT_ADDRESS)


def addresses(world: World, host: str) -> List[str]:
    """What a host resolves to when nothing is broken: the way the proxy and the faults find a host's addresses."""
    found = zone(world)
    for _ in range(8):
        target = found.get(host.lower(), (0, []))[1]
        if not target or target[0][0].isdigit():
            return target
        host = target[0]
    return []


class NameServer:
    """One name server, over UDP and TCP."""

    def __init__(self, address: str, world: World, journal: Journal) -> None:
        self.address, self._world, self._journal = address, world, journal

    async def start(self) -> None:
        """Listens on port 53."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(self), sock=self._udp_socket())
        await asyncio.start_server(self._stream, self.address, 53)

    def _udp_socket(self) -> socket.socket:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.bind((self.address, 53))
        return udp

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), 'big')
            answer = await self.answer(await reader.readexactly(size))
            if answer:
                writer.write(len(answer).to_bytes(2, 'big') + answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, packet: bytes) -> Optional[bytes]:
        """The answer to a query; None is silence, which is also what a packet gets that is no query."""
        try:
            query, name, kind = _read(packet[2:])
        except Exception:  # dnslib raises what it likes on garbage  # pylint: disable=broad-except
            return None
        entry = self._journal.begin('dns', server=self.address, name=name, type=kind)
        await asyncio.sleep(self._world.settings.rtt_ms / 1000)
        fault = self._world.fault('dns', host=name, address=self.address)
        options = fault.options if fault else {}
        if options.get('delay'):
            await asyncio.sleep(options['delay'])
        if options.get('silent'):
            self._journal.end(entry, answer='silent')
            return None
        if options.keys() & {'rcode', 'chain', 'addresses', 'empty'}:
            reply = query.reply()
            _answer_as_told(reply, name, kind, options)
            outcome, answer = _written(reply)
        else:
            outcome, answer = _by_the_zone(packet[2:], self._world, self._world.changes)
        self._journal.end(entry, **outcome)
        return packet[:2] + answer


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._tasks: set = set()  # type: ignore[type-arg]
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        task = asyncio.ensure_future(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, address: Any) -> None:
        answer = await self._server.answer(data)
        if answer:
            self._transport.sendto(answer, address)


# Packets without their first two octets, the transaction id: what is asked again is answered as before.

@functools.lru_cache
def _read(packet: bytes) -> Tuple[DNSRecord, str, str]:
    query = DNSRecord.parse(bytes(2) + packet)
    return query, str(query.q.qname).rstrip('.').lower(), QTYPE.get(query.q.qtype)


@functools.lru_cache
def _by_the_zone(packet: bytes, world: World, _changes: int) -> Tuple[Dict[str, Any], bytes]:
    query, name, kind = _read(packet)
    reply = query.reply()
    _answer(reply, name, kind, zone(world))
    return _written(reply)


def _written(reply: DNSRecord) -> Tuple[Dict[str, Any], bytes]:
    """What the log says of a reply, and its packet."""
    outcome = {'answer': RCODE.get(reply.header.rcode),
               'records': [f'{rr.rname} {QTYPE.get(rr.rtype)} {rr.rdata}' for rr in reply.rr]}
    return outcome, bytes(reply.pack())[2:]


def _answer(reply: DNSRecord, name: str, kind: str, found: Zone) -> None:
    """Follows the chain through the zone; a name not in it is NXDOMAIN, one without such a record an empty answer."""
    if name.endswith('.data.' + names.MCR_HOST):
        found = {name: found[names.MCR_DATA_HOST]}
    if name not in found:
        reply.header.rcode = RCODE.NXDOMAIN
    while name in found:
        ttl, target = found[name]
        _add(reply, name, kind, ttl, target)
        name = target[0]


def _answer_as_told(reply: DNSRecord, name: str, kind: str, options: Dict[str, Any]) -> None:
    """A fault's answer: `rcode` and below it `chain` (names) and `addresses`, each of which may be missing."""
    reply.header.rcode = getattr(RCODE, options.get('rcode', 'NOERROR'))
    for following in options.get('chain', []):
        _add(reply, name, kind, 2881, [following])
        name = following
    _add(reply, name, kind, 10, options.get('addresses', []))


def _add(reply: DNSRecord, name: str, kind: str, ttl: int, target: List[str]) -> None:
    for one in target:
        if ':' in one:
            data: Any = AAAA(one) if kind in ('AAAA', 'ANY') else None
        elif one[0].isdigit() and one.replace('.', '').isdigit():
            data = A(one) if kind in ('A', 'ANY') else None
        else:
            data = CNAME(one)
        if data:
            reply.add_answer(RR(name, getattr(QTYPE, type(data).__name__), ttl=ttl, rdata=data))
