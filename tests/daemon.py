"""A real Docker daemon in a lab, with its own data, socket and way of being broken."""
from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.prerequisites import SYSTEM_PATH

if TYPE_CHECKING:
    from tests.lab import Lab

# Should the process that owns the lab be killed, the kernel ends the daemon as well, and that its containerd.
BECOME = ['setpriv', '--pdeathsig', 'KILL', 'dockerd']
# A mount namespace of its own, in which the name servers are others than the machine's.
APART = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$RESOLV_CONF" /etc/resolv.conf && exec "$@"', 'sh']

# A daemon that was killed leaves what makes the next one wait for its containerd, which the kernel ends just now.
FORGET = ('for time in $(seq 40); do kill -0 "$(cat /run/docker/containerd/containerd.pid)" || break; sleep 0.05; '
          'done; rm -rf /run/docker /run/docker.pid')


class Daemon:
    """Started by `start` (with an image store that lasts as long as the lab); `heal` makes it the usual one again."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._process: subprocess.Popen[str] | None = None
        self._usual = False

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> str:
        """What it has written to stderr since it was last started."""
        return (self._lab.state / 'dockerd.log').read_text(encoding='utf-8')

    def start(self, *, env: Mapping[str, str] = MappingProxyType({}), trusted: bool = True,
              name_servers: list[str] | None = None) -> None:
        """Starts it and waits until it answers: with proxies in `env`, without our CA, or with other name servers."""
        self.stop()
        lab = self._lab
        resolv_conf = lab.state / 'daemon-resolv.conf'
        resolv_conf.write_text(''.join(f'nameserver {address}\n' for address in name_servers or []))
        trust: dict[str, str] = {} if trusted else {'SSL_CERT_FILE': '/dev/null', 'SSL_CERT_DIR': '/nonexistent'}
        with (lab.state / 'dockerd.log').open('w') as log:
            self._process = lab.popen(
                *([] if name_servers is None else APART), *BECOME,
                '--host', 'unix:///run/docker.sock', '--group', 'root', '--pidfile', '/run/docker.pid',
                '--exec-root', '/run/docker', '--data-root', f'{lab.state}/docker', '--storage-driver', 'vfs',
                '--bridge', 'none', '--iptables=false', '--ip6tables=false',
                env={'PATH': SYSTEM_PATH, 'RESOLV_CONF': str(resolv_conf), 'REQUESTS_CA_BUNDLE': None, **trust, **env},
                stdout=log, stderr=log)
        self._usual = trusted and not env and name_servers is None
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError('The Docker daemon did not start:\n' + self.log)
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it, whatever state it is in."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.returncode == -signal.SIGKILL:
                self._lab.run('/bin/sh', '-c', FORGET, env={'PATH': SYSTEM_PATH})
        self._process = None
        self._usual = False

    def pause(self) -> None:
        """From now on it takes connections but answers nothing."""
        assert self._process, 'The daemon does not run'
        self._process.send_signal(signal.SIGSTOP)
        self._usual = False

    def heal(self) -> None:
        """Running as usual and without images, if it was ever started."""
        if (self._lab.state / 'docker').exists():
            self.ensure()
            images = self._docker('images', '--quiet').split()
            if images:
                self._docker('rmi', '--force', *images)

    def ensure(self) -> None:
        """Running as usual, whatever was done to it before."""
        if not (self._usual and self._process and self._process.poll() is None and self._answers()):
            self.start()

    def _docker(self, *args: str) -> str:
        done = self._lab.run('docker', *args, env={'PATH': SYSTEM_PATH})
        assert done.status == 0, done.stderr
        return done.stdout

    def _answers(self) -> bool:
        assert self._process
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.connect(f'/proc/{self._process.pid}/root/run/docker.sock')
            connection.sendall(b'GET /_ping HTTP/1.0\r\n\r\n')
            return b' 200 ' in connection.recv(64)
        return False
