"""What the machine itself must have before anything of ours can run: packages of the system, and namespaces.

`python3 tests/prerequisites.py` says what is missing and installs it; what cannot be installed it explains. Uses
nothing outside the standard library, since it runs before the virtual environment exists.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# A program that has to be there, and the Debian packages that bring it; the first one that the release has is taken.
PACKAGES = {
    'dockerd': ['docker.io'],
    'docker': ['docker-cli', 'docker.io'],
    'docker-registry': ['docker-registry'],
    'podman': ['podman'],
    'faketime': ['faketime'],
    'ip': ['iproute2'],
    'nsenter': ['util-linux'],
    'setpriv': ['util-linux'],
}
DEMO = ['dockerd', 'docker', 'docker-registry', 'ip', 'nsenter', 'setpriv']
SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
POLICY = Path('/usr/sbin/policy-rc.d')  # Debian's switch: while it exits 101, installing a package starts no service


def program(name: str) -> str | None:
    """The path of a program of the system, the sbin directories included; None if there is none."""
    return shutil.which(name, path=SYSTEM_PATH)


def unshare() -> list[str]:
    """The command that makes a lab's namespaces; whoever is not root gets a user namespace about them."""
    return [program('unshare') or 'unshare', '--net', '--mount', *([] if os.geteuid() == 0 else ['--map-root-user'])]


def obstacle() -> str | None:
    """Why this machine cannot have a lab, and what would help; None where it can."""
    if not sys.platform.startswith('linux'):
        return 'The local Azure lives in Linux network namespaces: run this on Linux (a virtual machine, WSL 2).'
    tried = subprocess.run([*unshare(), 'true'], check=False, capture_output=True, text=True)
    if tried.returncode == 0:
        return None
    if os.geteuid() == 0:
        return ('Making a network namespace is forbidden here, even to root (' + tried.stderr.strip() + '): in a '
                'container, start that with --privileged or with --cap-add SYS_ADMIN --cap-add NET_ADMIN '
                '--security-opt seccomp=unconfined --security-opt apparmor=unconfined.')
    return ('The local Azure needs root or user namespaces, and this user may make none (' + tried.stderr.strip() +
            '): run it with sudo, or allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 on '
            'Debian, sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu.')


def missing(programs: list[str]) -> list[str]:
    """Those that the machine does not have."""
    return [name for name in programs if not program(name)]


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """While it lasts, installed services are not started: only private copies of them are wanted, in the lab."""
    sudo = [] if os.geteuid() == 0 else ['sudo']
    if POLICY.exists():
        yield
        return
    subprocess.run([*sudo, 'sh', '-c', f'printf "#!/bin/sh\\nexit 101\\n" >{POLICY} && chmod 755 {POLICY}'], check=True)
    try:
        yield
    finally:
        subprocess.run([*sudo, 'rm', '-f', str(POLICY)], check=True)


def install(programs: list[str]) -> None:
    """Installs the Debian packages that bring these programs."""
    if not program('apt-get'):
        sys.exit(f"Missing here: {', '.join(programs)}. This script knows only Debian and Ubuntu: install them by "
                 'hand, then try again.')
    if os.geteuid() != 0 and not program('sudo'):
        sys.exit(f"Missing here: {', '.join(programs)}. Installing them takes root: run this as root once.")
    sudo = [] if os.geteuid() == 0 else ['sudo']
    apt = [*sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0']
    subprocess.run([*apt, 'update'], check=True)
    known = subprocess.run(['apt-cache', 'pkgnames'], check=True, capture_output=True, text=True).stdout.split()
    packages = sorted({next((one for one in PACKAGES[name] if one in known), PACKAGES[name][-1]) for name in programs})
    print('Installing what this machine lacks:', ' '.join(packages), flush=True)
    with no_services():
        done = subprocess.run([*apt, 'install', '--yes', '--no-install-recommends', *packages], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)


def main() -> None:
    """Leaves the machine ready, or ends saying what stands in the way; `demo` as an argument asks for less."""
    reason = obstacle()
    if reason:
        sys.exit(reason)
    wanted = DEMO if sys.argv[1:] == ['demo'] else list(PACKAGES)
    lacking = missing(wanted)
    if lacking:
        install(lacking)
    if missing(wanted):
        sys.exit(f"Still missing after the installation: {', '.join(missing(wanted))}")


if __name__ == '__main__':
    main()
