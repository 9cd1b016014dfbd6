"""The wheel: what az is given, and nothing else."""
from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import docutils.core
import docutils.utils
import pytest

from tests import release, supplies
from tests.lab import CHECKOUT


@pytest.fixture(scope='module')
def wheel() -> Iterator[zipfile.ZipFile]:
    """The wheel that the end-to-end tests install."""
    with zipfile.ZipFile(supplies.wheel()) as opened:
        yield opened


@pytest.fixture(scope='module')
def metadata(wheel: zipfile.ZipFile) -> Message:
    """What the wheel says of itself."""
    return email.message_from_bytes(wheel.read(next(
        name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))))


def test_it_holds_the_package_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    folders = {name.split('/')[0] for name in wheel.namelist()}
    assert sorted(folder.partition('-')[0] for folder in folders) == ['acrhealth', 'azext_acrhealth']
    package = CHECKOUT / 'azext_acrhealth'
    sources = {str(path.relative_to(CHECKOUT)) for path in package.rglob('*') if path.suffix in ('.py', '.json')}
    assert {name for name in wheel.namelist() if name.startswith('azext_')} == sources
    assert {'azext_acrhealth/azext_metadata.json', 'azext_acrhealth/report.schema.json'} <= sources
    assert all(wheel.read(name) == (CHECKOUT / name).read_bytes() for name in sources)


def test_it_requires_nothing_that_az_brings(metadata: Message) -> None:
    required = {re.split('[^a-z]', requirement)[0] for requirement in metadata.get_all('Requires-Dist', [])}
    assert required == {'docker', 'dnspython'}
    assert metadata['Requires-Python'] == '>=3.10'


def test_it_says_what_the_guidelines_for_extensions_want(metadata: Message) -> None:
    assert (metadata['Name'], metadata['License']) == ('acrhealth', 'MIT')
    assert metadata['Author'] and metadata['Home-page'].startswith('https://')
    summary = metadata['Summary']
    assert summary.count('.') == 1 and summary.endswith('.')  # one sentence, without what every summary would say
    assert not re.search('extension|azure cli|command-line', summary, re.IGNORECASE)
    classifiers = metadata.get_all('Classifier', [])
    assert {'Intended Audience :: System Administrators', 'License :: OSI Approved :: MIT License',
            'Programming Language :: Python :: 3', 'Programming Language :: Python :: 3.10'} <= set(classifiers)
    assert ('Development Status :: 4 - Beta' in classifiers) == ('b' in metadata['Version'])


def test_its_description_is_readme_and_history_and_can_be_shown(metadata: Message) -> None:
    description = metadata.get_payload()
    assert isinstance(description, str) and metadata['Description-Content-Type'] == 'text/x-rst'
    for name in ('README.rst', 'HISTORY.rst'):
        assert (CHECKOUT / name).read_text('utf-8').strip() in description
    docutils.core.publish_doctree(description, settings_overrides={
        'halt_level': docutils.utils.Reporter.WARNING_LEVEL, 'report_level': docutils.utils.Reporter.SEVERE_LEVEL})


def test_its_version_stands_in_one_place_and_has_its_history(metadata: Message) -> None:
    version = metadata['Version']
    assert re.findall(r'^(\d.*)\n\++$', (CHECKOUT / 'HISTORY.rst').read_text('utf-8'), re.MULTILINE)[0] == version
    holders = [path.name for path in [*release.sources(), CHECKOUT / 'Makefile', *CHECKOUT.glob('docs/*')]
               if path.is_file() and version in path.read_text('utf-8')]
    assert sorted(holders) == ['HISTORY.rst', 'setup.py']


def test_az_reads_in_it_what_it_works_with(wheel: zipfile.ZipFile) -> None:
    said = json.loads(wheel.read('azext_acrhealth/azext_metadata.json'))
    version = re.search(r'acrhealth-([^-]+)-', supplies.wheel().name)
    assert version and re.fullmatch(r'\d+\.\d+\.\d+(b\d+)?', version[1])
    assert re.fullmatch(r'\d+\.\d+\.\d+', said['azext.minCliCoreVersion'])
    assert said.get('azext.isPreview', False) == ('b' in version[1])
    assert set(said) <= {'azext.isPreview', 'azext.minCliCoreVersion'}


def copied(to: Path, mode: int) -> Path:
    """The checkout at another place, its files with other permissions and dates."""
    for path in release.sources():
        target = to / path.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(mode)
        os.utime(target, (mode * 1e6, mode * 1e6))
    if (CHECKOUT / '.git').exists():
        subprocess.run(['cp', '-R', CHECKOUT / '.git', to / '.git'], check=True)
    return to


@pytest.fixture(scope='module')
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The directories of two releases, made from copies with different permissions, at different times and places."""
    made = []
    for mode, umask, zone in [(0o600, 0o077, 'Asia/Tokyo'), (0o775, 0o002, 'America/Lima')]:
        checkout = copied(tmp_path_factory.mktemp('checkout'), mode)
        before = os.umask(umask)
        began = time.monotonic()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv('TZ', zone)
                release.release(checkout / 'dist', 'https://example.com/releases/', checkout)
        finally:
            os.umask(before)
        made.append(checkout / 'dist')
        time.sleep(max(0.0, 2.1 - (time.monotonic() - began)))  # the dates in a wheel go by two seconds
    return made


def test_a_release_is_the_same_from_every_copy_at_every_time(releases: list[Path]) -> None:
    first, second = ({path.name: path.read_bytes() for path in directory.iterdir()} for directory in releases)
    assert len(first) == 3
    assert first == second


def test_a_release_has_the_date_of_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a hook, git's variables name the repository that the hook belongs to.
    for name in [*filter(re.compile('GIT_|SOURCE_DATE_EPOCH').match, os.environ)]:
        monkeypatch.delenv(name)
    assert release.epoch(tmp_path) == '0'
    for command in (['init', '--quiet'], ['commit', '--quiet', '--allow-empty', '--message', 'x']):
        subprocess.run(['git', '-c', 'user.name=x', '-c', 'user.email=x@example.com', *command], cwd=tmp_path,
                       check=True, env={**os.environ, 'GIT_COMMITTER_DATE': '1700000000 +0100'})
    assert release.epoch(tmp_path) == '1700000000'
    monkeypatch.setenv('SOURCE_DATE_EPOCH', '1600000000')
    assert release.epoch(tmp_path) == '1600000000'


def test_a_release_comes_with_its_checksum_and_its_entry_for_an_index(releases: list[Path], metadata: Message) -> None:
    wheel, checksum, entry = (next(releases[0].glob(name)) for name in ('*.whl', '*.whl.sha256', 'index-entry.json'))
    checked = subprocess.run(['sha256sum', '--check', '--strict', checksum.name], cwd=checksum.parent, check=False)
    assert checked.returncode == 0
    said = json.loads(entry.read_text('utf-8'))
    assert set(said) == {'downloadUrl', 'filename', 'metadata', 'sha256Digest'}
    assert said['downloadUrl'] == f'https://example.com/releases/{wheel.name}'
    assert said['filename'] == wheel.name
    assert said['sha256Digest'] == checksum.read_text('utf-8').split()[0]
    assert said['metadata'].items() >= {
        **json.loads((CHECKOUT / 'azext_acrhealth/azext_metadata.json').read_text('utf-8')), 'name': 'acrhealth',
        'version': metadata['Version'], 'summary': metadata['Summary'], 'license': 'MIT'}.items()
    assert said['metadata']['classifiers'] == metadata.get_all('Classifier')
    # az looks there for where a user may report what is wrong with an extension.
    assert said['metadata']['extensions']['python.details']['project_urls']['Home'] == metadata['Home-page']
    assert said['metadata']['run_requires'][0]['requires'][1::2] == sorted(metadata.get_all('Requires-Dist', []))
