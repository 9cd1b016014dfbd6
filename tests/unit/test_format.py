"""The table: one row for each check, at most 120 columns, nothing lost."""
from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from knack.output import format_table
from knack.util import CommandResultItem

from azext_acrhealth._format import as_table
from azext_acrhealth.checks import ALL
from azext_acrhealth.errors import ERRORS

LONGEST_CODE = max(ERRORS, key=len)
WORDS = st.text(st.characters(categories=['L', 'N', 'P']), min_size=1, max_size=200)


def check(name: str = 'dns', status: str = 'passed', code: str | None = None, message: str = 'Good') -> dict[str, Any]:
    """A check as the report has it, as far as the table shows it."""
    return {'name': name, 'status': status, 'errorCode': code, 'message': message}


def printed(*checks: dict[str, Any]) -> list[str]:
    """The table as az prints it."""
    item = CommandResultItem({'checks': list(checks)}, table_transformer=as_table, is_query_active=False)
    return str(format_table(item)).splitlines()


def test_columns_and_rows() -> None:
    header, _, passed, failed = printed(
        check(), check('tls', 'failed', 'CONNECTIVITY_SSL_ERROR', 'The certificate has expired'))
    assert header.split() == ['Check', 'Status', 'ErrorCode', 'Message']
    assert passed.split() == ['dns', 'passed', 'Good']
    assert failed.split(maxsplit=3) == ['tls', 'failed', 'CONNECTIVITY_SSL_ERROR', 'The certificate has expired']


@given(st.lists(WORDS, min_size=1, max_size=30))
def test_no_line_is_wider_than_120_columns_and_nothing_is_lost(words: list[str]) -> None:
    name = max((one.name for one in ALL), key=len)
    lines = printed(check(name, 'failed', LONGEST_CODE, ' '.join(words)))
    assert max(map(len, lines)) <= 120
    start = lines[0].index('Message')
    assert ''.join(''.join(line[start:] for line in lines[2:]).split()) == ''.join(words)


def test_commands_are_not_broken_at_their_hyphens() -> None:
    command = 'az acr network-rule add --name contosoprod --ip-address 203.0.113.77'
    lines = printed(check('challenge', 'failed', LONGEST_CODE, f'{"Refused: " * 5}{command}'))
    assert not [line for line in lines if line.endswith('-') and not line.startswith('-')]


def test_details_stay_out_of_the_table() -> None:
    rows = as_table({'checks': [{**check(), 'details': {'host': 'contosoprod.azurecr.io'}, 'commands': ['az login']}]})
    assert rows == [{'Check': 'dns', 'Status': 'passed', 'ErrorCode': '', 'Message': 'Good'}]
