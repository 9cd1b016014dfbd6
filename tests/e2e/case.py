"""One root cause as a test: what is broken, what the real az must then say, and a near miss that stays healthy."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab import Environment, Lab, Run
from tests.local_azure import names, presets

#: What a case does to the lab; it may return what az is to have in its environment.
Arrange = Callable[[Lab], Environment | None]
Command = Mapping[str, Any]
R = presets.R


@dataclass(frozen=True)
class Case:
    """A root cause that the report must name first, with what it must be proved by and answered with.

    `evidence` are texts that must stand in the message or details of the cause's checks (without a cause, of any), and
    `remedy` one in its solution or commands. A case with `code` None is healthy: nothing may fail, and `cause` is a
    warning or None.
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


def preset(*given: str) -> Arrange:
    """Breaks what these presets of the local Azure break."""
    def arrange(lab: Lab) -> None:
        for name in given:
            lab.azure.preset(name)
    return arrange


#: For cases that wait for their deadlines: with this timeout nothing may take longer (issue 9).
SOON: Mapping[str, Any] = {'args': ('--timeout', '2'), 'seconds': 6}


def _fault(layer: str, host: str) -> Callable[..., Command]:
    def fault(**options: Any) -> Command:
        return {'layer': layer, 'host': host, **options}
    return fault


# Faults of the layers (faults.py), of the registry unless they name another host; and of the sign-in service and
# Resource Manager.
DNS, TCP, TLS, HTTP, PROXY = (_fault(layer, host) for layer, host in [
    ('dns', R), ('tcp', R), ('tls', R), ('http', R), ('proxy', '*')])
ENTRA, ARM = _fault('http', names.CLOUDS[0].entra), _fault('http', names.CLOUDS[0].resource_manager)


def REGISTRY(**settings: Any) -> Command:  # pylint: disable=invalid-name
    """Settings of the registry."""
    return {'do': 'registry', 'name': 'demoregistry', **settings}


def broken(*what: str | Command | Arrange, **environment: str | None) -> Arrange:
    """Breaks all of these: presets by name, commands of the local Azure (a fault where `do` is missing), functions.

    What is named is for az's environment.
    """
    def arrange(lab: Lab) -> Environment:
        found: dict[str, str | None] = {}
        for one in what:
            if isinstance(one, str):
                lab.azure.preset(one)
            elif isinstance(one, Mapping):
                command = dict(one)
                getattr(lab.azure, command.pop('do', 'fault'))(**command)
            else:
                found.update(one(lab) or {})
        return {**found, **environment}
    return arrange


def system(lab: Lab, *command: str) -> None:
    """Runs a program of the system, as root of the lab."""
    done = lab.run('/usr/bin/env', 'PATH=/usr/sbin:/sbin:/usr/bin:/bin', *command)
    assert done.status == 0, done.stderr


def prove(lab: Lab, case: Case, request: pytest.FixtureRequest) -> Run:
    """Breaks what the case breaks, runs az, and holds the answer against the case; returns the run for more."""
    lab.profile()  # signs in while that still works
    env = case.arrange(lab) or {}
    run = lab.az(*case.command(), env=env, timeout=case.seconds + 30)
    report = run.report
    row = report['rootCauses'][0] if report['rootCauses'] else {}
    request.node.user_properties.append(('cause', (case.id, row.get('errorCode', ''), row.get('cause', 'healthy'),
                                                   round(run.seconds, 1), row.get('message', ''))))
    if row:
        example = {key: row[key] for key in ('cause', 'errorCode', 'message', 'commands')}
        request.node.user_properties.append(('example', example))
    said = f'{run.stdout}\n{run.stderr}'
    assert 'Traceback' not in said
    assert report['durationMs'] <= 1000 * case.seconds
    # Where other processes want this machine's cores too, az itself takes that much longer to start and to end.
    assert run.seconds <= case.seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
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
    checks = [check for check in report['checks'] if not row or check['name'] in row['checks']]
    shown = json.dumps([row, [[check['message'], check['details']] for check in checks]], ensure_ascii=False)
    for evidence in case.evidence:
        assert evidence in shown, f'{evidence} is not in {shown}'
    advice = ' '.join([row.get('solution') or '', *row.get('commands', ())])
    assert case.remedy in advice, f'{case.remedy} is not in {advice}'
