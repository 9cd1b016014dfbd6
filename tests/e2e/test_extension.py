"""The extension comes and goes by az's own commands, from a file and from an index, and leaves nothing behind."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import release, supplies
from tests.lab import CHECKOUT, Lab, Run

SERVER = 'http://127.0.0.1:8080'
OLD = '0.9.0'


@pytest.fixture(scope='module')
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release, with the index that it makes."""
    directory = tmp_path_factory.mktemp('release') / 'dist'
    _, _, entry = release.release(directory, SERVER)
    index = {'formatVersion': '1', 'extensions': {'acrhealth': [json.loads(entry.read_text('utf-8'))]}}
    (directory / 'index.json').write_text(json.dumps(index))
    return directory


@pytest.fixture(scope='module')
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of an older version."""
    checkout = tmp_path_factory.mktemp('old')
    for path in release.sources():
        target = checkout / path.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    setup = (checkout / 'setup.py').read_text('utf-8')
    (checkout / 'setup.py').write_text(setup.replace(f"VERSION = '{version()}'", f"VERSION = '{OLD}'"))
    return release.build(checkout, checkout)


@pytest.fixture
def index(lab: Lab, dist: Path) -> Iterator[None]:
    """An index of extensions in the lab, and the wheel that it names."""
    with lab.popen(sys.executable, '-u', '-m', 'http.server', '8080', '--bind', '127.0.0.1', '--directory', str(dist),
                   stderr=subprocess.DEVNULL) as server:
        assert server.stdout and 'Serving' in server.stdout.readline()
        yield
        server.kill()


def version() -> str:
    """The version of the extension."""
    return supplies.wheel().name.split('-')[1]


def az(lab: Lab, *args: str) -> Run:
    """An az that has just been installed: without configuration, without extensions."""
    (lab.home / 'tmp').mkdir(exist_ok=True)
    return lab.run(*lab.az_command(*args), env={
        'AZURE_CONFIG_DIR': str(lab.home / 'config'), 'AZURE_EXTENSION_DIR': str(lab.home / 'extensions'),
        'AZURE_EXTENSION_INDEX_URL': f'{SERVER}/index.json', 'TMPDIR': str(lab.home / 'tmp'),
        'PIP_NO_INDEX': '1', 'PIP_FIND_LINKS': str(supplies.dependencies())})


def done(run: Run) -> Run:
    """The run, which succeeded."""
    assert run.status == 0, run.stderr
    return run


def listed(lab: Lab) -> list[tuple[Any, ...]]:
    """What az says is installed."""
    return [(row['name'], row['version'], row['extensionType'], row['preview'])
            for row in done(az(lab, 'extension', 'list')).json]


def left(lab: Lab) -> list[str]:
    """What of the home directory has to do with the extension, but for what az downloaded and never deletes."""
    paths = {str(path.relative_to(lab.home)): path for path in lab.home.rglob('*')}
    return [name for name, path in paths.items() if not name.startswith('tmp/')
            and ('acrhealth' in name or path.is_file() and b'acrhealth' in path.read_bytes())]


@pytest.mark.usefixtures('index')
def test_added_from_a_file_updated_from_an_index_and_removed(lab: Lab, old: Path) -> None:
    added = done(az(lab, 'extension', 'add', '--source', str(old), '--yes'))
    assert 'in preview' in added.stderr
    assert listed(lab) == [('acrhealth', OLD, 'whl', True)]
    available, = done(az(lab, 'extension', 'list-available')).json
    assert (available['name'], available['version'], available['installed']) == (
        'acrhealth', version(), 'True (upgrade available)')

    done(az(lab, 'extension', 'update', '--name', 'acrhealth'))
    assert listed(lab) == [('acrhealth', version(), 'whl', True)]
    shown = done(az(lab, 'extension', 'show', '--name', 'acrhealth')).json
    assert shown['version'] == shown['metadata']['version'] == version()
    assert shown['metadata']['summary'] == available['summary']
    assert 'Find out why' in done(az(lab, 'acr', 'check-health-ext', '--help')).stdout
    again = done(az(lab, 'extension', 'update', '--name', 'acrhealth'))
    assert "Latest version of 'acrhealth' is already installed" in again.stderr

    assert left(lab)
    done(az(lab, 'extension', 'remove', '--name', 'acrhealth'))
    assert listed(lab) == []
    assert left(lab) == []
    assert az(lab, 'acr', 'check-health-ext', '--help').status != 0


@pytest.mark.usefixtures('index')
def test_added_by_its_name_only_if_the_checksum_is_right(lab: Lab, dist: Path) -> None:
    wheel = next(dist.glob('*.whl'))
    genuine = wheel.read_bytes()
    try:
        wheel.write_bytes(genuine + b'\0')
        refused = az(lab, 'extension', 'add', '--name', 'acrhealth', '--yes')
    finally:
        wheel.write_bytes(genuine)
    assert refused.status == 1 and 'checksum' in refused.stderr
    assert listed(lab) == []

    done(az(lab, 'extension', 'add', '--name', 'acrhealth', '--yes'))
    assert listed(lab) == [('acrhealth', version(), 'whl', True)]
