"""The command through the real az: its report and formats, exit status and options, its question, its end."""
from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import jsonschema
import pexpect
import pytest
import yaml  # type: ignore[import-untyped]

from azext_acrhealth._validators import ACTIONS
from azext_acrhealth.checks import ALL
from tests import supplies
from tests.lab import CHECKOUT, Environment, Lab, Run
from tests.local_azure import names, presets

COMMAND = ['acr', 'check-health-ext']
REGISTRY = ['--name', 'demoregistry']
ONLY_REGISTRY = [*REGISTRY, '--skip', 'environment']
IMAGE = f'{names.MCR_HOST}/mcr/hello-world:latest'
MACHINE = [check.name for check in ALL if not check.of_registry]
#: What wants an option of its own, or endpoints that the registry of these tests does not have.
UNASKED = {'private-endpoint', 'data-endpoints', 'image-pull'}


def check(lab: Lab, *args: str, env: Environment | None = None) -> Run:
    """Runs the command with a log of its own."""
    lab.azure.clear_journal()
    return lab.az(*COMMAND, *args, env=env or {})


def rows(report: dict[str, Any], field: str = 'status') -> dict[str, Any]:
    """One field of each check, by the check's name."""
    return {row['name']: row[field] for row in report['checks']}


def causes(report: dict[str, Any]) -> list[str]:
    """The root causes, in their order."""
    return [cause['cause'] for cause in report['rootCauses']]


def pulled(lab: Lab) -> bool:
    """Whether anybody asked Microsoft's registry for anything."""
    return any(entry['host'].endswith(names.MCR_HOST) for entry in lab.azure.journal(kind='http'))


def images(lab: Lab, client: str = 'docker') -> list[str]:
    """The container client's images."""
    return lab.run(client, 'images', '--format', '{{.Repository}}:{{.Tag}}').stdout.split()


def done(run: Run) -> Run:
    """A run that had to go well."""
    assert run.status == 0, run.stderr
    return run


# What it says of a healthy world

def test_a_healthy_run(lab: Lab) -> None:
    run = check(lab, *REGISTRY, '--yes', '--repository', 'samples/hello')
    report = run.report
    assert (run.status, run.stderr, report['status'], causes(report)) == (0, '', 'passed', [])
    assert rows(report) == {one.name: 'skipped' if one.name in UNASKED else 'passed' for one in ALL}
    assert list(rows(report)) == [one.name for one in ALL]
    assert rows(report, 'registry') == {one.name: 'demoregistry' if one.of_registry else None for one in ALL}
    assert report['registries'] == [{
        'name': 'demoregistry', 'loginServer': presets.R, 'location': 'westeurope', 'sku': 'Premium',
        'resourceId': rows(report, 'details')['login-server']['resourceId']}]
    assert set(rows(report, 'details')['access-token']['granted']) == set(ACTIONS)
    environment = report['environment']
    assert environment['identity'] == {
        'type': 'servicePrincipal', 'name': names.APP.name, 'tenantId': names.TENANT_A}
    assert (environment['cloud'], environment['subscriptionId']) == ('AzureCloud', names.SUBSCRIPTION_A1)
    assert environment['nameServers'] == names.NAME_SERVERS
    assert pulled(lab) and not images(lab)  # it was pulled, and removed again


def test_an_image_that_was_there_stays(lab: Lab) -> None:
    done(lab.run('docker', 'pull', IMAGE))
    report = done(check(lab, '--yes')).report
    assert rows(report)['container-pull'] == 'passed'
    assert pulled(lab) and images(lab) == [IMAGE]


def test_without_a_name_only_this_machine_is_checked(lab: Lab) -> None:
    report = done(check(lab)).report
    assert (list(rows(report)), report['registries']) == (MACHINE, [])
    assert not lab.azure.journal(kind='http')
    # There is no terminal here, and nobody said --yes.
    assert (rows(report)['container-pull'], rows(report, 'skipReason')['container-pull']) == (
        'skipped', 'not-applicable')
    assert '--yes' in rows(report, 'message')['container-pull']


def test_podman_without_a_socket_and_helm_3(lab: Lab) -> None:
    lab.path = lab.tools(docker=False, podman=True, helm=3)
    lab.daemon.stop()
    report = done(check(lab, '--yes')).report
    assert set(rows(report).values()) == {'passed'}
    assert rows(report, 'details')['helm']['version'].startswith('3.')
    assert 'podman' in rows(report, 'message')['container-client']
    assert pulled(lab) and not images(lab, 'podman')


def test_warnings_of_tools_fail_nothing(lab: Lab) -> None:
    warning = 'WARNING: the sky is group-readable'
    lab.path = lab.tools(docker=f'echo "{warning}" >&2; exec docker "$@"',
                         helm=f'echo "{warning}" >&2; exec {supplies.helm(4)} "$@"')
    report = done(check(lab, '--yes')).report
    assert report['status'] == 'passed'
    for name in ('container-client', 'container-daemon', 'container-pull', 'helm'):
        assert rows(report, 'details')[name]['warnings'] == [warning]


# Which registry, and whose result

def configured(lab: Lab) -> Environment:
    """The registry is az's default."""
    done(lab.az('configure', '--defaults', 'acr=DemoRegistry'))
    return {}


@pytest.mark.parametrize('args, arrange', [
    pytest.param([], lambda lab: {'AZURE_DEFAULTS_ACR': 'DemoRegistry'}, id='AZURE_DEFAULTS_ACR'),
    pytest.param([], configured, id='az configure'),
    pytest.param(['-n', 'DEMOREGISTRY.azurecr.io'], lambda lab: {'AZURE_DEFAULTS_ACR': 'other'}, id='login server'),
])
def test_the_name_is_a_plain_string(lab: Lab, args: list[str], arrange: Callable[[Lab], Environment]) -> None:
    report = done(check(lab, *args, '--skip', 'environment', env=arrange(lab))).report
    assert report['registries'][0]['name'] == 'demoregistry'
    assert {row['registry'] for row in report['checks'] if row['category'] != 'environment'} == {'demoregistry'}


def test_another_subscription(lab: Lab) -> None:
    report = done(check(lab, '-n', 'devregistry', '--skip', 'environment',
                        '--subscription', names.SUBSCRIPTION_A2)).report
    assert report['status'] == 'passed'
    assert report['environment']['subscriptionId'] == names.SUBSCRIPTION_A2
    assert names.SUBSCRIPTION_A2 in report['registries'][0]['resourceId']


def test_a_sovereign_cloud_has_its_own_suffix_and_services(lab: Lab) -> None:
    government = names.CLOUDS[1]
    lab.sign_out()
    done(lab.az('cloud', 'set', '--name', government.name))
    done(lab.az('login', '--service-principal', '--username', names.APP.name, '--password', names.APP.secret,
                '--tenant', names.APP.tenant))
    report = done(check(lab, *ONLY_REGISTRY)).report
    assert (report['status'], report['environment']['cloud']) == ('passed', government.name)
    assert report['registries'][0]['loginServer'] == 'demoregistry.azurecr.us'
    asked = {entry['host'] for entry in lab.azure.journal(kind='http')}
    assert asked <= {government.resource_manager, government.entra, 'demoregistry.azurecr.us'}


@pytest.mark.parametrize('trouble, cause, said', [
    (lambda lab: lab.azure.forbid('demoregistry'), 'registry-not-visible', 'Contoso Production'),
    (lambda lab: lab.azure.preset('arm-500'), 'management-unavailable', 'Resource Manager has trouble: 500'),
    (lambda lab: lab.azure.preset('arm-html'), 'management-intercepted', 'Contoso Guest Wi-Fi'),
    (lambda lab: lab.azure.preset('arm-silent'), 'management-silent', 'Resource Manager'),
    (lambda lab: lab.azure.preset('arm-refused'), 'connection-refused', 'management.azure.com'),
], ids=['no permission', '500', 'HTML', 'silence', 'no connection'])
def test_whatever_resource_manager_does_the_registry_is_checked(
        lab: Lab, trouble: Callable[[Lab], None], cause: str, said: str) -> None:
    trouble(lab)
    report = done(check(lab, *ONLY_REGISTRY, '--timeout', '3')).report
    assert (report['status'], causes(report)) == ('warning', [cause])
    assert said in report['rootCauses'][0]['message']
    found = rows(report)
    assert found.pop('login-server') == 'warning'
    assert (found.pop('customer-managed-key'), rows(report, 'skipReason')['customer-managed-key']) == (
        'skipped', 'not-applicable')
    assert {name for name, status in found.items() if status == 'passed'} == {
        'dns', 'tls', 'challenge', 'refresh-token', 'access-token'}


def test_nobody_is_signed_in(lab: Lab) -> None:
    lab.sign_out()
    run = check(lab, *ONLY_REGISTRY)
    assert (run.status, causes(run.report)) == (1, ['not-signed-in'])
    assert run.report['rootCauses'][0]['commands'] == ['az login']
    assert run.report['environment']['identity'] is None
    found = rows(run.report)
    assert (found['login-server'], found['dns'], found['tls'], found['challenge'], found['refresh-token']) == (
        'warning', 'passed', 'passed', 'passed', 'failed')
    assert 'ERROR: CONNECTIVITY_REFRESH_TOKEN_ERROR' in run.stderr


# Formats, and what goes where

def uncoloured(text: str) -> str:
    """Without the sequences that colour a terminal."""
    return re.sub(r'\x1b\[[\d;]*m', '', text)


def is_report(document: Any) -> bool:
    """Whether the schema allows it."""
    schema = json.loads((CHECKOUT / 'azext_acrhealth/report.schema.json').read_text('utf-8'))
    jsonschema.validate(document, schema)
    return causes(document) == ['registry-firewall']


def is_readable(text: str) -> bool:
    """A table with a row for each check, at most 120 columns wide, that says who is refused."""
    lines = text.splitlines()
    shown = [line.split()[0] for line in lines[2:] if line[0] != ' ']
    return (shown == [one.name for one in ALL] and max(map(len, lines)) <= 120
            and lines[0].split() == ['Check', 'Status', 'ErrorCode', 'Message'] and names.CLIENT_ADDRESS in text)


@pytest.mark.parametrize('args, holds', [
    ('-o json', lambda text: is_report(json.loads(text))),
    ('-o jsonc', lambda text: is_report(json.loads(uncoloured(text)))),
    ('-o yaml', lambda text: is_report(yaml.safe_load(text))),
    ('-o table', is_readable),
    ('-o tsv', lambda text: len(text.splitlines()) == 1),
    ('-o none', lambda text: text == ''),
    ('-o none --only-show-errors', lambda text: text == ''),
    ('-o tsv --query rootCauses[].cause', lambda text: text == 'registry-firewall\n'),
    ("-o tsv --query checks[?status=='failed'].errorCode", lambda text: text == 'CONNECTIVITY_FORBIDDEN_ERROR\n'),
    ('-o table --query registries', lambda text: 'demoregistry' in text),
])
def test_each_format_holds_the_report_and_stderr_the_story(lab: Lab, args: str, holds: Callable[[str], bool]) -> None:
    lab.azure.preset('firewall')
    run = check(lab, *REGISTRY, *args.split())
    assert run.status == 1
    assert holds(run.stdout), run.stdout
    error, *advice = run.stderr.splitlines()
    assert error.startswith('ERROR: CONNECTIVITY_FORBIDDEN_ERROR: ') and names.CLIENT_ADDRESS in error
    assert f'  az acr network-rule add --name demoregistry --ip-address {names.CLIENT_ADDRESS}' in advice
    assert 'See https://aka.ms/acr/errors#connectivity_forbidden_error' in advice


def test_the_report_comes_before_the_error_where_both_go_to_one_file(lab: Lab) -> None:
    lab.azure.preset('firewall')
    with lab.popen(*lab.az_command(*COMMAND, *ONLY_REGISTRY), env=lab.az_environment(),
                   stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate(timeout=60)
    report, _, story = output.partition('ERROR: ')
    assert is_report(json.loads(report))
    assert story.startswith('CONNECTIVITY_FORBIDDEN_ERROR')


def test_two_faults_at_once_are_both_told(lab: Lab) -> None:
    lab.path = lab.tools(helm=False)
    lab.azure.preset('firewall')
    run = check(lab, *REGISTRY)
    assert (run.status, causes(run.report)) == (1, ['helm-missing', 'registry-firewall'])
    assert run.report['summary']['failed'] == 2
    assert 'ERROR: HELM_COMMAND_ERROR: ' in run.stderr
    assert 'Also: CONNECTIVITY_FORBIDDEN_ERROR: ' in run.stderr


# Options

def test_ignore_errors(lab: Lab) -> None:
    lab.azure.preset('firewall')
    run = check(lab, *ONLY_REGISTRY, '--ignore-errors')
    assert (run.status, run.stderr, run.report['status']) == (0, '', 'failed')
    assert causes(run.report) == ['registry-firewall']


def test_skip_takes_checks_and_categories(lab: Lab) -> None:
    run = check(lab, *REGISTRY, '--skip', 'tls', 'environment')
    assert run.status == 0
    reasons = rows(run.report, 'skipReason')
    assert {name for name, reason in reasons.items() if reason == 'requested'} == {'tls', *MACHINE}
    assert {name for name, reason in reasons.items() if reason == 'needs'} == {
        'challenge', 'refresh-token', 'access-token', 'docker-login'}
    assert rows(run.report, 'blockedBy')['access-token'] == ['tls']
    assert rows(run.report)['dns'] == 'passed'


@pytest.mark.parametrize('trouble, cause', [('http-silent', 'answer-timeout'), ('tcp-drop', 'connect-timeout')])
def test_timeout_bounds_each_operation_and_with_that_the_run(lab: Lab, trouble: str, cause: str) -> None:
    lab.azure.preset(trouble)
    run = check(lab, *ONLY_REGISTRY, '--timeout', '2')
    assert (run.status, causes(run.report)) == (1, [cause])
    assert run.report['durationMs'] < 2.5 * 2000 + 500


@pytest.mark.parametrize('args, status, said', [
    ('--no-such-option', 2, '--no-such-option'),
    ('--name demoregistry --repository a --require paint', 2, 'paint'),
    ('--timeout soon', 2, 'soon'),
    ('--name demoregistry --username me --password x --password-stdin', 1, '--password-stdin'),
    ('--name demoregistry --anonymous --username me', 1, '--anonymous'),
    ('--name demoregistry --anonymous --repository a --require pull push', 1, 'never allows push'),
    ('--name demoregistry --username= --password x', 1, 'not a user name'),
    ('--name demoregistry --username me --password=', 1, 'is empty'),
    ('--username me', 1, 'give --name too'),
    ('--name https://demoregistry.azurecr.io', 1, 'Use --name demoregistry.azurecr.io'),
    ('--name demoregistry.azurecr.cn', 1, 'az cloud set --name AzureChinaCloud'),
    ('--timeout nan', 1, 'from 1 to 120 seconds'),
    ('--repository samples/hello', 1, 'give --name too'),
    ('--name demoregistry --require pull', 1, 'give --repository too'),
    ('--skip heml', 1, 'container-pull'),
])
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(lab: Lab, args: str, status: int, said: str) -> None:
    run = check(lab, *args.split())
    assert (run.status, run.stdout) == (status, '')
    assert said in run.stderr and 'Traceback' not in run.stderr
    assert not lab.azure.journal(kind='http')


# The question, and the end

def at_terminal(lab: Lab, *args: str, **environment: str) -> pexpect.spawn[str]:
    """The command at a terminal, which sees everything but stdout."""
    command, environment = lab.az_command(*COMMAND, *args), {**lab.az_environment(), **environment}
    lab.azure.clear_journal()
    return lab.pty('/bin/sh', '-c', 'exec "$@" > report.json', 'sh', *command, env=environment)


def reported(lab: Lab, terminal: pexpect.spawn[str]) -> dict[str, Any]:
    """Its report, once it has ended well."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    report: dict[str, Any] = json.loads((lab.home / 'report.json').read_text('utf-8'))
    return report


@pytest.mark.parametrize('answer, status, reason', [('y', 'passed', None), ('n', 'skipped', 'requested')])
def test_the_question_comes_first_and_on_stderr(lab: Lab, answer: str, status: str, reason: str | None) -> None:
    terminal = at_terminal(lab, *REGISTRY, '--skip', 'helm')
    terminal.expect_exact(IMAGE)
    terminal.expect_exact('Proceed?')
    assert not lab.azure.journal(kind='http') and not lab.azure.journal(kind='connection')
    terminal.sendline(answer)
    report = reported(lab, terminal)
    assert (rows(report)['container-pull'], rows(report, 'skipReason')['container-pull']) == (status, reason)
    assert pulled(lab) == (answer == 'y')


def test_in_cloud_shell_this_machine_is_not_checked_and_nothing_asked(lab: Lab) -> None:
    report = reported(lab, at_terminal(lab, *REGISTRY, ACC_CLOUD='PROD'))
    for row in report['checks']:
        if row['category'] == 'environment':
            assert (row['status'], row['skipReason']) == ('skipped', 'not-applicable'), row['name']
            assert 'Cloud Shell' in row['message']
        elif row['name'] == 'docker-login':
            assert (row['status'], row['blockedBy']) == ('skipped', ['container-client'])
        else:
            assert row['status'] == ('skipped' if row['name'] in UNASKED else 'passed')


@pytest.mark.parametrize('number, status', [(signal.SIGINT, 1), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_ends_it_at_once_with_nothing_left(lab: Lab, number: signal.Signals, status: int) -> None:
    lab.azure.preset('http-silent')
    lab.azure.preset('mcr-silent')

    def seconds() -> float:
        with lab.popen(*lab.az_command(*COMMAND, *REGISTRY, '--yes'), env=lab.az_environment()) as process:
            deadline = time.monotonic() + 30
            while not any(' pull ' in command for command in lab.processes().values()) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(number)
            sent_at = time.monotonic()
            stdout, stderr = process.communicate(timeout=20)
            took = time.monotonic() - sent_at
        assert (process.returncode, stdout) == (status, '')
        assert 'Traceback' not in stderr
        assert not lab.processes()
        return took

    assert any(seconds() < 1 for _ in range(3))  # a busy machine may need more than one try


@pytest.mark.parametrize('seconds', [0.0, 0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3])
def test_an_interrupt_is_no_crash_whatever_is_under_way(lab: Lab, seconds: float) -> None:
    lab.azure.preset('http-silent')
    lab.azure.preset('mcr-silent')
    with lab.popen(*lab.az_command(*COMMAND, *REGISTRY, '--yes'), env=lab.az_environment()) as process:
        deadline = time.monotonic() + 30
        while not any('docker' in command for command in lab.processes().values()) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 1 and 'Traceback' not in stderr
