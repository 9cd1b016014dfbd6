"""The report as a table that can be read at 120 columns."""

import textwrap
from typing import Any, Mapping

_WIDTH = 120


def as_table(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one row for each check; messages are wrapped so that the table is no wider than 120 columns."""
    rows = [{'Check': check['name'], 'Status': check['status'], 'ErrorCode': check['errorCode'] or ''}
            for check in report['checks']]
    # tabulate, by which az prints it, makes a column wider than its name by two.
    taken = sum(2 + max(len(column) + 2, *(len(row[column]) for row in rows)) for column in rows[0])
    for row, check in zip(rows, report['checks']):
        row['Message'] = '\n'.join(textwrap.wrap(check['message'], _WIDTH - taken, break_on_hyphens=False))
    return rows
