"""Which manifest of an index a machine gets: as containerd and Docker choose."""
from __future__ import annotations

import pytest

from azext_acrhealth.clients.images import Index, Machine, Platform


def platform(text: str) -> Platform | None:
    """The platform that is written so; '' is none."""
    return Platform(*text.split('/')) if text else None


@pytest.mark.parametrize('system, machine, listed, chosen', [
    ('Linux', 'x86_64', ['linux/arm64', 'linux/amd64'], 'linux/amd64'),
    ('Linux', 'x86_64', ['linux/386', 'linux/amd64'], 'linux/amd64'),
    ('Linux', 'x86_64', ['linux/386', 'linux/arm64'], 'linux/386'),
    ('Linux', 'x86_64', ['linux/amd64/v3'], None),
    ('Linux', 'x86_64', ['linux/amd64/v1'], 'linux/amd64/v1'),
    ('Linux', 'x86_64', ['linux/s390x', 'unknown/unknown'], None),
    ('Linux', 'x86_64', ['windows/amd64'], None),
    ('Linux', 'x86_64', [], None),
    ('Linux', 'x86_64', ['linux/s390x', ''], ''),
    ('Linux', 'aarch64', ['linux/arm/v7', 'linux/arm64/v8'], 'linux/arm64/v8'),
    ('Linux', 'aarch64', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'),
    ('Linux', 'armv7l', ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64'], 'linux/arm/v7'),
    ('Linux', 'armv6l', ['linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v6'),
    ('Linux', 'armv6l', ['linux/arm/v7'], None),
    ('Linux', 's390x', ['linux/amd64', 'linux/s390x'], 'linux/s390x'),
    ('Darwin', 'arm64', ['linux/amd64', 'linux/arm64'], 'linux/arm64'),
    ('Windows', 'AMD64', ['windows/amd64', 'linux/amd64'], 'linux/amd64'),
    ('Windows', 'AMD64', ['windows/amd64', 'linux/arm64'], 'windows/amd64'),
])
def test_the_manifest_of_a_machine(system: str, machine: str, listed: list[str], chosen: str | None) -> None:
    index = Index([(platform(text), f'sha256:{number:064x}') for number, text in enumerate(listed)])
    digest = Machine(system, machine).choose(index)
    assert digest == (None if chosen is None else f'sha256:{listed.index(chosen):064x}')
    assert 'unknown/unknown' not in index.platforms
