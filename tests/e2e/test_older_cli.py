"""The smoke test on both azs that are supported: the newest, and the oldest that the extension's metadata names."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import supplies
from tests.lab import CHECKOUT, Lab

COMMAND = ['acr', 'check-health-ext', '--name', 'demoregistry', '--yes']
OLDEST = json.loads((CHECKOUT / 'azext_acrhealth/azext_metadata.json').read_text('utf-8'))['azext.minCliCoreVersion']


@pytest.fixture(params=supplies.VENVS)
def cli(request: pytest.FixtureRequest) -> str:
    """An az, where it is installed: CI lets no test be skipped."""
    name = str(request.param)
    if not Path(supplies.az(name)).exists():
        pytest.skip(f'There is no {supplies.VENVS[name]}: make setup makes it')
    return name


def test_healthy(lab: Lab, cli: str) -> None:
    run = lab.az(*COMMAND, cli=cli)
    assert run.status == 0, run.stderr
    assert run.report['status'] == 'passed'
    version = run.report['environment']['azureCli']
    assert (version == OLDEST) == (cli == 'oldest')


def test_the_firewall_refuses_this_machine(lab: Lab, cli: str) -> None:
    lab.azure.preset('firewall')
    run = lab.az(*COMMAND, '--skip', 'environment', cli=cli)
    assert (run.status, [cause['cause'] for cause in run.report['rootCauses']]) == (1, ['registry-firewall'])
    assert 'ERROR: CONNECTIVITY_FORBIDDEN_ERROR' in run.stderr
    assert 'See https://aka.ms/acr/errors#connectivity_forbidden_error' in run.stderr


def test_docker_is_stopped_and_a_person_reads_the_table(lab: Lab, cli: str) -> None:
    lab.daemon.stop()
    run = lab.az(*COMMAND, '--output', 'table', cli=cli)
    assert run.status == 1
    rows = {line.split()[0]: line.split()[1:3] for line in run.stdout.splitlines() if line.strip()}
    assert rows['container-daemon'] == ['failed', 'DOCKER_DAEMON_ERROR']
    assert rows['access-token'][0] == 'passed'
    assert 'ERROR: DOCKER_DAEMON_ERROR' in run.stderr
