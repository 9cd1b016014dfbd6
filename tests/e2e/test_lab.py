"""The lab keeps its promises: it changes nothing outside, heals whatever a test did, and leaves nothing behind."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import CHECKOUT, Lab

OWNER = '''
import time
from tests.lab import Lab
with Lab() as lab:
    lab.daemon.start()
    lab.run('docker', 'pull', 'mcr.microsoft.com/mcr/hello-world')
    lab.popen('/bin/sh', '-c', '/bin/sleep 10 & /bin/sleep 10')
    print(lab.state, lab.run('/usr/bin/readlink', '/proc/self/ns/net').stdout, flush=True)
    time.sleep(30)
'''


def in_network(link: str) -> list[str]:
    """The command lines of the processes in the network namespace of that link."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if os.readlink(process / 'ns/net') == link:
                found.append((process / 'cmdline').read_text('utf-8').replace('\0', ' '))
    return found


def eventually(so: Callable[[], bool]) -> bool:
    """Whether something becomes so within ten seconds."""
    deadline = time.monotonic() + 10
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return so()


@pytest.mark.parametrize('ended_by', [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_its_owner_ends(lab: Lab, ended_by: signal.Signals) -> None:
    assert lab  # where there can be no lab, this is skipped like the rest
    with subprocess.Popen([sys.executable, '-c', OWNER], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout
        state, network = owner.stdout.readline().split()
        running = {'local_azure', 'docker-registry', 'dockerd', 'containerd', 'sleep'}
        assert eventually(lambda: all(name in ' '.join(in_network(network)) for name in running))
        owner.send_signal(ended_by)
    if ended_by == signal.SIGINT:
        assert not in_network(network)
        assert not Path(state).exists()
    else:  # only what a test itself started goes on, to its own end
        assert eventually(lambda: all('sleep' in command for command in in_network(network)))
        shutil.rmtree(state)


def test_what_a_test_breaks_is_mended_for_the_next(lab: Lab) -> None:
    az = lab.az('account', 'show')
    assert az.status == 0, az.stderr
    lab.sign_out()
    assert lab.az('account', 'show').status == 1
    lab.path = lab.tools(docker=False, helm='exit 3')
    assert lab.run('helm').status == 3
    assert lab.run('docker', 'version').status == 127
    (lab.etc / 'hosts').write_text('203.0.113.1 demoregistry.azurecr.io\n')
    lab.daemon.pause()
    stray = lab.popen('/bin/sleep', '100')
    assert eventually(lambda: lab.processes() == {stray.pid: '/bin/sleep 100'})

    lab.heal()

    assert not lab.processes()
    assert stray.wait(5) == -signal.SIGKILL
    assert lab.run('docker', 'version').status == 0
    assert lab.run('helm', 'version').status == 0
    assert 'azurecr' not in (lab.etc / 'hosts').read_text()
    assert lab.az('account', 'show').json == az.json


def test_labs_live_side_by_side_and_change_nothing_outside(lab: Lab) -> None:
    outside = {name: Path(name).read_bytes() for name in ('/etc/hosts', '/etc/resolv.conf')}
    with Lab() as other:
        other.daemon.start()
        (other.etc / 'resolv.conf').write_text('nameserver 203.0.113.99\n')
        assert '203.0.113.99' in other.run('/bin/cat', '/etc/resolv.conf').stdout
        assert '203.0.113.99' not in lab.run('/bin/cat', '/etc/resolv.conf').stdout
        assert not lab.processes() and not other.processes()
        data = {one.run('docker', 'info', '--format', '{{.DockerRootDir}}').stdout for one in (lab, other)}
        assert len(data) == 2
    assert outside == {name: Path(name).read_bytes() for name in outside}


def test_a_lab_command_sees_only_its_own_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HTTPS_PROXY', 'http://outside.example:1')
    seen = lab.run('/usr/bin/env', env={'HTTP_PROXY': 'http://inside.example:1', 'LANG': None}).stdout
    assert 'outside.example' not in seen and 'LANG' not in seen
    assert 'HTTP_PROXY=http://inside.example:1' in seen.splitlines()
