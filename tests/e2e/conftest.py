"""End-to-end tests: each worker has a lab, and each test finds it as new."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import Lab, LabError


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a table of the causes that were produced and named."""
    rows = sorted({value for reports in terminalreporter.stats.values() for report in reports
                   for name, value in getattr(report, 'user_properties', ()) if name == 'cause'})
    if not rows:
        return
    causes = {cause for _, _, cause, _, _ in rows} - {'healthy'}
    terminalreporter.section(f'{len(rows)} cases of {len(causes)} causes')
    for case, code, cause, seconds, message in rows:
        terminalreporter.write_line(f'{case:38} {code:34} {cause:30} {seconds:5} s  {message[:90]}')
