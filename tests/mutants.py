"""Mutation testing: whether the unit tests notice a change in the code that decides. ``setup.cfg`` says which code.

Prints for each file how many of its mutants the tests killed; fails where too many survive.
"""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATE = ROOT / '.cache' / 'mutants'
LEAST = 85
PROCESSES = 2


def main() -> int:
    """Return the exit status."""
    # mutmut keeps what it knows beside the code, which here is a view of it, and does not see that a test has changed.
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    for name in ('azext_acrhealth', 'tests', 'setup.cfg'):
        (STATE / name).symlink_to(ROOT / name)
    mutmut = Path(sys.executable).with_name('mutmut')
    subprocess.run([mutmut, 'run', '--max-children', str(PROCESSES)], cwd=STATE, check=True)
    return show(subprocess.check_output([mutmut, 'results', '--all', 'true'], cwd=STATE, text=True))


def show(listing: str) -> int:
    """Print the table for a list of mutants, each ``module.function: what became of it``; return the exit status."""
    outcomes: dict[str, Counter[str]] = {}
    for line in listing.splitlines():
        mutant, _, outcome = line.strip().partition(': ')
        outcomes.setdefault(mutant.rpartition('.')[0], Counter())[outcome] += 1
    print(f'{"":36}killed  survived  timed out  share')
    enough = bool(outcomes)
    for module, found in outcomes.items():
        survived = found.total() - found['killed'] - found['timeout']
        share = 100 * (found['killed'] + found['timeout']) / found.total()
        enough = enough and share >= LEAST
        print(f'{module:36}{found["killed"]:6}{survived:10}{found["timeout"]:11}{share:6.1f}%')
    if not enough:
        print(f'At least {LEAST}% must be killed or time out. In {STATE}: mutmut browse, or mutmut results')
    return 0 if enough else 1


if __name__ == '__main__':
    sys.exit(main())
