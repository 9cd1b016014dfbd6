"""Starts the local Azure: `python -m tests.local_azure --state DIR [--fault NAME ...]`, inside a prepared namespace.

Prints one line, "ready", when every door is open; ends on SIGTERM or SIGINT. `--list` prints the presets instead.
"""
import argparse
import asyncio
import signal
from pathlib import Path
from typing import List

from . import control
from .azure import Azure
from .presets import PRESETS


async def run(state: Path, faults: List[str]) -> None:
    """Runs until told to stop."""
    azure = Azure(state)
    await azure.start()
    await control.serve(azure, state)
    for name in faults:
        azure.do_preset(name)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print('ready', flush=True)
    await stop.wait()
    await azure.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog='python -m tests.local_azure', description=__doc__)
    parser.add_argument('--state', type=Path, help='directory for certificates, registry data, log and control socket')
    parser.add_argument('--fault', action='append', default=[], choices=sorted(PRESETS), metavar='NAME',
                        help='a preset to start with')
    parser.add_argument('--list', action='store_true', help='print all presets and end')
    arguments = parser.parse_args()
    if arguments.list:
        for name, (description, _) in PRESETS.items():
            print(f'{name:28} {description}')
    elif arguments.state:
        asyncio.run(run(arguments.state, arguments.fault))
    else:
        parser.error('--state is needed')


if __name__ == '__main__':
    main()
