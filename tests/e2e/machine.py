"""What the cases of this machine's tools break: programs on PATH, words that tools print, files, the daemon's ways."""
from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.case import Arrange, Case
from tests.lab import Lab
from tests.prerequisites import SYSTEM_PATH

CHECKS = ['container-client', 'container-daemon', 'container-pull', 'docker-credentials', 'helm']
#: An ELF program for a processor that nobody has.
FOREIGN = b'\x7fELF\x02\x01\x01' + b'\0' * 9 + b'\x02\0\xff\x7f' + b'\0' * 200

Maker = Callable[..., Case]


def rows(code: str, *checks: str) -> tuple[Maker, Maker]:
    """Makers of cases in which, of this machine's checks, only these run: of broken ones, and of healthy ones.

    With `soon` they run with `--timeout 2`, and have to end in the 6 s that issue 9 grants then.
    """
    skipped = [name for name in CHECKS if name not in checks]
    args = ['--skip', *skipped] if skipped else []

    def make(name: str, arrange: Arrange, cause: str | None, evidence: Sequence[str], remedy: str, *,
             error: str | None, soon: bool = False, more: Sequence[str] = (), **options: Any) -> Case:
        hurry = ['--timeout', '2'] if soon else []
        return Case(name, arrange, cause, error, evidence, remedy, [*args, *hurry, *more],
                    **{'registry': None, 'environment': True, 'seconds': 6 if soon else 30, **options})

    def broken_one(name: str, arrange: Arrange, cause: str, evidence: Sequence[str] = (), remedy: str = '', *,
                   error: str = code, **options: Any) -> Case:
        return make(name, arrange, cause, evidence, remedy, error=error, **options)

    def healthy_one(name: str, arrange: Arrange, evidence: Sequence[str] = (), *, warning: str | None = None,
                    remedy: str = '', **options: Any) -> Case:
        return make(name, arrange, warning, evidence, remedy, error=None, **options)

    return broken_one, healthy_one


# Programs

def tools(**wanted: Any) -> Arrange:
    """Puts other tools on PATH; bytes make a file of them that is executable, and a list of bytes one that is not."""
    def arrange(lab: Lab) -> None:
        lab.path = put(lab, **wanted)
    return arrange


def put(lab: Lab, **wanted: Any) -> str:
    """A directory with these tools; see `tools`."""
    directory = lab.tools(**{name: what for name, what in wanted.items() if not isinstance(what, (bytes, list))})
    for name, what in wanted.items():
        if isinstance(what, (bytes, list)):
            path = Path(directory, name)
            path.unlink(missing_ok=True)
            path.write_bytes(what if isinstance(what, bytes) else what[0])
            path.chmod(0o755 if isinstance(what, bytes) else 0o644)
    return directory


def saying(words: str, status: int = 1, *, on: str = '*', tool: str = 'docker', out: bool = False) -> str:
    """A stand-in that prints these words and fails, on that subcommand only; for all others it is the real tool."""
    where = '' if out else ' >&2'
    return (f"case \"$1\" in {on}) printf '%s\\n' {shlex.quote(words)}{where}; exit {status};; esac\n"
            f'exec {tool} "$@"')


def before(script: str, on: str = '*', tool: str = 'docker') -> str:
    """A stand-in that does something else first, on that subcommand, and is the real tool then."""
    return f'case "$1" in {on}) {script};; esac\nexec {tool} "$@"'


def vanishes(tool: str = 'docker') -> str:
    """A script for `before`: the real tool's answer, and half a second later the stand-in is gone."""
    return f'{tool} "$@"; status=$?; sleep 0.5; rm "$0"; exit $status'


# Files

def home(name: str, content: Any, mode: int = 0o644) -> Arrange:
    """Writes a file below the home directory: text, bytes, or what becomes JSON."""
    def arrange(lab: Lab) -> None:
        path = lab.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else
                         (content if isinstance(content, str) else json.dumps(content)).encode())
        path.chmod(mode)
    return arrange


def config(**content: Any) -> Arrange:
    """Docker's configuration file."""
    return home('.docker/config.json', content)


def script(*lines: str) -> Arrange:
    """Runs shell commands inside the lab."""
    def arrange(lab: Lab) -> None:
        done = lab.run('/bin/sh', '-c', f'PATH={SYSTEM_PATH}\nset -e\n' + '\n'.join(lines))
        assert done.status == 0, done.stderr
    return arrange


#: Podman can keep no images and containers; it still knows its version.
NO_STORAGE = script("sed -i 's,^graphroot.*,graphroot = \"/proc/nowhere\",' /etc/containers/storage.conf")

#: Undoes what `script` may have done to the lab beyond what healing it mends.
UNDO = ('for path in /proc/version /usr/sbin/dockerd /run/small; do '
        'while umount --lazy "$path" 2>/dev/null; do :; done; done; '
        'rm -rf /run/.containerenv /run/small /run/elsewhere; [ ! -d /run/docker.sock ] || rmdir /run/docker.sock; '
        'if [ -S /run/docker.sock ]; then chmod 660 /run/docker.sock; chgrp root /run/docker.sock; fi')


def undo(lab: Lab) -> None:
    """See `UNDO`."""
    lab.run('/bin/sh', '-c', f'PATH={SYSTEM_PATH}; {UNDO}')


# The daemon

def daemon(**options: Any) -> Arrange:
    """Starts the daemon anew with these options of `Daemon.start`."""
    def arrange(lab: Lab) -> None:
        lab.daemon.start(**options)
    return arrange


def stopped(lab: Lab) -> None:
    """The daemon was stopped: its socket is gone."""
    lab.daemon.stop()


def crashed(lab: Lab) -> None:
    """The daemon was killed: its socket is left, and nobody listens there."""
    assert lab.daemon.pid
    os.kill(lab.daemon.pid, signal.SIGKILL)
    lab.daemon.stop()


def paused(lab: Lab) -> None:
    """The daemon takes connections and never answers."""
    lab.daemon.pause()


def context(name: str, host: str) -> Arrange:
    """A docker context made and chosen by docker itself."""
    return script(f'docker context create {name} --docker host={host} >/dev/null', f'docker context use {name}')
