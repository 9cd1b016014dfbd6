"""The report: its schema refuses what it must not say, and what strangers wrote is plain when it gets in."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import azext_acrhealth
from azext_acrhealth.report import FAILED, PASSED, SCHEMA_VERSION, SKIPPED, WARNING, CheckResult, Report, RootCause, \
    as_printed, count, evidence, plain, status_of

SCHEMA = json.loads(Path(azext_acrhealth.__file__).with_name('report.schema.json').read_text('utf-8'))
LINK = 'https://aka.ms/acr/errors#connectivity_dns_error'
GOOD = CheckResult('network', 'tls', PASSED, 'TLS 1.3', registry='contosoprod')
BAD = CheckResult('network', 'dns', FAILED, 'No such name', error_code='CONNECTIVITY_DNS_ERROR', cause='dns-nxdomain',
                  solution='Check the spelling.', commands=['nslookup x'], link=LINK, details={'servers': ['10.0.0.1']})
UNEASY = BAD._replace(status=WARNING, name='challenge')
LEFT_OUT = CheckResult('sign-in', 'access-token', SKIPPED, 'Needs dns, which failed', skip_reason='needs',
                       blocked_by=['dns'])
UNWANTED = CheckResult('environment', 'helm', SKIPPED, 'Skipped by request', skip_reason='requested')
ALL = [GOOD, BAD, UNEASY, LEFT_OUT, UNWANTED]
CAUSE = RootCause('dns-nxdomain', 'CONNECTIVITY_DNS_ERROR', 'contosoprod', ['dns'], 'No such name', None, [], LINK)
ENVIRONMENT: dict[str, Any] = {
    'azureCli': '2.91.0', 'extension': '1.0.0', 'python': '3.11.7', 'os': 'Linux 6', 'cloud': 'AzureCloud',
    'subscriptionId': None, 'identity': None, 'proxy': None, 'nameServers': [], 'caBundle': None}


def report(*results: CheckResult, causes: list[RootCause] | None = None) -> Any:
    """A report with these checks, as az prints it."""
    return json.loads(json.dumps(as_printed(Report(
        SCHEMA_VERSION, status_of(results), [CAUSE] if causes is None else causes,
        [{'name': 'contosoprod', 'loginServer': None, 'resourceId': None, 'location': None, 'sku': None}],
        ENVIRONMENT, count(results), '2026-01-02T03:04:05.678Z', 1234, list(results)))))


def valid(document: Any) -> bool:
    """Whether the schema that the package ships allows it."""
    return bool(jsonschema.validators.validator_for(SCHEMA)(SCHEMA).is_valid(document))


def test_the_schema_is_a_schema_and_allows_what_the_records_say() -> None:
    jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)
    document = report(*ALL)
    jsonschema.validate(document, SCHEMA)
    assert document['summary'] == {'passed': 1, 'warning': 1, 'failed': 1, 'skipped': 2}
    assert document['checks'][3]['blockedBy'] == ['dns']


@pytest.mark.parametrize('wrong', [
    BAD._replace(error_code=None), BAD._replace(cause=None), BAD._replace(link=None), UNEASY._replace(cause=None),
    GOOD._replace(error_code='CONNECTIVITY_DNS_ERROR'), GOOD._replace(cause='dns-nxdomain'),
    GOOD._replace(skip_reason='needs'), GOOD._replace(blocked_by=['dns']), LEFT_OUT._replace(skip_reason=None),
    LEFT_OUT._replace(blocked_by=[]), LEFT_OUT._replace(skip_reason='bored'), GOOD._replace(status='fine'),
    GOOD._replace(category='misc'), GOOD._replace(name='Tls'), BAD._replace(cause='DNS_NXDOMAIN'),
    BAD._replace(error_code='dns'), GOOD._replace(message=''), GOOD._replace(message='two\nlines'),
    GOOD._replace(message='\x1b[31mred'), BAD._replace(commands=['one\ntwo']), GOOD._replace(duration_ms=-1)])
def test_the_schema_refuses_a_check(wrong: CheckResult) -> None:
    assert valid(report(GOOD))
    assert not valid(report(wrong))


@pytest.mark.parametrize('wrong', [
    CAUSE._replace(cause='Firewall'), CAUSE._replace(error_code='FIREWALL'), CAUSE._replace(checks=[]),
    CAUSE._replace(message=''), CAUSE._replace(link='http://aka.ms/acr')])
def test_the_schema_refuses_a_root_cause(wrong: RootCause) -> None:
    assert not valid(report(BAD, causes=[wrong]))


def _without(document: Any, key: str) -> Any:
    return {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize('key', SCHEMA['required'])
def test_every_field_of_the_contract_is_required(key: str) -> None:
    assert not valid(_without(report(GOOD), key))


def test_each_field_of_a_record_is_required_by_the_schema() -> None:
    document = report(*ALL)
    assert set(document) == set(SCHEMA['required'])
    assert set(document['checks'][0]) == set(SCHEMA['$defs']['check']['required'])
    assert set(document['rootCauses'][0]) == set(SCHEMA['$defs']['rootCause']['required'])
    assert not valid({**document, 'environment': _without(ENVIRONMENT, 'identity')})


@pytest.mark.parametrize('results, status', [
    ([GOOD, LEFT_OUT], PASSED), ([GOOD, UNEASY], WARNING), ([UNEASY, BAD, GOOD], FAILED), ([], PASSED)])
def test_the_worst_status_is_the_reports(results: list[CheckResult], status: str) -> None:
    assert status_of(results) == status


@pytest.mark.parametrize('given_, shown', [
    ('one\ntwo\r\n\tthree', 'one two three'),
    ('\x1b[31;1mred\x1b[0m', 'red'),
    ('\x1b]0;title\x07text', 'text'),
    ('\x1b]8;;https://evil.example\x1b\\link', 'link'),
    ('a\x00b\x07c\x9bd', 'a b c d'),
    ('right\u202eleft', 'right left'),
    ('lone \ud83d surrogate', 'lone surrogate'),
    ('Zürich 東京', 'Zürich 東京'),
    (b'bytes', "b'bytes'"),
    ('http://user:pass' + 'word@proxy:3128', 'http://***@proxy:3128'),
])
def test_plain_text(given_: object, shown: str) -> None:
    assert plain(given_) == shown


@given(st.text(st.characters(exclude_categories=[])), st.integers(2, 50))
def test_plain_text_is_one_printable_line_of_bounded_length(given_: str, longest: int) -> None:
    shown = plain(given_, longest)
    assert len(shown) <= longest and (shown.isprintable() or not shown)
    shown.encode()


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, children), default=0)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner), max_leaves=30)


@given(ANYTHING)
def test_evidence_is_json_of_bounded_depth(value: Any) -> None:
    shown = evidence(value)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert _depth(shown) <= 8


def test_evidence_has_bounds() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert _depth(evidence(endless)) <= 8
    assert len(evidence(list(range(10_000)))) == len(evidence({n: n for n in range(10_000)})) == 100
    assert len(evidence('x' * 1_000_000)) == 1000
    assert evidence(float('nan')) is None
    assert evidence({'token': 'eyJhbGciOiJSUzI1NiIs.eyJhdWQi.c2ln'}) == {'token': '***'}
