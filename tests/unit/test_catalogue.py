"""The catalogue is whole: each code has a class and causes, each cause can be said, whatever evidence there is."""

import importlib.util
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrhealth.causes import Cause, catalogue, explain, fields
from azext_acrhealth.errors import ERRORS, HealthCheckError

CAUSES = list(catalogue().values())

# Microsoft's "Health check error reference": the 13 codes of July 2019 and those that later editions added.
DOCUMENTED = {
    'DOCKER_COMMAND_ERROR', 'DOCKER_DAEMON_ERROR', 'DOCKER_VERSION_ERROR', 'DOCKER_PULL_ERROR', 'HELM_COMMAND_ERROR',
    'HELM_VERSION_ERROR', 'CONNECTIVITY_DNS_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR', 'CONNECTIVITY_CHALLENGE_ERROR',
    'CONNECTIVITY_AAD_LOGIN_ERROR', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', 'CONNECTIVITY_ACCESS_TOKEN_ERROR',
    'LOGIN_SERVER_ERROR', 'CONNECTIVITY_SSL_ERROR', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', 'CMK_ERROR'}


def test_each_documented_code_has_a_class_of_its_own_that_links_to_the_reference() -> None:
    assert DOCUMENTED == {code for code, cls in ERRORS.items() if cls.documented}
    for code in DOCUMENTED:
        assert ERRORS[code].link() == f'https://aka.ms/acr/errors#{code.lower()}'


@pytest.mark.parametrize('cls', ERRORS.values())
def test_a_class_is_named_like_its_code_and_derives_from_a_concrete_type_of_az(cls: type[HealthCheckError]) -> None:
    from azure.cli.core import azclierror
    assert cls.__name__.upper() == cls.code.replace('_', '')
    abstract = {azclierror.AzCLIError, azclierror.UserFault, azclierror.ServiceError, azclierror.ClientError}
    assert set(cls.__bases__) - {HealthCheckError} - abstract
    assert not issubclass(cls, azclierror.ResourceNotFoundError), 'az would exit with status 3'


def test_each_code_has_a_cause_and_each_cause_has_codes() -> None:
    assert {code for cause in CAUSES for code in cause.codes} == set(ERRORS)
    assert all(cause.codes for cause in CAUSES)


@pytest.mark.parametrize('cause', CAUSES, ids=lambda cause: cause.id)
def test_a_cause_is_well_formed(cause: Cause) -> None:
    assert re.fullmatch(r'[a-z0-9]+(-[a-z0-9]+)*', cause.id)
    for text in (cause.sentence, cause.remedy, *cause.commands):
        assert text == text.strip() and '  ' not in text and '\n' not in text
        left = re.sub(r'\{[a-z][a-z0-9_]*\}', '', text)
        assert '{' not in left.replace('{{', '') or text in cause.commands
        assert text.count('[') == text.count(']')
    assert not cause.sentence.endswith('.') and cause.remedy


@pytest.mark.parametrize('cause', CAUSES, ids=lambda cause: cause.id)
def test_a_cause_can_be_said_without_any_evidence(cause: Cause) -> None:
    advice = explain(cause.id, {})
    assert advice.message and '[' not in advice.message
    assert all(not fields(template) for template in cause.commands if template in advice.commands)


@given(st.sampled_from(CAUSES), st.text(min_size=1, max_size=50))
def test_evidence_cannot_write_commands_or_lines(cause: Cause, hostile: str) -> None:
    names = set().union(*(fields(text) for text in (cause.sentence, cause.remedy, *cause.commands)))
    advice = explain(cause.id, {name: f'$(reboot);\n{hostile}' for name in names})
    for text in (advice.message, advice.solution, *advice.commands):
        assert text.isprintable() and '\n' not in text
    for template, command in zip(cause.commands, advice.commands):
        if fields(template):
            assert "'$(reboot);" in command


def test_a_command_that_names_what_nobody_established_is_left_out() -> None:
    assert explain('registry-firewall', {'registry': 'contosoprod'}).commands == []
    assert explain('registry-firewall', {'registry': 'contosoprod', 'client_address': '203.0.113.77'}).commands == [
        'az acr network-rule add --name contosoprod --ip-address 203.0.113.77']


def test_checks_that_fail_at_the_same_moment_all_get_their_cause() -> None:
    spec = importlib.util.find_spec('azext_acrhealth.causes')
    assert spec and spec.loader
    moment = threading.Barrier(4)

    def said(fresh: Any) -> bool:
        moment.wait()
        return bool(fresh.explain(CAUSES[-1].id, {}).message)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(500):
                unused = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(unused)
                assert all(pool.map(said, [unused] * 4))
    finally:
        sys.setswitchinterval(usual)
