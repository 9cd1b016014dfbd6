"""Other commands of az pay nothing for the extension: what they import of it is the loader and what describes it."""
from __future__ import annotations

import re

import pytest

from tests.lab import Lab

PACKAGE, DEPENDENCIES = 'azext_acrhealth', {'docker', 'dns'}
DESCRIPTION = {PACKAGE, *(f'{PACKAGE}.{name}' for name in ('commands', '_params', '_help', '_validators'))}


def imported(stderr: str) -> set[str]:
    """The modules in the output of `python -X importtime`."""
    return {match[1] for match in re.finditer(r'^import time:[^|]+\|[^|]+\| +(\S+)$', stderr, re.MULTILINE)}


@pytest.mark.parametrize('command, loaded', [
    ('account show', set()),
    ('acr -h', {PACKAGE, f'{PACKAGE}.commands', f'{PACKAGE}._help'}),
    ('acr list -h', DESCRIPTION),
    ('acr check-health -h', DESCRIPTION),
])
def test_what_a_command_imports(lab: Lab, command: str, loaded: set[str]) -> None:
    run = lab.az(*command.split(), env={'PYTHONPROFILEIMPORTTIME': '1'})
    assert run.status == 0
    modules = imported(run.stderr)
    assert 'azure.cli.core' in modules
    assert {name for name in modules if name.partition('.')[0] == PACKAGE} <= loaded
    assert not {name.partition('.')[0] for name in modules} & DEPENDENCIES


def test_its_own_help_needs_no_dependencies(lab: Lab) -> None:
    run = lab.az('acr', 'check-health-ext', '-h', env={'PYTHONPROFILEIMPORTTIME': '1'})
    assert 'Find out why this machine cannot use a container registry' in run.stdout
    assert not {name.partition('.')[0] for name in imported(run.stderr)} & DEPENDENCIES


def test_the_group_is_as_it_was_but_for_the_command(lab: Lab) -> None:
    group = lab.az('acr', '-h').stdout.splitlines()
    lab.sign_out()
    alone = lab.az('acr', '-h', env={'AZURE_EXTENSION_DIR': str(lab.home)}).stdout.splitlines()
    added = [line for line in group if line not in alone]
    assert [line.split()[0] for line in added[:1]] == ['check-health-ext']
    assert all(line.startswith(' ' * 20) for line in added[1:])  # the rest of its summary
    assert [line for line in group if line not in added] == alone
