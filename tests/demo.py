"""`make demo`: the command against the local Azure, healthy and with one fault, and what the local Azure saw of it."""
from __future__ import annotations

import signal
import sys
from typing import Any

from tests import supplies
from tests.lab import Lab, LabError, Run

REGISTRY = 'demoregistry'
HOST = f'{REGISTRY}.azurecr.io'
COMMAND = ['acr', 'check-health-ext', '--name', REGISTRY, '--yes']
OWN = '''
To run it against a registry of your own, with your own az:
  az extension add --source {wheel}
  az login
  az acr check-health-ext --name YOURREGISTRY --yes --output table
'''


def main() -> int:
    """The exit status: 0 if both reports say what the local Azure saw."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab is left in good order
    try:
        return demonstrate()
    except LabError as ex:
        print(ex, file=sys.stderr)
    except KeyboardInterrupt:
        print('Interrupted', file=sys.stderr)
    return 1


def demonstrate() -> int:
    """Shows the two tables, checks the two reports, and tells how to go on."""
    print('Starting a machine whose Azure is local: sign-in, Resource Manager, registry, Docker daemon', flush=True)
    supplies.extension('newest')
    with Lab() as lab:
        lab.daemon.start()
        print('\nEverything is healthy:\n')
        healthy, asked = show(lab)
        wrong = differences(healthy, asked, {
            'status': 'passed', 'causes': [], 'challenge': 401, 'exchange': 200, 'access token': 200})
        print("\nNow the registry's firewall is closed to this machine:\n")
        lab.azure.preset('firewall')
        broken, asked = show(lab)
        wrong += differences(broken, asked, {
            'status': 'failed', 'causes': ['registry-firewall'], 'challenge': 403, 'exchange': None,
            'access token': None})
    for line in wrong:
        print(f'The report and the journal of the local Azure disagree: {line}', file=sys.stderr)
    if not wrong:
        print('\nBoth reports say what the local Azure saw: see its journal in tests/local_azure/journal.py.')
        print(OWN.format(wheel=supplies.publish()))
    return 1 if wrong else 0


def show(lab: Lab) -> tuple[Run, list[dict[str, Any]]]:
    """Runs the command for a person to read; the same once more for its report, and what was asked meanwhile."""
    print('$ az', *COMMAND, '--output table')
    shown = lab.az(*COMMAND, '--output', 'table')
    print(shown.stdout + shown.stderr + f'$ echo $?\n{shown.status}', flush=True)
    lab.azure.clear_journal()
    return lab.az(*COMMAND, '--output', 'json'), lab.azure.journal(kind='http')


def differences(run: Run, asked: list[dict[str, Any]], expected: dict[str, Any]) -> list[str]:
    """What of the expected is not so, as sentences."""
    answers = {(entry['host'], entry['path'].partition('?')[0]): entry.get('status') for entry in asked}
    found = {'status': run.report['status'],
             'causes': [cause['cause'] for cause in run.report['rootCauses']],
             'challenge': answers.get((HOST, '/v2/')),
             'exchange': answers.get((HOST, '/oauth2/exchange')),
             'access token': answers.get((HOST, '/oauth2/token'))}
    return [f'{name}: {found[name]} instead of {value}' for name, value in expected.items() if found[name] != value]


if __name__ == '__main__':
    sys.exit(main())
