"""The machine around the product: namespaces in which every Azure name leads to the local Azure, and real tools.

A `Lab` has a network, an /etc, a /run and a home of its own, so labs live side by side and nothing outside is changed.
What runs in it gets an explicit environment, never the caller's. When the lab is left, whatever runs in it is ended.
"""
from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema
import pexpect

from tests import supplies
from tests.daemon import Daemon
from tests.local_azure import names
from tests.local_azure.control import LocalAzure
from tests.prerequisites import SYSTEM_PATH, missing, obstacle, program, unshare

CHECKOUT = Path(__file__).resolve().parent.parent
CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
RESOLV_CONF = ''.join(f'nameserver {address}\n' for address in names.NAME_SERVERS)
HOSTS = '127.0.0.1 localhost\n::1 localhost\n'
STORAGE_CONF = '[storage]\ndriver = "vfs"\ngraphroot = "{state}/podman"\nrunroot = "/run/containers/storage"\n'
# Runs as root of new namespaces, and becomes the local Azure, which so keeps them alive. Should the process that owns
# the lab be killed, the kernel ends the local Azure as well.
PREPARE = '''set -e
mount --bind "$STATE/etc" /etc
mount -t tmpfs -o mode=755 lab /run
mount -t tmpfs -o mode=1777 lab /dev/shm
ip link set lo up
for address in $ADDRESSES; do ip address add "$address/32" dev lo; done
exec setpriv --pdeathsig KILL "$PYTHON" -m tests.local_azure --state "$STATE/azure"
'''
Environment = Mapping[str, str | None]
NOTHING: Environment = MappingProxyType({})


class LabError(RuntimeError):
    """The lab cannot be made, or something in it did not come about."""


@dataclass(frozen=True)
class Run:
    """A command that ended."""

    args: list[str]
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.stdout)

    @property
    def report(self) -> dict[str, Any]:
        """The report that it printed, valid by the schema that the package ships."""
        report: dict[str, Any] = self.json
        jsonschema.validate(report, _schema())
        return report


@functools.cache
def _schema() -> Any:
    return json.loads((CHECKOUT / 'azext_acrhealth/report.schema.json').read_text(encoding='utf-8'))


class Lab:
    """A machine of its own, from `with Lab() as lab` on; `heal` makes it new for the next test.

    `azure` steers the local Azure, `daemon` the Docker daemon (started on first use), `path` is the PATH of what runs
    here, `etc` its /etc and `home` its home directory, for tests to write to.
    """

    def __init__(self) -> None:
        reason = obstacle() or ', '.join(missing(['ip', 'nsenter', 'setpriv', 'dockerd', 'docker', 'docker-registry']))
        if reason:
            raise LabError(f'No lab on this machine: {reason}')
        self.state = Path(tempfile.mkdtemp(prefix='lab-'))
        self.etc, self.home = self.state / 'etc', self.state / 'home'
        self.daemon = Daemon(self)
        self.azure: LocalAzure
        self._azure: subprocess.Popen[str]
        self._profiles: dict[str, Path] = {}
        self._numbers = itertools.count(1)
        self.path = ''

    def __enter__(self) -> Lab:
        try:
            shutil.copytree('/etc', self.etc, symlinks=True, ignore=_unreadable)
            self._start_azure()
            self._make_new()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, '_azure'):
            network = self._network()
            self.daemon.stop()
            # The last process of a namespace takes the namespace along, with its mounts.
            while remaining := _in_network(network):
                _kill(remaining)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._azure.wait(0.05)
        shutil.rmtree(self.state, ignore_errors=True)

    def _start_azure(self) -> None:
        (self.state / 'azure').mkdir()
        log = self.state / 'azure.log'
        environment = {'STATE': str(self.state), 'ADDRESSES': ' '.join([*names.ADDRESSES, names.CLIENT_ADDRESS]),
                       'PYTHON': sys.executable, 'PATH': SYSTEM_PATH, 'LANG': 'C.UTF-8'}
        with log.open('w') as errors:
            self._azure = subprocess.Popen(  # pylint: disable=consider-using-with
                [*unshare(), 'sh', '-c', PREPARE], cwd=CHECKOUT, env=environment, text=True, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        assert self._azure.stdout
        if self._azure.stdout.readline().strip() != 'ready':
            raise LabError('The local Azure did not start:\n' + log.read_text())
        self.azure = LocalAzure(self.state / 'azure')
        bundle = self.etc / CA_BUNDLE.removeprefix('/etc/')
        bundle.parent.mkdir(parents=True, exist_ok=True)
        with bundle.open('a') as store:
            store.write((self.state / 'azure/ca.pem').read_text())

    # What runs in it

    def environment(self, **more: str | None) -> dict[str, str]:
        """The whole environment of what runs here; a name given as None is left out."""
        base: dict[str, str | None] = {
            'HOME': str(self.home), 'PATH': self.path, 'LANG': 'C.UTF-8', 'TERM': 'xterm',
            'REQUESTS_CA_BUNDLE': CA_BUNDLE, 'AZURE_CORE_COLLECT_TELEMETRY': 'no', 'AZURE_CORE_NO_COLOR': 'yes',
            'COVERAGE_PROCESS_CONFIG': os.environ.get('COVERAGE_PROCESS_CONFIG')}  # set while coverage is measured
        return {name: value for name, value in {**base, **more}.items() if value is not None}

    def command(self, *args: str) -> list[str]:
        """The command that becomes, by exec alone, the given one in the lab: signals and terminals reach it."""
        users = [] if os.geteuid() == 0 else ['--user', '--preserve-credentials']
        return [program('nsenter') or 'nsenter', '--target', str(self._azure.pid), '--net', '--mount', '--root', *users,
                '/usr/bin/env', '--default-signal=INT', '-C', str(self.home), *args]

    def popen(self, *args: str, env: Environment = NOTHING, **options: Any) -> subprocess.Popen[str]:
        """A process in the lab, leader of a session of its own; its output is text in pipes unless options say else."""
        options = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True,
                   'start_new_session': True, **options}
        return subprocess.Popen(self.command(*args), env=self.environment(**env), **options)

    def pty(self, *args: str, env: Environment = NOTHING, timeout: float = 60) -> pexpect.spawn[str]:
        """A process in the lab that has a terminal, 120 columns wide."""
        command, *rest = self.command(*args)
        return pexpect.spawn(command, rest, env=self.environment(**env), timeout=timeout, encoding='utf-8',
                             dimensions=(40, 120))

    def run(self, *args: str, env: Environment = NOTHING, stdin: str = '', timeout: float = 120) -> Run:
        """Runs a command in the lab to its end; past `timeout` it is killed and TimeoutExpired raised."""
        started = time.monotonic()
        with self.popen(*args, env=env, stdin=subprocess.PIPE) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=timeout)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return Run(list(args), process.returncode, stdout, stderr, time.monotonic() - started)

    def processes(self) -> dict[int, str]:
        """What runs here besides the local Azure and the Docker daemon: command lines by process id."""
        own = {self._azure.pid, self.daemon.pid}
        found = {}
        for pid in _in_network(self._network()):
            with contextlib.suppress(OSError):
                if not own.intersection(_ancestors(pid)):
                    found[pid] = Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode().strip()
        return found

    def _network(self) -> int:
        return os.stat(f'/proc/{self._azure.pid}/ns/net').st_ino

    # az

    def az(self, *args: str, cli: str = 'newest', env: Environment = NOTHING, **options: Any) -> Run:
        """Runs the real az, signed in as the local Azure's service principal, with the extension installed."""
        return self.run(*self.az_command(*args, cli=cli), env={**self.az_environment(cli), **env}, **options)

    def az_command(self, *args: str, cli: str = 'newest') -> list[str]:
        """az's command line, for `popen` and `pty`; `az_environment` goes with it."""
        return [str(supplies.az(cli)), *args]

    def az_environment(self, cli: str = 'newest') -> dict[str, str]:
        """What az needs in its environment: this test's own profile, and the extension."""
        return self._az_environment(cli, self.profile(cli))

    def _az_environment(self, cli: str, profile: Path) -> dict[str, str]:
        # MSAL remembers refusals across processes: a mended service would go on refusing for a minute.
        (profile / 'msal_http_cache.bin').unlink(missing_ok=True)
        return {'AZURE_CONFIG_DIR': str(profile), 'AZURE_EXTENSION_DIR': str(supplies.extension(cli))}

    def profile(self, cli: str = 'newest') -> Path:
        """The directory with this test's az configuration and sign-in."""
        return self._profiles.get(cli) or self._new_profile(cli, self._signed_in(cli))

    def sign_in(self, cli: str = 'newest') -> None:
        """From now on az is as right after a sign-in: it has a token for Resource Manager, and no other."""
        self._new_profile(cli, self._signed_in(cli))

    def sign_out(self, cli: str = 'newest') -> None:
        """From now on az finds nobody signed in, and the clouds and settings of a new installation."""
        self._new_profile(cli, supplies.profile(cli))

    def _new_profile(self, cli: str, template: Path) -> Path:
        profile = self.state / 'profiles' / f'{cli}-{next(self._numbers)}'
        shutil.copytree(template, profile)
        self._profiles[cli] = profile
        return profile

    def _signed_in(self, cli: str) -> Path:
        """A profile to copy, made once for the lab by a real sign-in."""
        template = self.state / 'templates' / cli
        if not template.exists():
            shutil.copytree(supplies.profile(cli), template)
            made = self.run(*self.az_command('login', '--service-principal', '--username', names.APP.name,
                                             '--password', names.APP.secret, '--tenant', names.APP.tenant, cli=cli),
                            env=self._az_environment(cli, template))
            if made.status:
                shutil.rmtree(template)
                raise LabError(f'az login failed in the lab: {made.stderr}')
        return template

    # The machine that it sees

    def tools(self, **wanted: bool | int | str | Path) -> str:
        """A PATH on which exactly these are: docker=True, podman=True, helm=3 or 4, name='a shell script', name=Path().

        Names that are no identifiers go in as `**{'docker-credential-x': ...}`. The default is docker and helm 4.
        """
        directory = self.state / f'bin{next(self._numbers)}'
        directory.mkdir()
        for name, what in {'docker': True, 'helm': 4, **wanted}.items():
            tool = directory / name
            if isinstance(what, str):
                tool.write_text(what if what.startswith('#!') else f'#!/bin/sh\nPATH={SYSTEM_PATH}\n{what}\n')
                tool.chmod(0o755)
            elif isinstance(what, Path):
                tool.symlink_to(what)
            elif what:
                tool.symlink_to(supplies.helm(what) if name == 'helm' else program(name) or f'/missing/{name}')
        return str(directory)

    def heal(self) -> None:
        """As new: the local Azure, the Docker daemon, images, PATH, /etc, home and profile; strays are ended."""
        _kill(self.processes())
        self.azure.heal()
        self._make_new()
        self.daemon.heal()
        if (self.state / 'podman').exists():
            self.run('sh', '-c', 'podman rmi --all --force; rm -rf /run/containers', env={'PATH': SYSTEM_PATH})

    def _make_new(self) -> None:
        for name in ('docker', 'containers'):
            shutil.rmtree(self.etc / name, ignore_errors=True)
            if Path('/etc', name).is_dir():
                shutil.copytree(Path('/etc', name), self.etc / name, symlinks=True, ignore=_unreadable)
        for name, text in {'resolv.conf': RESOLV_CONF, 'hosts': HOSTS,
                           'containers/storage.conf': STORAGE_CONF.format(state=self.state)}.items():
            (self.etc / name).parent.mkdir(exist_ok=True)
            (self.etc / name).unlink(missing_ok=True)  # resolv.conf may be a symbolic link to somewhere else
            (self.etc / name).write_text(text)
        for directory in [self.home, self.state / 'profiles', *self.state.glob('bin*')]:
            shutil.rmtree(directory, ignore_errors=True)
        self.home.mkdir()
        self._profiles.clear()
        self.path = self.tools()


def _unreadable(directory: str, entries: list[str]) -> list[str]:
    """What of a directory cannot be copied by this user, or is no file: the lab does without it."""
    paths = {entry: Path(directory, entry) for entry in entries}
    return [entry for entry, path in paths.items() if not path.is_symlink()
            and not (os.access(path, os.R_OK) and (path.is_dir() or path.is_file()))]


def _in_network(network: int) -> list[int]:
    """The processes of a network namespace."""
    found = []
    for entry in Path('/proc').iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / 'ns/net').stat().st_ino == network:
                found.append(int(entry.name))
    return found


def _ancestors(pid: int) -> list[int]:
    """A process, its parent, and so on."""
    line = []
    while pid > 1:
        line.append(pid)
        pid = int(Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()[1])
    return line


def _kill(pids: Any) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
