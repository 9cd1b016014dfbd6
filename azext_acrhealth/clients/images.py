"""Manifests in small pure steps: read one, choose this machine's platform from an index (OCI image specification)."""

import re
from typing import Any, Mapping, NamedTuple, Sequence

from .untrusted import mapping, sequence

DIGEST = re.compile(r'sha256:[0-9a-f]{64}')

#: Configurations that name the platform of an image.
CONFIGS = ('application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json')

#: What the registry is asked for; it converts or refuses what is not named.
ACCEPT = ', '.join(('application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json',
                    'application/vnd.docker.distribution.manifest.list.v2+json',
                    'application/vnd.docker.distribution.manifest.v2+json',
                    'application/vnd.oci.artifact.manifest.v1+json'))


class Unreadable(Exception):
    """A manifest that cannot be read, and why."""


class Platform(NamedTuple):
    """What an image runs on, in Go's names."""

    system: str
    architecture: str
    variant: str = ''

    def __str__(self) -> str:
        return '/'.join(part for part in (self.system, self.architecture, self.variant) if part)

    @classmethod
    def of(cls, content: Any) -> 'Platform | None':
        """Return the platform that an index or a configuration names; None where it names none."""
        found = mapping(content)
        system, architecture, variant = (str(found.get(key) or '').lower() for key in ('os', 'architecture', 'variant'))
        return cls(system, architecture, variant) if system and architecture else None


class Blob(NamedTuple):
    """A configuration or a layer."""

    digest: str
    size: int | None
    media_type: str


class Manifest(NamedTuple):
    """What there is to download; ``layers`` without those that are kept elsewhere."""

    config: Blob | None
    layers: Sequence[Blob]


class Index(NamedTuple):
    """Manifests by platform; None is one of which the index does not say it."""

    entries: Sequence[tuple[Platform | None, str]]

    @property
    def platforms(self) -> list[str]:
        """The platforms that there are, without what describes them (attestations)."""
        return list(dict.fromkeys(str(platform) for platform, _ in self.entries
                                  if platform and platform.system != 'unknown'))


def read(content: Any) -> Index | Manifest:
    """Return what a manifest says. Raises Unreadable."""
    if not isinstance(content, dict):
        raise Unreadable('it is no JSON object')
    if content.get('schemaVersion') == 1:
        raise Unreadable('it has the format of 2015 (schemaVersion 1), which nothing pulls any more')
    if 'manifests' in content:
        if not isinstance(content['manifests'], list):
            raise Unreadable('what it lists is no list')
        return Index([(Platform.of(mapping(entry).get('platform')), _digest(entry)) for entry in content['manifests']])
    if not content.keys() & {'config', 'layers', 'blobs'}:
        raise Unreadable('it names neither manifests nor layers')
    layers = [mapping(layer) for layer in sequence(content.get('layers')) or sequence(content.get('blobs'))]
    return Manifest(_blob(content['config']) if content.get('config') is not None else None,
                    [_blob(layer) for layer in layers if not _kept_elsewhere(layer)])


def _kept_elsewhere(layer: Mapping[str, Any]) -> bool:
    kind = str(layer.get('mediaType'))
    return bool(layer.get('urls')) or '.foreign.' in kind or '.nondistributable.' in kind


def _digest(entry: Any) -> str:
    digest = mapping(entry).get('digest')
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise Unreadable(f'it holds "{str(digest)[:80]}" in place of a digest')
    return digest


def _blob(entry: Any) -> Blob:
    size = mapping(entry).get('size')
    return Blob(_digest(entry), size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
                str(mapping(entry).get('mediaType') or ''))


# Python's names of processors that Go calls otherwise, and what else they run, best first (containerd, platforms.Only).
_ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64', 'i386': '386', 'i686': '386', 'x86': '386'}
_KIN = {'amd64': ('amd64', '386'), 'arm64': ('arm64', 'arm')}


class Machine(NamedTuple):
    """This machine, as ``platform.system()`` and ``platform.machine()`` name it."""

    system: str
    machine: str

    @property
    def platform(self) -> Platform:
        """What images for it are built for: containers are Linux's everywhere, on Windows also its own."""
        name = self.machine.lower()
        arm = re.match(r'arm(v\d)', name)
        return Platform('linux', 'arm', arm[1]) if arm and name != 'arm64' else \
            Platform('linux', _ARCHITECTURES.get(name, name))

    def rank(self, platform: Platform) -> tuple[int, int, int] | None:
        """Return how well that platform suits, the lowest best; None where it does not run here."""
        own = self.platform
        systems = ('linux', 'windows') if self.system == 'Windows' else ('linux',)
        architectures = _KIN.get(own.architecture, (own.architecture,))
        if platform.system not in systems or platform.architecture not in architectures:
            return None
        variant = int(re.sub(r'\D', '', platform.variant)[:3] or 0)
        if platform.architecture == 'arm':
            if variant > (8 if own.architecture == 'arm64' else int(own.variant[1:] or 7)):
                return None
        elif variant not in (0, {'arm64': 8}.get(platform.architecture, 1)):
            return None
        return systems.index(platform.system), architectures.index(platform.architecture), -variant

    def choose(self, index: Index) -> str | None:
        """Return the digest of the manifest for this machine, as a container client does; None where there is none."""
        ranked = [(rank, digest) for platform, digest in index.entries
                  if platform and (rank := self.rank(platform)) is not None]
        if ranked:
            return min(ranked, key=lambda pair: pair[0])[1]
        return next((digest for platform, digest in index.entries if platform is None), None)
