"""For all tests: in CI a skipped test is a failure, since nobody would notice it there. At the end stands what causes
were produced and named; here, since pytest-xdist asks no other conftest in the process that prints."""
import json
import os
import re
from typing import Any, Generator, TypeVar

import pytest

from tests.supplies import CHECKOUT

EXAMPLES = CHECKOUT / 'docs/examples.json'
# The directories of a lab as those of any machine.
PLACES = {r'/tmp/lab-\w+/bin\d+/': '/usr/local/bin/', r'/tmp/lab-\w+/home': '/home/demo', r'/tmp/lab-\w+': '/var/lib'}

Report = TypeVar('Report', pytest.TestReport, pytest.CollectReport)


def _strict(report: Report) -> Report:
    """The report; where CI=true says that this is CI, a skip becomes a failure with the same reason."""
    if os.environ.get('CI') == 'true' and report.skipped and not hasattr(report, 'wasxfail'):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = 'failed'
        report.longrepr = f'CI does not allow what happened here: {reason}'
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests that are skipped."""
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Whole modules that are skipped."""
    return _strict((yield))


def _properties(terminalreporter: pytest.TerminalReporter, wanted: str) -> list[Any]:
    return [value for reports in terminalreporter.stats.values() for report in reports
            for name, value in getattr(report, 'user_properties', ()) if name == wanted]


def _write_examples(found: list[dict[str, Any]]) -> None:
    # Of several the last one counts: one without the noise that some tools are made to print.
    found.sort(key=lambda example: (example['message'].isascii(), json.dumps(example)))
    text = json.dumps({example['cause']: example for example in found}, indent=1, sort_keys=True)
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
