"""For all tests: in CI a skipped test is a failure, since nobody would notice it there."""
import os
from typing import Generator, TypeVar

import pytest

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
