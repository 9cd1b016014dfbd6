"""Ctrl+C, and what a run leaves behind: no process, no image that was not there, no secret of a daemon's or proxy's."""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.case import DNS, Arrange, Case, broken, prove
from tests.e2e.machine import before, config, tools
from tests.e2e.test_pull import DATA, IMAGE, PRIVATE_PROXY, images, through
from tests.lab import NOTHING, Environment, Lab
from tests.local_azure import names

HANG = 'sleep 600 & sleep 600'
COMMAND = ['acr', 'check-health-ext', '--yes', '--output', 'json']
#: What hangs, and by which of the lab's processes that shows.
HANGING: dict[str, tuple[Arrange, str]] = {
    'client': (tools(docker=HANG), 'sleep 600'),
    'daemon': (tools(docker=before(HANG, 'version')), 'sleep 600'),
    'helm': (tools(helm=HANG), 'sleep 600'),
    'helper': (broken(tools(**{'docker-credential-pass': HANG}), config(credsStore='pass')), 'sleep 600'),
    'pull by docker': (broken('mcr-data-drip'), 'docker pull'),
    'pull by podman': (broken('mcr-data-drip', tools(docker=False, podman=True)), 'podman pull'),
    'registry': (broken('http-silent'), 'az'),
}


def eventually(so: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes so in time."""
    deadline = time.monotonic() + seconds
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return so()


def interrupt(lab: Lab, name: str, by: signal.Signals = signal.SIGINT) -> tuple[int, float, str]:
    """Ends az once that hangs, as a terminal does: exit status, seconds that it still took, what it said."""
    arrange, shown = HANGING[name]
    env = arrange(lab) or {}
    registry = ['--name', 'demoregistry'] if name == 'registry' else []
    asked = f'GET {names.MCR_DATA_HOST}' if name.startswith('pull') else 'GET demoregistry' if registry else ''

    def hangs() -> bool:
        requests = [f"{entry['method']} {entry['host']}" for entry in lab.azure.journal(kind='http')]
        return runs(lab, shown) and (not asked or any(one.startswith(asked) for one in requests))

    return end(lab, hangs, *registry, env=env, by=by)


def runs(lab: Lab, shown: str) -> bool:
    """Whether a process of the lab shows this."""
    return any(shown in line for line in lab.processes().values())


def end(lab: Lab, when: Callable[[], bool], *args: str, env: Environment = NOTHING, after: float = 0,
        by: signal.Signals = signal.SIGINT) -> tuple[int, float, str]:
    """Ends az so many seconds after something has become so: exit status, seconds that it still took, what it said."""
    with lab.popen(*lab.az_command(*COMMAND, *args), env={**lab.az_environment(), **env}) as az:
        assert eventually(when), lab.processes()
        time.sleep(after)
        started = time.monotonic()
        os.killpg(az.pid, by)
        out, err = az.communicate(timeout=20)
        return az.returncode, time.monotonic() - started, out + err


@pytest.fixture(autouse=True)
def _fresh_journal(lab: Lab) -> Iterator[None]:
    lab.azure.clear_journal()
    yield


@pytest.mark.parametrize('name', HANGING)
def test_ctrl_c_ends_it_within_a_second_and_leaves_nothing(lab: Lab, name: str) -> None:
    for _ in range(3):  # the machine may be busy with other tests: best of three
        status, seconds, said = interrupt(lab, name)
        assert (status, 'Traceback' in said) == (1, False), said
        assert not lab.processes()
        assert images(lab) == []
        if seconds < 1:
            break
        lab.azure.clear_journal()
    assert seconds < 1


@pytest.mark.parametrize('moment', range(8))
def test_whatever_the_pull_is_at_it_leaves_nothing(lab: Lab, moment: int) -> None:
    """The last moments are those at which the image is being removed."""
    lab.daemon.ensure()
    _, _, said = end(lab, lambda: runs(lab, 'docker pull'), after=moment * 0.02)
    assert 'Traceback' not in said
    assert not lab.processes()
    assert images(lab) == []


def test_sigterm_ends_it_as_well(lab: Lab) -> None:
    status, seconds, said = interrupt(lab, 'helm', signal.SIGTERM)
    assert status in (143, -signal.SIGTERM) and seconds < 3 and 'Traceback' not in said, said
    assert not lab.processes()


def test_an_image_that_was_there_stays_even_when_interrupted(lab: Lab) -> None:
    assert lab.run('docker', 'pull', IMAGE).status == 0
    there = images(lab)
    lab.azure.clear_journal()
    lab.azure.fault('http', names.MCR_HOST, path='/v2/mcr/*', silent=True)
    end(lab, lambda: any('/v2/mcr/' in entry['path'] for entry in lab.azure.journal(kind='http')))
    assert len(there) == 1 and images(lab) == there


@pytest.mark.parametrize('newer', [False, True], ids=['same', 'older'])
def test_an_image_that_was_there_stays(lab: Lab, request: pytest.FixtureRequest, newer: bool) -> None:
    """Where the pull brings another image, the tag is given back to the one that had it."""
    if newer:
        made = lab.run('/bin/sh', '-c', f'/usr/bin/tar -c -C "$HOME" . | docker import - {IMAGE}')
    else:
        made = lab.run('docker', 'pull', IMAGE)
    assert made.status == 0, made.stderr
    there = images(lab)
    prove(lab, Case('image-stays', lambda _: None, None, None, registry=None, environment=True), request)
    assert len(there) == 1 and images(lab) == there
    assert lab.run('docker', 'image', 'inspect', '--format', '{{.Id}}', IMAGE).stdout.split() == there


LEAKY = {
    'password of a proxy that wants NTLM': broken(through(PRIVATE_PROXY), 'proxy-407-ntlm'),
    'password of a proxy that refuses': broken(through(PRIVATE_PROXY), 'proxy-policy'),
    'signed link to a host without a name': broken(DNS(host=DATA, rcode='NXDOMAIN'), tools(docker=False, podman=True)),
}


@pytest.mark.parametrize('name', LEAKY)
def test_no_secret_of_the_daemon_is_shown_not_even_with_debug(lab: Lab, name: str) -> None:
    LEAKY[name](lab)
    run = lab.az(*COMMAND, '--debug')
    assert run.status == 1
    secrets = [*lab.azure.secrets(), 'cHJveHl1c2VyO']  # the user name of the proxy, as its header has it
    assert not [secret for secret in secrets if secret in run.stdout + run.stderr]
    if 'link' in name:  # podman itself does show it
        said = lab.run('podman', 'pull', IMAGE).stderr
        assert any(secret in said for secret in lab.azure.secrets()), said
    else:
        assert any('proxy-authorization' in entry['headers'] for entry in lab.azure.journal(kind='proxy'))
