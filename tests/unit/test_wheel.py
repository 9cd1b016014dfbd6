"""The wheel: what az is given, and nothing else."""
from __future__ import annotations

import email
import json
import re
import zipfile
from collections.abc import Iterator

import pytest

from tests import supplies
from tests.lab import CHECKOUT


@pytest.fixture(scope='module')
def wheel() -> Iterator[zipfile.ZipFile]:
    """The wheel that the end-to-end tests install."""
    with zipfile.ZipFile(supplies.wheel()) as opened:
        yield opened


def test_it_holds_the_package_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    folders = {name.split('/')[0] for name in wheel.namelist()}
    assert sorted(folder.partition('-')[0] for folder in folders) == ['acrhealth', 'azext_acrhealth']
    package = CHECKOUT / 'azext_acrhealth'
    sources = {str(path.relative_to(CHECKOUT)) for path in package.rglob('*') if path.suffix in ('.py', '.json')}
    assert {name for name in wheel.namelist() if name.startswith('azext_')} == sources
    assert {'azext_acrhealth/azext_metadata.json', 'azext_acrhealth/report.schema.json'} <= sources
    assert all(wheel.read(name) == (CHECKOUT / name).read_bytes() for name in sources)


def test_it_requires_nothing_that_az_brings(wheel: zipfile.ZipFile) -> None:
    metadata = email.message_from_bytes(wheel.read(next(
        name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))))
    required = {re.split('[^a-z]', requirement)[0] for requirement in metadata.get_all('Requires-Dist', [])}
    assert required == {'docker', 'dnspython'}
    assert metadata['Name'] == 'acrhealth'
    assert metadata['Requires-Python'] == '>=3.10'


def test_az_reads_in_it_what_it_works_with(wheel: zipfile.ZipFile) -> None:
    said = json.loads(wheel.read('azext_acrhealth/azext_metadata.json'))
    version = re.search(r'acrhealth-([^-]+)-', supplies.wheel().name)
    assert version and re.fullmatch(r'\d+\.\d+\.\d+(b\d+)?', version[1])
    assert re.fullmatch(r'\d+\.\d+\.\d+', said['azext.minCliCoreVersion'])
    assert said.get('azext.isPreview', False) == ('b' in version[1])
    assert set(said) <= {'azext.isPreview', 'azext.minCliCoreVersion'}
