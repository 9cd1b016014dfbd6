"""`make lab`: a shell in a lab, where az is signed in to the local Azure and `az acr check-health-ext` works.

`python -m tests.shell [FAULT]`; a fault is one of `tests/local_azure/presets.py`. What is not typed at a terminal but
piped in is run like a script, and its exit status becomes this one's.
"""
from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

from tests import supplies
from tests.lab import Lab, LabError
from tests.local_azure.presets import PRESETS
from tests.prerequisites import SYSTEM_PATH

PROMPT = r'\[\e[1m\](lab{fault})\[\e[0m\] \$ '


def main() -> int:
    """Runs the shell to its end."""
    fault = sys.argv[1] if len(sys.argv) > 1 else ''
    if fault and fault not in PRESETS:
        print(f'There is no fault {fault}. There are:', file=sys.stderr)
        for name, (what, _) in PRESETS.items():
            print(f'  {name:26} {what}', file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is left in good order
    try:
        with Lab() as lab:
            lab.daemon.start()
            if fault:
                lab.azure.preset(fault)
            return shell(lab, fault)
    except (LabError, KeyboardInterrupt) as ex:
        print(ex, file=sys.stderr)
        return 1


def shell(lab: Lab, fault: str) -> int:
    """The exit status of a bash whose commands come from the terminal or from a pipe."""
    tools = lab.tools(az=supplies.az('newest'))
    environment = lab.environment(**lab.az_environment(), PATH=f'{tools}:{SYSTEM_PATH}',
                                  PS1=PROMPT.format(fault=fault and f': {fault}'))
    if sys.stdin.isatty():
        print(f"A machine where Azure is local, and {PRESETS[fault][0] if fault else 'healthy'}. Try:\n"
              '  az acr check-health-ext --name demoregistry --yes --output table\nLeave with exit.')
    with subprocess.Popen(lab.command('bash', '--norc'), env=environment) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C is for what runs in the shell
                return process.wait()


if __name__ == '__main__':
    sys.exit(main())
