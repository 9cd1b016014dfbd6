"""Whether there is a Helm client that is new enough."""

import re
import sys
from typing import Any, Mapping, NamedTuple, Sequence

from ..clients import Deadline, process
from ..clients.process import Completed, NotRun
from ..errors import HealthCheckError, HelmCommandError, HelmVersionError
from ..runner import Check, Found
from .tools import failed_run, outside_cloud_shell, reason, searched, time_for, unrunnable, warnings

#: The oldest version that the reference of the built-in command accepts.
NEEDED = '2.11.0'

# Helm 2 names its client in a line of its own, before it asks the cluster for Tiller:
#   Client: &version.Version{SemVer:"v2.15.1", ...}      and with --short      Client: v2.1.0+ga72cebe
# Helm 3 and 4 print one line: version.BuildInfo{Version:"v3.16.2", ...}
_NUMBER = r'v?(?P<version>\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?)'
_CLIENT_LINE = rf'Client:\s*(?:&version\.Version\{{SemVer:")?{_NUMBER}'
_BUILD_INFO = rf'(?m)(?:version\.BuildInfo\{{Version:"|^){_NUMBER}'

# The first question may use this share of the time: a second one, or another helm, takes some as well.
_SHARE = 0.7


class _Answer(NamedTuple):
    """What one helm said: its version, or the cause why there is none."""

    version: str | None
    evidence: Mapping[str, Any]
    cause: str = ''


def check(context: Any, _needs: Mapping[str, Any]) -> Found:
    """Find Helm and judge its version."""
    outside_cloud_shell()
    deadline = Deadline(time_for(context))
    search = process.search('helm', *(() if sys.platform == 'win32' else ('helm.exe',)))
    if not search.found:
        cause = 'helm-not-executable' if search.not_executable else \
            'helm-in-current-directory' if search.in_current_directory else 'helm-missing'
        raise HelmCommandError(cause, **searched(search))
    path = search.found[0]
    answer = _ask(path, deadline.left() * _SHARE, deadline)
    if answer.version is None:
        raise HelmVersionError(answer.cause, path=path, **answer.evidence, **_other(search.found[1:], deadline))
    evidence = {'path': path, 'version': answer.version, **answer.evidence}
    if _key(answer.version) < _key(NEEDED):
        raise HelmVersionError('helm-obsolete', needed=NEEDED, **evidence, **_other(search.found[1:], deadline))
    if _key(answer.version) < _key('3.0.0-0'):
        return Found('', warning=HelmVersionError('helm-unsupported', **evidence))
    return Found(f'Helm {answer.version} at {path}', details=evidence)


def _ask(path: str, seconds: float, deadline: Deadline) -> _Answer:
    """Ask a helm for its version; once more without the cluster where only that hid it."""
    try:
        answer = process.run([path, 'version'], seconds)
        version = _version_in(answer)
        if version is None and answer.status and re.search('tiller', answer.err, re.IGNORECASE):
            # FIELD c-helm2-tiller-error-hides-client; later Helms refuse this flag, and never speak of Tiller
            version = _version_in(process.run([path, 'version', '-c'], deadline.left() / 2))
    except NotRun as refusal:
        return _Answer(None, unrunnable(refusal),
                       'helm-exec-format' if refusal.why == 'exec-format' else 'helm-cannot-run')
    if version:
        return _Answer(version, warnings(answer))
    if answer.timed_out:
        return _Answer(None, {'seconds': round(answer.seconds, 1)}, 'helm-silent')
    if answer.status:
        return _Answer(None, failed_run(answer), 'helm-failed')
    return _Answer(None, {'output': answer.out.strip()[:200] or reason(answer)}, 'helm-output')


def _version_in(answer: Completed) -> str | None:
    """Return the client's version; helm 2's own line counts even where the cluster then fails or hangs."""
    found = re.search(_CLIENT_LINE, answer.out)
    if found is None and answer.status == 0:
        found = re.search(_BUILD_INFO, answer.out)
    return found['version'].split('+')[0] if found else None


def _key(version: str) -> tuple[int, ...]:
    """Return what orders versions: a pre-release comes before its release."""
    numbers, _, pre_release = version.partition('-')
    return (*(int(number[:9]) for number in numbers.split('.')), 0 if pre_release else 1)


def _other(paths: Sequence[str], deadline: Deadline) -> Mapping[str, Any]:
    """Return a later helm on PATH that works and is hidden (FIELD c-snap-helm-shadowed-by-wrong-arch)."""
    for path in paths:
        answer = _ask(path, deadline.left() / 2, deadline)
        if answer.version and _key(answer.version) >= _key(NEEDED):
            return {'other': path, 'other_version': answer.version}
    return {}


def _overrun(_context: Any, seconds: float) -> HealthCheckError:
    return HelmVersionError('helm-silent', seconds=round(seconds))


CHECK = Check('helm', 'environment', check, _overrun, of_registry=False)
