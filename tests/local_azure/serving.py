"""One HTTP request from log to answer: the injected round trip, the faults, else the service that owns the host."""
import asyncio
import logging
from typing import Any, Awaitable, Callable, Dict, Optional, Set
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from . import names
from .answers import Call, answer, scripted
from .journal import Journal
from .world import World

Service = Callable[[Call], Awaitable[web.StreamResponse]]
Refusal = Callable[[Call, str], web.Response]


class Serving:
    """Finds a service by the Host header and address; knows the services only as functions."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world, self._journal = world, journal
        self._services: Dict[str, Service] = {}
        self._refusals: Dict[str, Refusal] = {}
        self._connections: Dict[Any, int] = {}
        self._unfinished: Set[asyncio.Transport] = set()  # the connections of requests that have no answer yet

    def host(self, host: str, service: Service) -> None:
        """Gives a host to a service; `*.` at its beginning stands for any one or more labels."""
        self._services[host] = service

    def refusals(self, prefix: str, refusal: Refusal) -> None:
        """Lets faults name the answers of a service: `prefix:what`."""
        self._refusals[prefix] = refusal

    def connection(self, peer: Any, number: int) -> None:
        """Tells which connection of the log a peer's address and port is."""
        self._connections[peer] = number

    def release(self) -> None:
        """Cuts off what has not been answered yet, which a fault may hold."""
        for transport in list(self._unfinished):
            if not transport.is_closing():  # Python 3.11.2 cannot abort one that was closed twice
                transport.abort()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The handler that the HTTP library calls."""
        call = await self._call(request)
        transport = request.transport
        response: Optional[web.StreamResponse] = None
        try:
            if transport:
                self._unfinished.add(transport)
            response = await self._answer(call)
            return response
        except Exception as ex:  # a defect of a service must not end the process  # pylint: disable=broad-except
            logging.getLogger(__name__).exception('%s %s%s', call.method, call.host, call.path)
            response = answer(500, f'local Azure: {ex!r}')
            return response
        finally:
            if transport:
                self._unfinished.discard(transport)
            self._journal.end(call.entry, status=response.status if response else None)

    async def _call(self, request: web.BaseRequest) -> Call:
        """The request as a service sees it; only forms are read whole."""
        host = request.host.partition(':')[0].lower()
        path, _, query = request.raw_path.partition('?')
        form = {}
        if request.content_type == 'application/x-www-form-urlencoded':
            form = dict(parse_qsl((await request.read()).decode('utf-8', 'replace'), keep_blank_values=True))
        transport = request.transport
        peer = transport.get_extra_info('peername') if transport else None
        address, port = (transport.get_extra_info('sockname') if transport else None) or ('', 0)
        entry = self._journal.begin(
            'http', connection=self._connections.get(peer), address=address, host=host, method=request.method,
            path=path, query=query, headers=list(map(list, request.headers.items())), form=form, status=None)
        return Call(request, host, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), form, entry,
                    address, port)

    async def _answer(self, call: Call) -> web.StreamResponse:
        await asyncio.sleep(self._world.settings.rtt_ms / 1000)
        fault = self._world.fault('http', host=call.host, path=call.path, method=call.method)
        if not fault:
            return await self._service(call)(call)
        call.options = fault.options
        call.entry['fault'] = fault.options
        await asyncio.sleep(fault.options.get('delay', 0))
        if fault.options.keys() == {'delay'}:
            return await self._service(call)(call)
        prefix, _, what = fault.options.get('answer', '').partition(':')
        made = self._refusals[prefix](call, what) if prefix else web.Response()
        return await scripted(call, made)

    def _service(self, call: Call) -> Service:
        if call.address == names.METADATA_ADDRESS:
            return self._services[names.METADATA_ADDRESS]
        if call.host in self._services:
            return self._services[call.host]
        for pattern, service in self._services.items():
            if pattern.startswith('*.') and call.host.endswith(pattern[1:]):
                return service
        return _nobody


async def _nobody(_: Call) -> web.StreamResponse:
    """What a front end says to a Host header that it does not know."""
    return answer(404)
