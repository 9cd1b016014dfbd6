"""The storage that blobs are downloaded from, by signed links."""
import datetime
import hashlib
import secrets
from pathlib import Path
from typing import Dict
from urllib.parse import quote, unquote

from aiohttp import web

from . import names
from .answers import Call, answer
from .upstream import Upstream, blob_path
from .world import World

LINK_MINUTES = 20
STORAGE_SERVER = ('Server', 'Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0')
WITH_AUTHORIZATION = 'Authentication information is not given in the correct format. ' \
                     'Check the value of Authorization header.'
WITHOUT_SIGNATURE = 'Server failed to authenticate the request. Make sure the value of Authorization header is ' \
                    'formed correctly including the signature.'


class Storage:
    """Signs links to blobs and serves who comes with one, unless an Authorization header comes too."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._signed: Dict[str, Path] = {}  # signature -> blob

    def link(self, host: str, upstream: Upstream, address: str) -> str:
        """A link to a blob, good for 20 minutes; the order of its parameters is Azure's, MCR's is another."""
        signature = self._world.secret(secrets.token_urlsafe(32) + '=')
        self._signed[signature] = upstream.blob(address)
        self._world.secret(quote(signature, safe=''))
        owner = hashlib.sha256(str(upstream.folder.name).encode()).hexdigest()[:32]
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=LINK_MINUTES)
        parameters = {'se': expires.strftime('%Y-%m-%dT%H%%3A%M%%3A%SZ'), 'sig': quote(signature, safe=''), 'sp': 'r',
                      'spr': 'https', 'sr': 'b', 'sv': '2018-03-28', 'regid': owner}
        slash = '/'
        if host == names.MCR_DATA_HOST:
            parameters = dict(sorted(parameters.items()))
            slash = '//'
        query = '&'.join(f'{name}={value}' for name, value in parameters.items())
        return f'https://{host}/{owner}-k7q2m9x4zt{slash}{blob_path(address)}?{query}'

    async def __call__(self, call: Call) -> web.Response:
        """GET or HEAD of a blob."""
        if call.authorization[0]:
            return _refused(400, WITH_AUTHORIZATION, 'InvalidAuthenticationInfo')
        blob = self._signed.get(unquote(call.query.get('sig', '')))
        if not blob:
            return _refused(403, WITHOUT_SIGNATURE, 'AuthenticationFailed')
        if not blob.exists():
            return _refused(404, 'The specified blob does not exist.', 'BlobNotFound')
        response = web.Response(body=blob.read_bytes(), content_type='application/octet-stream')
        response.headers.update([STORAGE_SERVER, ('x-ms-version', '2018-03-28'), ('x-ms-blob-type', 'BlockBlob')])
        return response


def _refused(status: int, reason: str, code: str) -> web.Response:
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{reason}</Message></Error>'
    return answer(status, body, [STORAGE_SERVER], content_type='application/xml', reason=reason)
