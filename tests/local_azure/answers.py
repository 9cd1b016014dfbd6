"""HTTP answers: the plain ones that all services give, and the scripted ones of a fault.

A scripted answer is `status`, `reason`, `headers`, `body`/`body64`, and what only bad servers do, written past the
HTTP library: `drip` (bytes a second for `head` and `body`), `endless` (`head` or `body`: repeated for ever), `length`
(a Content-Length that the body does not have), `raw` (these bytes instead of any answer), `close` (nothing at all),
`silent` (nothing, and the connection stays open).
"""
import asyncio
import base64
import http.client
import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

from aiohttp import web

from .journal import Entry

Headers = List[Tuple[str, str]]
RAW_FEATURES = {'drip', 'endless', 'length', 'raw', 'raw64', 'close', 'silent'}


@dataclass
class Call:  # pylint: disable=too-many-instance-attributes
    """A request as the services see it: whole, and with its entry in the log."""

    request: web.BaseRequest
    host: str
    path: str
    query: Dict[str, str]
    form: Dict[str, str]
    entry: Entry
    address: str  # that the client connected to
    port: int
    options: Dict[str, Any] = field(default_factory=dict)  # of the fault that is being answered

    @property
    def method(self) -> str:
        """GET, POST, ..."""
        return self.request.method

    @property
    def accepted(self) -> List[str]:
        """The values of the Accept headers."""
        return self.request.headers.getall('Accept', [])

    @property
    def authorization(self) -> Tuple[str, str]:
        """Scheme (lower case) and credentials of the Authorization header; empty if there is none."""
        scheme, _, rest = self.request.headers.get('Authorization', '').partition(' ')
        return scheme.lower(), rest.strip()


def answer(status: int, body: str = '', headers: Headers = (), *,  # type: ignore[assignment]
           content_type: str = 'application/json; charset=utf-8', reason: str = '') -> web.Response:
    """An answer with exactly these headers besides Date and Content-Length."""
    response = web.Response(status=status, body=body.encode(), reason=reason or None)
    for name, value in headers:
        response.headers.add(name, value)
    if body and 'Content-Type' not in response.headers:
        response.headers['Content-Type'] = content_type
    response.headers.setdefault('Server', 'openresty')
    return response


def as_json(value: Any) -> str:
    """Compact JSON with the apostrophe escaped, the way that .NET services write it."""
    return json.dumps(value, separators=(',', ':')).replace("'", '\\u0027')


def scripted_bytes(options: Dict[str, Any], body: bytes) -> bytes:
    """The body that a fault gives, or else the one that was made for it."""
    if 'body64' in options:
        return base64.b64decode(options['body64'])
    return str(options['body']).encode('utf-8', 'surrogateescape') if 'body' in options else body


async def scripted(call: Call, made: web.Response) -> web.StreamResponse:
    """The answer of an `http` fault; `made` is the named refusal it builds on, or an empty answer."""
    options = call.options
    status = options.get('status', made.status)
    reason = options.get('reason') or (made.reason if status == made.status else http.client.responses.get(status, ''))
    body = scripted_bytes(options, made.body or b'')  # type: ignore[arg-type]
    headers = [*made.headers.items(), *options.get('headers', [])]
    if RAW_FEATURES & options.keys():
        await _misbehave(call.request, options, _head(options, f'HTTP/1.1 {status} {reason}', headers, body), body)
    response = web.Response(status=status, reason=reason, body=body)
    for name, value in headers:
        response.headers.add(name, value)
    response.headers.setdefault('Server', 'nginx')
    return response


def _head(options: Dict[str, Any], status_line: str, headers: Headers, body: bytes) -> bytes:
    lines = [status_line] + [f'{name}: {value}' for name, value in headers if name.lower() != 'content-length']
    lines.append('Transfer-Encoding: chunked' if options.get('endless') == 'body'
                 else f"Content-Length: {options.get('length', len(body))}")
    return '\r\n'.join(lines + ['Connection: close', '', '']).encode()


async def _misbehave(request: web.BaseRequest, options: Dict[str, Any], head: bytes, body: bytes) -> None:
    """Writes straight to the connection, then closes it; the library finds it closed and gives up by itself."""
    transport = request.transport
    if options.get('silent'):
        await asyncio.Event().wait()
    if 'raw64' in options or 'raw' in options:
        head, body = b'', base64.b64decode(options['raw64']) if 'raw64' in options else options['raw'].encode()
    if transport is not None and not options.get('close'):
        drip = options.get('drip', {})
        if options.get('endless') == 'head':
            head, body = head[:-2], b''
            await _write(transport, head, drip.get('head'))
            await _for_ever(transport, b'X-Endless: ' + b'a' * 100 + b'\r\n', drip.get('head'))
        await _write(transport, head, drip.get('head'))
        if options.get('endless') == 'body':
            chunk = body or b'a' * 4096
            await _for_ever(transport, b'%x\r\n%s\r\n' % (len(chunk), chunk), drip.get('body'))
        await _write(transport, body, drip.get('body'))
    if transport is not None:
        transport.close()


async def _write(transport: asyncio.Transport, data: bytes, rate: float = 0) -> None:
    """Writes at so many bytes a second; all at once without a rate."""
    if not rate and not transport.is_closing():
        transport.write(data)
    if not rate:
        return
    for start in range(len(data)):
        if transport.is_closing():
            return
        transport.write(data[start:start + 1])
        await asyncio.sleep(1 / rate)


async def _for_ever(transport: asyncio.Transport, data: bytes, rate: float = 0) -> None:
    """Writes the same until the other side goes, as fast as it reads."""
    while not transport.is_closing():
        if transport.get_write_buffer_size() < 1 << 20:
            await _write(transport, data, rate)
        await asyncio.sleep(0.005)
