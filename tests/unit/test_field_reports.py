"""Each field report is the name of an end-to-end test, or stands in the table of those that cannot be one."""
import re
from pathlib import Path

import pytest

from tests.e2e.field_not_reproduced import NOT_REPRODUCED

ROOT = Path(__file__).resolve().parents[2]
REPORTS = re.findall('^[*] ``([a-e]-[a-z0-9-]+)``', (ROOT / 'docs/field-reports.rst').read_text('utf-8'), re.MULTILINE)
# This machine's tools (a), pulls, names and connections (b), Helm (c), tokens (d).
TO_BE_REPRODUCED = [report for report in REPORTS if report[0] in 'abcd']
TESTS = ''.join(path.read_text('utf-8') for path in (ROOT / 'tests/e2e').glob('test_*.py'))


@pytest.mark.parametrize('report', TO_BE_REPRODUCED)
def test_a_report_is_reproduced_or_it_is_said_why_not(report: str) -> None:
    assert (f"'{report}'" in TESTS) != (report in NOT_REPRODUCED)


def test_the_table_has_nothing_else() -> None:
    assert set(NOT_REPRODUCED) <= set(REPORTS) and len(TO_BE_REPRODUCED) == 73
