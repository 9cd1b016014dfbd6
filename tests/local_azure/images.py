"""The sample images: tiny, built here, with real layers, pushed to a real registry server by its own protocol."""
import gzip
import hashlib
import io
import json
import platform
import tarfile
from typing import Any, Dict, List, Tuple

import aiohttp

DOCKER = 'application/vnd.docker.distribution.manifest.v2+json'
DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
OCI = 'application/vnd.oci.image.manifest.v1+json'
OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
MACHINE = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine())


def digest(data: bytes) -> str:
    """The content's address."""
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def _described(media_type: str, data: bytes) -> Dict[str, Any]:
    return {'mediaType': media_type, 'size': len(data), 'digest': digest(data)}


def image(architecture: str, types: Tuple[str, str, str]) -> Tuple[bytes, List[bytes]]:
    """Manifest and blobs of an image with one file in its one layer; the same bytes each time."""
    manifest_type, config_type, layer_type = types
    text = f'Hello from the local Azure, {architecture}.\n'.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as archive:
        entry = tarfile.TarInfo('hello.txt')
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    layer = gzip.compress(packed.getvalue(), mtime=0)
    config = json.dumps({
        'architecture': architecture, 'os': 'linux', 'created': '2026-01-01T00:00:00Z',
        'config': {'Cmd': ['/hello.txt']},
        'rootfs': {'type': 'layers', 'diff_ids': [digest(packed.getvalue())]},
        'history': [{'created': '2026-01-01T00:00:00Z', 'created_by': 'COPY hello.txt /'}]}).encode()
    manifest = json.dumps({'schemaVersion': 2, 'mediaType': manifest_type,
                           'config': _described(config_type, config), 'layers': [_described(layer_type, layer)]})
    return manifest.encode(), [config, layer]


class Pusher:
    """Pushes to one repository of a registry server."""

    def __init__(self, session: aiohttp.ClientSession, base: str, repository: str, headers: Dict[str, str]) -> None:
        self._session, self._url, self._headers = session, f'{base}/v2/{repository}', headers

    async def sample(self, tag: str) -> None:
        """One image for this machine's platform, in Docker's format."""
        manifest, blobs = image(MACHINE, (DOCKER, DOCKER_CONFIG, DOCKER_LAYER))
        await self._blobs(blobs)
        await self._manifest(tag, DOCKER, manifest)

    async def index(self, tag: str) -> None:
        """One image for amd64 and arm64, in OCI's format."""
        listed = []
        for architecture in ('amd64', 'arm64'):
            manifest, blobs = image(architecture, (OCI, OCI_CONFIG, OCI_LAYER))
            await self._blobs(blobs)
            await self._manifest(digest(manifest), OCI, manifest)
            listed.append({**_described(OCI, manifest), 'platform': {'architecture': architecture, 'os': 'linux'}})
        whole = json.dumps({'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': listed})
        await self._manifest(tag, OCI_INDEX, whole.encode())

    async def _blobs(self, blobs: List[bytes]) -> None:
        for blob in blobs:
            async with self._session.post(f'{self._url}/blobs/uploads/', headers=self._headers) as begun:
                begun.raise_for_status()
                location = begun.headers['Location']
            async with self._session.put(f'{location}&digest={digest(blob)}', data=blob, headers=self._headers) as done:
                done.raise_for_status()

    async def _manifest(self, reference: str, media_type: str, manifest: bytes) -> None:
        async with self._session.put(f'{self._url}/manifests/{reference}', data=manifest,
                                     headers={**self._headers, 'Content-Type': media_type}) as done:
            done.raise_for_status()
