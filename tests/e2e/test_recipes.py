"""The README's recipes for scripts, run as they stand there but for the registry's name."""
from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests import supplies
from tests.lab import Lab, Run
from tests.local_azure import names
from tests.prerequisites import SYSTEM_PATH

README = (supplies.CHECKOUT / 'README.rst').read_text(encoding='utf-8')
SCRIPTS = README.partition('\nIn scripts\n')[2].partition('\nThe report\n')[0]
REFUSED = f'az acr network-rule add --name demoregistry --ip-address {names.CLIENT_ADDRESS}'


def blocks(language: str) -> list[str]:
    """The code blocks of that language."""
    found = re.findall(rf'^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)', SCRIPTS, re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in found]


def block(language: str, holding: str) -> str:
    """The one code block that holds this."""
    [found] = [one for one in blocks(language) if holding in one]
    return found


def run(lab: Lab, script: str, *options: str) -> Run:
    """Runs a script where az is on PATH."""
    lab.path = f'{lab.tools(az=supplies.az("newest"))}:{SYSTEM_PATH}'
    return lab.run('bash', *options, '-c', script.replace('contosoprod', 'demoregistry'),
                   env=lab.az_environment())


def scripts_in(document: Any) -> list[str]:
    """What a pipeline runs: steps of GitHub Actions, and inline scripts of Azure Pipelines."""
    if isinstance(document, list):
        return [script for entry in document for script in scripts_in(entry)]
    if not isinstance(document, dict):
        return []
    own = [str(document[key]) for key in ('run', 'inlineScript') if key in document]
    return own + [script for value in document.values() for script in scripts_in(value)]


@pytest.mark.parametrize('holding', ['rootCauses[].cause', "status=='failed'"])
def test_what_a_script_reads(lab: Lab, holding: str) -> None:
    script = block('bash', holding)
    assert run(lab, script).stdout == ''
    lab.azure.preset('firewall')
    assert run(lab, script).stdout in ('registry-firewall\n', 'CONNECTIVITY_FORBIDDEN_ERROR\n')


@pytest.mark.parametrize('fault, signs_in', [('entra-session-expired', True), ('throttled', False)])
def test_signing_in_again_only_where_that_helps(lab: Lab, fault: str, signs_in: bool) -> None:
    script = block('bash', 'az login').replace('az login', 'echo SIGNING IN')
    lab.azure.preset(fault)
    assert run(lab, script).stdout == ('SIGNING IN\n' if signs_in else '')


def test_a_step_that_goes_on(lab: Lab) -> None:
    lab.azure.preset('firewall')
    assert run(lab, block('bash', '--ignore-errors')).status == 0
    assert 'registry-firewall' in (lab.home / 'acr-health.json').read_text(encoding='utf-8')


def test_cron_writes_only_where_something_failed(lab: Lab) -> None:
    command = ' '.join(block('bash', '* * * *').splitlines()[-1].split()[5:])
    assert command.startswith('az acr check-health-ext ')
    quiet = run(lab, command)
    assert (quiet.status, quiet.stdout, quiet.stderr) == (0, '', '')
    lab.azure.preset('firewall')
    told = run(lab, command)
    assert told.stdout == '' and REFUSED in told.stderr


@pytest.mark.parametrize('holding, mark', [
    ('azure/login@', '::error::'), ('AzureCLI@', '##vso[task.logissue type=error]')])
def test_a_pipeline_fails_with_the_cause_in_its_own_marks(lab: Lab, holding: str, mark: str) -> None:
    install, check = scripts_in(yaml.safe_load(block('yaml', holding)))
    # Labs have the extension from the very same command, run where pip finds what it requires.
    assert install == 'az extension add --source "$ACRHEALTH_WHEEL" --yes'
    healthy = run(lab, check, '-e', '-o', 'pipefail')
    assert (healthy.status, healthy.stdout) == (0, ''), healthy.stderr
    lab.azure.preset('firewall')
    failed = run(lab, check, '-e', '-o', 'pipefail')
    assert failed.status == 1
    assert failed.stdout.startswith(f'{mark}CONNECTIVITY_FORBIDDEN_ERROR: ')


def test_powershell_is_given_options_that_exist(lab: Lab) -> None:
    """There is no PowerShell here; what it would hand to az is."""
    [command] = re.findall(r'(az acr check-health-ext [^|\n]*)', block('powershell', '$LASTEXITCODE'))
    done = run(lab, command)
    assert done.status == 0 and done.report['status'] == 'passed'
