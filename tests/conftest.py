"""For all tests: in CI a skipped test is a failure, since nobody would notice it there."""
import os
from typing import Any, Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip into a failure with the same reason, where CI=true says that this is CI."""
    report = yield
    if os.environ.get('CI') == 'true' and report.skipped and not hasattr(report, 'wasxfail'):
        reason: Any = report.longrepr
        report.outcome = 'failed'
        report.longrepr = f'Skipped, which CI does not allow: {reason[2] if isinstance(reason, tuple) else reason}'
    return report
