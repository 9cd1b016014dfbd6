"""The ways in: the targets that a newcomer runs."""
from __future__ import annotations

import subprocess
import sys

import pexpect
import pytest

from tests.lab import CHECKOUT


def module(*args: str, stdin: str = '') -> subprocess.CompletedProcess[str]:
    """What `make` runs for its targets, run to its end."""
    return subprocess.run([sys.executable, '-m', *args], cwd=CHECKOUT, input=stdin, capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.mark.usefixtures('lab')
def test_the_demo_shows_both_tables_and_how_to_go_on() -> None:
    demo = module('tests.demo')  # it compares its reports with what the local Azure saw
    assert demo.returncode == 0, demo.stderr
    healthy, broken = demo.stdout.split("Now the registry's firewall")
    assert 'challenge             passed' in healthy and 'failed' not in healthy
    assert 'CONNECTIVITY_FORBIDDEN_ERROR' in broken
    assert 'az extension add --source dist/' in broken


@pytest.mark.usefixtures('lab')
def test_the_lab_runs_what_is_piped_into_it() -> None:
    shell = module('tests.shell', 'firewall', stdin='az acr check-health-ext -n demoregistry --skip environment '
                                                    '--query "rootCauses[].cause" -o tsv\nexit 7\n')
    assert shell.stdout == 'registry-firewall\n'
    assert shell.returncode == 7


@pytest.mark.usefixtures('lab')
def test_the_lab_is_a_shell_at_a_terminal() -> None:
    shell = pexpect.spawn(sys.executable, ['-m', 'tests.shell'], cwd=CHECKOUT, encoding='utf-8', timeout=120)
    shell.expect(r'\(lab\)')
    shell.sendline('az account show --query user.type -o tsv; helm version --template {{.Version}}')
    shell.expect('servicePrincipal\r\nv4')
    shell.sendline('sh -c "echo begun; exec sleep 50"')
    shell.expect('begun\r\n')
    shell.sendintr()
    shell.expect(r'\(lab\)')
    shell.sendline('exit')
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 130  # what bash ends with after an interrupted command


def test_a_fault_that_does_not_exist_is_answered_with_those_that_do() -> None:
    shell = module('tests.shell', 'everything')
    assert shell.returncode == 2
    assert 'There is no fault everything' in shell.stderr and 'tls-expired' in shell.stderr
