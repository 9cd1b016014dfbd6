"""End-to-end tests: each worker has a lab, and each test finds it as new."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import Lab, LabError
from tests.supplies import CHECKOUT

EXAMPLES = CHECKOUT / 'docs/examples.json'
# The directories of a lab as those of any machine.
PLACES = {r'/tmp/lab-\w+/bin\d+/': '/usr/local/bin/', r'/tmp/lab-\w+/home': '/home/demo', r'/tmp/lab-\w+': '/var/lib'}


@pytest.fixture(scope='session')
def _lab() -> Iterator[Lab]:
    try:
        made = Lab()
    except LabError as ex:
        pytest.skip(str(ex))
    with made:
        yield made


@pytest.fixture
def lab(_lab: Lab) -> Lab:
    """A healthy machine: signed in to a healthy local Azure, with docker, its daemon and helm."""
    _lab.heal()
    _lab.daemon.ensure()
    _lab.profile()  # signs in, before a test breaks what that takes
    return _lab


def _properties(terminalreporter: pytest.TerminalReporter, wanted: str) -> list[Any]:
    return [value for reports in terminalreporter.stats.values() for report in reports
            for name, value in getattr(report, 'user_properties', ()) if name == wanted]


def _write_examples(found: list[dict[str, Any]]) -> None:
    text = json.dumps({example['cause']: example for example in sorted(found, key=json.dumps, reverse=True)},
                      indent=1, sort_keys=True)
    for place, usual in PLACES.items():
        text = re.sub(place, usual, text)
    EXAMPLES.write_text(text + '\n', encoding='utf-8')


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a table of the causes that were produced and named."""
    if os.environ.get('RECORD_EXAMPLES'):  # make examples
        _write_examples(_properties(terminalreporter, 'example'))
    rows = sorted(set(_properties(terminalreporter, 'cause')))
    if not rows:
        return
    causes = {cause for _, _, cause, _, _ in rows} - {'healthy'}
    terminalreporter.section(f'{len(rows)} cases of {len(causes)} causes')
    for case, code, cause, seconds, message in rows:
        terminalreporter.write_line(f'{case:38} {code:34} {cause:30} {seconds:5} s  {message[:90]}')
