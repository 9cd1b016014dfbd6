"""What a person sees besides the report: progress, the end of a run, help whose examples work, completion."""
from __future__ import annotations

import re

import pexpect
import pytest
import yaml  # type: ignore[import-untyped]
from knack.help_files import helps

import azext_acrhealth._help  # noqa: F401  pylint: disable=unused-import
from tests import supplies
from tests.e2e.test_private_link import NAME as PRIVATE
from tests.e2e.test_private_link import zone
from tests.lab import Lab
from tests.local_azure import names
from tests.prerequisites import SYSTEM_PATH

COMMAND = ['acr', 'check-health-ext']
REGISTRY = [*COMMAND, '--name', 'demoregistry', '--skip', 'environment']
EXAMPLES = [example['text'] for example in yaml.safe_load(helps[' '.join(COMMAND)])['examples']]
WAITING = 'Waiting for '


def at_terminal(lab: Lab, *args: str, **environment: str) -> str:
    """What a terminal shows of a run, the report left out."""
    terminal: pexpect.spawn[str] = lab.pty('/bin/sh', '-c', 'exec "$@" > /dev/null', 'sh', *lab.az_command(*args),
                                           env={**lab.az_environment(), **environment})
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


# Progress

def test_a_terminal_shows_what_is_waited_for_and_then_clears_it(lab: Lab) -> None:
    lab.azure.preset('http-silent')
    shown = at_terminal(lab, *REGISTRY, '--timeout', '2')
    assert re.search(WAITING + r'[^\r]*challenge', shown)
    end = shown.rpartition(WAITING)[2]
    assert '\r' in end and 'ERROR' in end


@pytest.mark.parametrize('more, environment', [
    (['--only-show-errors'], {}), ([], {'AZURE_CORE_DISABLE_PROGRESS_BAR': 'true'})])
def test_progress_follows_the_settings_of_az(lab: Lab, more: list[str], environment: dict[str, str]) -> None:
    lab.azure.preset('http-silent')
    assert WAITING not in at_terminal(lab, *REGISTRY, '--timeout', '1', *more, **environment)


def test_a_pipe_gets_no_progress(lab: Lab) -> None:
    lab.azure.preset('http-silent')
    assert WAITING not in lab.az(*REGISTRY, '--timeout', '1').stderr


# The end of a run

def test_the_end_of_a_healthy_run_at_a_terminal(lab: Lab) -> None:
    shown = at_terminal(lab, *REGISTRY)
    assert 'Healthy: ' in shown and 'passed' in shown
    assert f'as {names.APP.name}' in shown.splitlines()[-1]


def test_nothing_is_said_of_a_healthy_run_to_a_pipe_or_where_only_errors_are_wanted(lab: Lab) -> None:
    assert lab.az(*REGISTRY).stderr == ''
    assert lab.az(*REGISTRY, '--output', 'none', '--only-show-errors').stderr == ''


def test_without_a_report_the_end_says_it_all(lab: Lab) -> None:
    healthy = lab.az(*REGISTRY, '--output', 'none')
    assert (healthy.status, healthy.stdout) == (0, '') and healthy.stderr.startswith('Healthy: ')

    lab.azure.preset('arm-forbidden')
    warned = lab.az(*REGISTRY, '--output', 'none')
    assert warned.status == 0 and 'LOGIN_SERVER_ERROR: ' in warned.stderr and 'Nothing failed' in warned.stderr

    lab.azure.preset('firewall')
    for more in ([], ['--ignore-errors']):
        failed = lab.az(*REGISTRY, '--output', 'none', *more)
        assert failed.status == (0 if more else 1)
        assert f'az acr network-rule add --name demoregistry --ip-address {names.CLIENT_ADDRESS}' in failed.stderr
        assert 'LOGIN_SERVER_ERROR: ' in failed.stderr and 'other machines' in failed.stderr.splitlines()[-1]
        # Skipped as the user asked, and what needs it likewise.
        assert ('refresh-token' in failed.stderr) != bool(more) and 'docker-login' not in failed.stderr


def test_the_end_of_many_faults_fits_a_screen_and_has_each_next_command_in_order(lab: Lab) -> None:
    lab.path = lab.tools(docker=False, helm=False)
    for name in ('firewall', 'cmk-identity-gone'):
        lab.azure.preset(name)
    lab.azure.registry('demoregistry', provisioningState='Failed',
                       policies={'quarantinePolicy': {'status': 'enabled'}})
    lines = lab.az(*COMMAND, '--name', 'demoregistry').stderr.splitlines()
    assert len(lines) <= 24
    told = [next((number for number, line in enumerate(lines) if text in line), -1) for text in (
        'ERROR: DOCKER_COMMAND_ERROR', 'Also: HELM_COMMAND_ERROR', 'Also: CONNECTIVITY_FORBIDDEN_ERROR',
        'az acr network-rule add', 'Also: CMK_ERROR', 'az acr identity show', 'Warning: REGISTRY_SETTING_ERROR')]
    assert -1 not in told and told == sorted(told)
    assert 'refresh-token' in ' '.join(lines)


# Help

@pytest.mark.parametrize('text', EXAMPLES)
def test_an_example_of_the_help_works(lab: Lab, text: str) -> None:
    """It is run as it stands, but for the names of what there is in the local Azure."""
    lab.path = f'{lab.tools(az=supplies.az("newest"))}:{SYSTEM_PATH}'
    zone()(lab)
    lab.azure.registry('demoregistry', adminUserEnabled=True, anonymousPullEnabled=True)
    registry = PRIVATE if '--vnet' in text else 'demoregistry'
    for name, here in {'--username MyRegistry': '--username demoregistry', 'MyRegistry': registry,
                       'MyNetwork': 'demo-vnet', 'MyToken': names.REPOSITORY_TOKEN,
                       'MyPassword': names.ADMIN_PASSWORD}.items():
        text = text.replace(name, here)
    run = lab.run('bash', '-c', text, env=lab.az_environment(), stdin=names.REPOSITORY_TOKEN_PASSWORD + '\n')
    assert run.status == 0, f'{run.stdout}\n{run.stderr}'


def test_help_says_the_default_of_each_argument_and_shows_examples(lab: Lab) -> None:
    run = lab.az(*COMMAND, '--help')
    assert run.status == 0
    shown = ' '.join(run.stdout.split())
    assert all(text in shown for text in EXAMPLES) and 'Default: 10' in shown


def test_completion_knows_the_registries(lab: Lab) -> None:
    line = 'az acr check-health-ext --name demo'
    run = lab.run(*lab.az_command(), env={
        **lab.az_environment(), '_ARGCOMPLETE': '1', 'COMP_LINE': line, 'COMP_POINT': str(len(line)),
        'ARGCOMPLETE_USE_TEMPFILES': '1', '_ARGCOMPLETE_STDOUT_FILENAME': str(lab.home / 'completions'),
        '_ARGCOMPLETE_SUPPRESS_SPACE': '1', 'COMP_TYPE': '9', '_ARGCOMPLETE_IFS': '\n'})
    assert 'demoregistry' in (lab.home / 'completions').read_text('utf-8'), run.stderr
