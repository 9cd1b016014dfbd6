"""Whether an image can be downloaded, as a container client would: manifest, configuration, first bytes of a layer."""

import hashlib
import platform
from typing import Any, Mapping

from .._validators import split_image
from ..clients import images, registry
from ..clients.http import BODY_CAP, ConnectionFailed, Response
from ..errors import DataEndpointError, HealthCheckError, ImagePullError
from ..runner import Found
from . import connection
from .redirects import Redirects, Served, is_page, not_served
from .tokens import Granted, actions_missing, refused

# So much of a layer is fetched.
_FIRST_BYTES = 1024
# An index may list indexes; nobody nests them deeper.
_MOST_LEVELS = 3

_MISSING = {'NAME_UNKNOWN': 'repository-missing', 'MANIFEST_UNKNOWN': 'tag-missing', 'BLOB_UNKNOWN': 'blob-missing'}


def run(context: Any, needs: Mapping[str, Any]) -> Found:
    """Return who sends the layers of the image, and how soon; raise what keeps it from being downloaded."""
    pull = _Pull(context, needs['access-token'], needs['login-server'].resource)
    manifest = pull.manifest()
    if manifest.config:
        pull.configuration(manifest.config)
    if manifest.layers:
        pull.layer(manifest.layers[0])
    facts = pull.facts
    if not manifest.layers:
        said = 'there is no layer to download'
    else:
        said = f'{facts["served_by"]} sends its layers, the first byte after {facts["first_byte_ms"]} ms'
    of = f' ({facts["platform"]})' if facts.get('platform') else ''
    return Found(f'{facts["image"]}{of}: {said}', warning=pull.doubt(),
                 details={**facts, 'layers': len(manifest.layers), 'targets': list(pull.targets.values())})


class _Pull:
    """One image of one repository."""

    def __init__(self, context: Any, granted: Granted, resource: Mapping[str, Any]) -> None:
        self._repository, self._reference = split_image(context.options.image)
        self._machine = images.Machine(platform.system(), platform.machine())
        self._deadline = context.operation()
        self._front_door = granted.front_door
        self._resource = resource
        self._redirects = Redirects(context)
        self._storage_suffixes = (context.azure.storage_suffix, '.blob.storage.azure.net',
                                  f'.data.{granted.front_door.host.partition(".")[2]}')
        self.facts: dict[str, Any] = {
            'host': granted.front_door.host, 'registry': context.options.registry, 'image': context.options.image,
            'repository': self._repository}
        self._doubts: list[HealthCheckError] = []
        #: Who served what, by host.
        self.targets: dict[str, dict[str, Any]] = {}
        self._token = self._token_of(granted)

    def doubt(self) -> HealthCheckError | None:
        """Return what is worth knowing although the image can be downloaded."""
        return self._doubts[0] if self._doubts else None

    def _token_of(self, granted: Granted) -> str:
        if granted.repository == self._repository:
            return granted.access_token
        token = granted.ask(f'repository:{self._repository}:pull')
        actions = registry.granted(token, self._repository)
        if actions is not None and not {'pull', '*'} & set(actions):
            raise self._may_not_pull(actions)
        return token

    def _may_not_pull(self, actions: Any = ()) -> HealthCheckError:
        return actions_missing(ImagePullError, {**self.facts, 'granted': list(actions), 'lacking': ['pull']},
                               self._resource)

    def _get(self, path: str, headers: Mapping[str, str], most: int = BODY_CAP) -> Response:
        try:
            answer = self._front_door.request(
                'GET', f'/v2/{self._repository}/{path}', self._deadline, most=most,
                headers={**headers, 'Authorization': f'Bearer {self._token}'})
        except ConnectionFailed as failure:
            cause, evidence = connection.why(failure)
            raise ImagePullError(cause, **{**self.facts, **evidence}) from failure
        if answer.first_try:
            self._doubts.append(ImagePullError('transient', **self.facts, first=answer.first_try))
        return answer.response

    def manifest(self) -> images.Manifest:
        """Return the manifest of the image for this machine's platform."""
        reference = self._reference
        for _ in range(_MOST_LEVELS):
            response = self._get(f'manifests/{reference}', {'Accept': images.ACCEPT})
            if response.status != 200 or is_page(response):
                raise self._refused(response, reference, 'the manifest')
            expected = reference if images.DIGEST.fullmatch(reference) else response.header('Docker-Content-Digest')
            if response.whole:
                self._verify(response, expected, 'the manifest', self.facts['host'])
            try:
                found = images.read(response.json())
            except images.Unreadable as ex:
                reason = f'it {response.flaw}' if response.flaw else str(ex)
                raise ImagePullError('manifest-unreadable', **self.facts, reason=reason,
                                     media_type=response.header('Content-Type')) from ex
            self.facts['digest'] = f'sha256:{hashlib.sha256(response.body).hexdigest()}'
            if isinstance(found, images.Manifest):
                return found
            reference = self._chosen(found)
        raise ImagePullError('manifest-unreadable', **self.facts, reason='its index leads to another, and so on')

    def _chosen(self, index: images.Index) -> str:
        chosen = self._machine.choose(index)
        if chosen is None:
            raise ImagePullError('platform-missing', **self.facts, platform=str(self._machine.platform),
                                 platforms=index.platforms or 'none')
        self.facts['platform'] = next((str(one) for one, digest in index.entries if digest == chosen and one), None)
        return chosen

    def _refused(self, response: Response, reference: str, what: str) -> HealthCheckError:
        """Return what an answer of the registry means that is not what was asked for."""
        said = registry.error_of(response)
        facts = {**self.facts, 'status': response.status, 'reference': reference, 'what': what,
                 'kind': 'manifest' if images.DIGEST.fullmatch(reference) else 'tag',
                 'said': said.message if said else None, 'correlation_id': said.correlation_id if said else None}
        if response.status in (429, *range(300, 400), *range(500, 600)) or said and response.status == 403:
            return refused(response, ImagePullError, 'image-refused', self.facts)
        if said is None:
            return ImagePullError('page-in-between' if is_page(response) else 'image-refused',
                                  **{**facts, **connection.who_answered(response)})
        if response.status == 404 and said.code in _MISSING:
            return ImagePullError(_MISSING[said.code], **facts)
        challenges = registry.parse_challenges(response.all('WWW-Authenticate'))
        if any(challenge.parameters.get('error') == 'insufficient_scope' for challenge in challenges):
            return self._may_not_pull()
        return ImagePullError('image-refused', **facts)

    def configuration(self, blob: images.Blob) -> None:
        """Fetch the configuration whole, and read from it for what platform the image is, if no index said it."""
        served = self._blob(blob, 'the configuration', {}, BODY_CAP)
        response = served.response
        if len(response.body) >= BODY_CAP:
            raise ImagePullError('manifest-unreadable', **self.facts, reason=f'its configuration {response.flaw}')
        if not response.whole:
            raise self._cut(served, 'the configuration')
        self._verify(response, blob.digest, 'the configuration', served.host)
        found = images.Platform.of(response.json()) if blob.media_type in images.CONFIGS else None
        if found and not self.facts.get('platform'):
            self.facts['platform'] = str(found)
            self._judge_only(found)

    def _judge_only(self, found: images.Platform) -> None:
        """Judge the one platform of an image without an index as Docker does: of another system it pulls none."""
        if self._machine.rank(found) is not None:
            return
        facts = {**self.facts, 'platforms': [str(found)], 'platform': str(self._machine.platform)}
        if found.system not in ('linux', self._machine.system.lower()):
            raise ImagePullError('platform-missing', **facts)
        self._doubts.append(ImagePullError('platform-differs', **facts))

    def layer(self, blob: images.Blob) -> None:
        """Fetch the first bytes of a layer, and note who sent them and how soon."""
        first = _FIRST_BYTES if blob.size is None else min(_FIRST_BYTES, blob.size)
        headers = {'Range': f'bytes=0-{first - 1}'} if first else {}
        served = self._blob(blob, 'a layer', headers, _FIRST_BYTES)
        body = served.response.body
        if len(body) < (1 if blob.size is None else first):
            raise self._cut(served, 'a layer')
        if len(body) == blob.size:
            self._verify(served.response, blob.digest, 'a layer', served.host)
        self.facts.update(served_by=served.host, address=served.address,
                          first_byte_ms=round(1000 * served.response.first_byte))

    def _blob(self, blob: images.Blob, what: str, headers: Mapping[str, str], most: int) -> Served:
        response = self._get(f'blobs/{blob.digest}', headers, most)
        own = self.facts['host']
        if 300 <= response.status < 400:
            served = self._redirects.get(response, own, headers, most, what)
            trouble = not_served(served, {**self.facts, 'what': what, 'digest': blob.digest})
            if trouble:
                raise trouble
            self._note(served)
        elif response.status not in (200, 206) or is_page(response):
            raise self._refused(response, blob.digest, what)
        else:
            served = Served(own, self._front_door.connection.result(self._deadline).peer.address, response)
        target = self.targets.setdefault(served.host, {'host': served.host, 'address': served.address,
                                                       'status': 'passed', 'sent': []})
        target['sent'].append(what)
        return served

    def _note(self, served: Served) -> None:
        """Note what is odd about a host that serves after all."""
        if not served.host.endswith(tuple(suffix for suffix in self._storage_suffixes if suffix)):
            self._doubts.insert(0, DataEndpointError('data-host-foreign', **{**self.facts, 'host': served.host}))
        if served.first_try:
            self._doubts.append(DataEndpointError('transient', **{**self.facts, 'host': served.host},
                                                  first=served.first_try))

    def _verify(self, response: Response, digest: str | None, what: str, host: str) -> None:
        """Raise what it means that a content is not what its digest says."""
        came = f'sha256:{hashlib.sha256(response.body).hexdigest()}'
        if digest and images.DIGEST.fullmatch(digest) and came != digest:
            error = ImagePullError if host == self.facts['host'] else DataEndpointError
            raise error('content-changed', **{**self.facts, 'host': host, 'what': what, 'digest': digest, 'came': came})

    def _cut(self, served: Served, what: str) -> HealthCheckError:
        error = ImagePullError if served.host == self.facts['host'] else DataEndpointError
        return error('answer-cut', **{**self.facts, 'host': served.host, 'address': served.address, 'what': what},
                     text=f'only {len(served.response.body)} bytes of {what} came')
