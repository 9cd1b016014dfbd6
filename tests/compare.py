"""`make compare`: what this command and the built-in `az acr check-health` say of the same cases, side by side.

`python -m tests.compare [PATTERN]`: only the cases whose id holds the pattern.
"""
from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.case import Case
from tests.lab import Environment, Lab

# The built-in waits for ever for some servers and tools; after this long it is given up.
PATIENCE = 40
WIDTH = 58


def cases(pattern: str) -> Iterator[Case]:
    """All cases of the end-to-end tests whose id holds the pattern."""
    for path in sorted(Path(__file__).with_name('e2e').glob('test_*.py')):
        for case in getattr(importlib.import_module(f'tests.e2e.{path.stem}'), 'CASES', ()):
            if isinstance(case, Case) and pattern in case.id:
                yield case


def ours(lab: Lab, case: Case, env: Environment) -> str:
    """The root causes that this command names."""
    run = lab.az(*case.command(), env=env)
    causes = [f'{cause["errorCode"]} {cause["cause"]}: {cause["message"]}' for cause in run.report['rootCauses']]
    return '\n'.join(causes or ['healthy']) + f'\n({run.seconds:.1f} s, exit status {run.status})'


def built_in(lab: Lab, case: Case, env: Environment) -> str:
    """What the built-in prints of it, without what it says to be well."""
    args = list(case.args)
    shared = [part for option in ('--repository', '--vnet') if option in args for part in args[args.index(option):][:2]]
    name = ['--name', case.registry] if case.registry else []
    try:
        run = lab.az('acr', 'check-health', '--yes', '--ignore-errors', *name, *shared, env=env, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f'(nothing within {PATIENCE} s)'
    lines = [line for line in run.stderr.splitlines()
             if line.strip() and not line.endswith(': OK') and ' version: ' not in line
             and 'Please refer to' not in line and ': available' not in line]
    return '\n'.join(lines[:8] or ['healthy']) + f'\n({run.seconds:.1f} s, exit status {run.status})'


def side_by_side(left: str, right: str) -> None:
    """Prints two texts beside each other."""
    columns = [[part for line in text.splitlines() for part in textwrap.wrap(line, WIDTH) or ['']]
               for text in (left, right)]
    for number in range(max(map(len, columns))):
        cells = [column[number] if number < len(column) else '' for column in columns]
        print(f'  {cells[0]:{WIDTH}} | {cells[1]}')


def main() -> int:
    """Runs the cases one after the other."""
    with Lab() as lab:
        for case in cases(sys.argv[1] if len(sys.argv) > 1 else ''):
            answers = []
            for ask in (ours, built_in):
                lab.heal()
                lab.daemon.ensure()
                lab.profile()
                answers.append(ask(lab, case, case.arrange(lab) or {}))
            print(f'\n{case.id}')
            side_by_side(answers[0], answers[1])
            sys.stdout.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
