"""A release: the wheel, its checksum, its entry for an extension index. The same commit gives the same bytes.

`make release` puts the three into `dist/`; `make release URL=https://...` names the directory that users get it from.
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pkginfo
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parent.parent
BESIDE_THE_PACKAGE = ['setup.py', 'setup.cfg', 'README.rst', 'HISTORY.rst', 'LICENSE']
INDEX = 'https://azcliprod.blob.core.windows.net/cli-extensions'  # where az's own index keeps the wheels it lists


def sources(checkout: Path = CHECKOUT) -> list[Path]:
    """What the wheel is made from."""
    package = [path for path in (checkout / 'azext_acrhealth').rglob('*') if path.suffix in ('.py', '.json')]
    return sorted(package) + [checkout / name for name in BESIDE_THE_PACKAGE]


def epoch(checkout: Path = CHECKOUT) -> str:
    """The date of what the wheel holds, in seconds: SOURCE_DATE_EPOCH, or the last commit's, or zip's first."""
    commit = subprocess.run(['git', '-C', str(checkout), 'log', '-1', '--format=%ct'], check=False, text=True,
                            capture_output=True) if shutil.which('git') else None
    return os.environ.get('SOURCE_DATE_EPOCH') or (commit.stdout.strip() if commit else '') or '0'


def build(directory: Path, checkout: Path = CHECKOUT) -> Path:
    """Builds the wheel into a directory, from the sources as they are now."""
    with tempfile.TemporaryDirectory() as copy:
        # From a copy, since setuptools leaves things behind in the directory that it builds from.
        for path in sources(checkout):
            target = copy / path.relative_to(checkout)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o644)
        done = subprocess.run(
            [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--no-cache-dir',
             '--wheel-dir', str(directory), copy], check=False, capture_output=True, text=True, umask=0o022,
            env={**os.environ, 'SOURCE_DATE_EPOCH': epoch(checkout)})
    if done.returncode:
        raise RuntimeError(f'The wheel was not built:\n{done.stdout}{done.stderr}')
    return next(directory.glob('*.whl'))


def index_entry(wheel: Path, url: str) -> dict[str, Any]:
    """What an extension index says of the wheel at this address; the metadata are those that azdev writes."""
    said = pkginfo.Wheel(str(wheel))
    with zipfile.ZipFile(wheel) as opened:
        own = json.loads(opened.read('azext_acrhealth/azext_metadata.json'))
    required = [(Requirement(text).name, Requirement(text).specifier) for text in sorted(said.requires_dist)]
    return {
        'downloadUrl': f'{url}/{wheel.name}',
        'filename': wheel.name,
        'sha256Digest': sha256(wheel),
        'metadata': {
            **{name: getattr(said, name) for name in (
                'name', 'version', 'summary', 'license', 'metadata_version', 'requires_python',
                'description_content_type')},
            'classifiers': list(said.classifiers),
            'extras': [],
            'run_requires': [{'requires': [
                form for name, versions in required for form in (f'{name} ({versions})', f'{name}{versions}')]}],
            'extensions': {'python.details': {'contacts': [{'role': 'author', 'name': said.author}],
                                              'project_urls': {'Home': said.home_page}}},
            **own}}


def sha256(wheel: Path) -> str:
    """The checksum, as az computes it."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def release(dist: Path, url: str, checkout: Path = CHECKOUT) -> list[Path]:
    """Writes the wheel, its checksum and its entry, and nothing else, into a directory."""
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    wheel = build(dist, checkout)
    checksum = dist / f'{wheel.name}.sha256'
    checksum.write_text(f'{sha256(wheel)}  {wheel.name}\n')
    entry = dist / 'index-entry.json'
    entry.write_text(json.dumps(index_entry(wheel, url.rstrip('/')), indent=4, sort_keys=True) + '\n')
    return [wheel, checksum, entry]


if __name__ == '__main__':
    made = release(CHECKOUT / 'dist', ''.join(sys.argv[1:]) or INDEX)
    print(*(path.relative_to(CHECKOUT) for path in made), sep='\n')
