"""One root cause as a test: what is broken, what the real az must then say, and a near miss that stays healthy."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab import Environment, Lab, Run

#: What a case does to the lab; it may return what az is to have in its environment.
Arrange = Callable[[Lab], Environment | None]


@dataclass(frozen=True)
class Case:  # pylint: disable=too-many-instance-attributes
    """A root cause that the report must name first, with what it must be proved by and answered with.

    `evidence` are texts that must stand in the message or details of the cause's checks, `remedy` one that must stand
    in its solution or commands. A case with `code` None is healthy: nothing may fail, and `cause` is a warning or None.
    `seconds` bounds the run. `source` is where the case was met: an id of a field report, or a document.
    """

    id: str
    arrange: Arrange
    cause: str | None
    code: str | None
    evidence: Sequence[str] = ()
    remedy: str = ''
    args: Sequence[str] = ()
    registry: str | None = 'demoregistry'
    environment: bool = False
    seconds: float = 30
    others: Sequence[str] = ()

    def command(self) -> list[str]:
        """The arguments of az. Without `environment` only the registry is checked."""
        name = ['--name', self.registry] if self.registry else []
        skip = [] if self.environment or not self.registry else ['--skip', 'environment']
        return ['acr', 'check-health-ext', '--yes', '--output', 'json', *name, *skip, *self.args]


def preset(*names: str) -> Arrange:
    """Breaks what these presets of the local Azure break."""
    def arrange(lab: Lab) -> None:
        for name in names:
            lab.azure.preset(name)
    return arrange


def prove(lab: Lab, case: Case, request: pytest.FixtureRequest) -> Run:
    """Breaks what the case breaks, runs az, and holds the answer against the case; returns the run for more."""
    env = case.arrange(lab) or {}
    run = lab.az(*case.command(), env=env, timeout=case.seconds + 30)
    report = run.report
    row = report['rootCauses'][0] if report['rootCauses'] else {}
    request.node.user_properties.append(('cause', (case.id, row.get('errorCode', ''), row.get('cause', 'healthy'),
                                                   round(run.seconds, 1), row.get('message', ''))))
    said = f'{run.stdout}\n{run.stderr}'
    assert 'Traceback' not in said
    assert run.seconds <= case.seconds
    for secret in lab.azure.secrets():
        assert secret not in said
    if case.code is None:
        assert (run.status, report['summary']['failed']) == (0, 0), said
        assert row.get('cause') == case.cause, said
    else:
        assert (run.status, row.get('errorCode'), row.get('cause')) == (1, case.code, case.cause), said
        assert f'ERROR: {case.code}: ' in run.stderr and f'See {row["link"]}' in run.stderr
    _hold(case, report, row)
    assert [cause['cause'] for cause in report['rootCauses'][1:]] == list(case.others), said
    return run


def _hold(case: Case, report: dict[str, Any], row: dict[str, Any]) -> None:
    """Holds evidence and remedy of the first root cause against the case."""
    checks = [check for check in report['checks'] if check['name'] in row.get('checks', ())]
    shown = json.dumps([row, [[check['message'], check['details']] for check in checks]], ensure_ascii=False)
    for evidence in case.evidence:
        assert evidence in shown
    assert case.remedy in ' '.join([row.get('solution') or '', *row.get('commands', ())])
