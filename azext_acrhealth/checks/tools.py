"""What the checks of this machine's tools have in common: how to read the words that a tool left."""

import os
import re
from typing import Any, Mapping, NamedTuple, Sequence

from ..clients.process import Completed, NotRun, Search
from ..runner import NotApplicable

# The last part of a check's time is kept back, so that its own finding arrives before the runner gives it up.
_MARGIN = 0.3
_MOST_WARNINGS = 10
# What tools put before the words that matter; and signed addresses, of which only the host matters.
_PREFIX = (r'(?i)^\s*(docker: |Error response from daemon: |error: |'
           r'initializing source docker://\S+: pinging container registry \S+: )+')
_SIGNED = r'(https?://[^\s"?/]+/)[^\s"?]*\?[^\s"]*'


def cloud_shell() -> str | None:
    """Return why this machine is not to be checked where it is Azure Cloud Shell's; else None.

    FIELD e-better-message-cloud-shell; ACC_CLOUD is what azure.cli.core.util.in_cloud_console looks at.
    """
    if os.environ.get('ACC_CLOUD') or os.environ.get('AZUREPS_HOST_ENVIRONMENT', '').startswith('cloud-shell'):
        return 'Not checked in Azure Cloud Shell, which brings its own tools and can run no container daemon'
    return None


def outside_cloud_shell() -> None:
    """Raise NotApplicable in Azure Cloud Shell."""
    if why_not := cloud_shell():
        raise NotApplicable(why_not)


def time_for(context: Any, patience: float = 1.0) -> float:
    """Return how many seconds a check with that patience has for what it runs."""
    whole: float = min(patience * context.options.timeout, context.deadline.left())
    return max(0.5, whole - _MARGIN)


class Sign(NamedTuple):
    """Words by which a cause is known. The pattern's named groups are evidence."""

    cause: str
    pattern: str


class Finding(NamedTuple):
    """A cause that the words of a tool name, with the evidence in them, and the pattern that they have."""

    cause: str
    evidence: Mapping[str, Any]
    pattern: str = ''


def first(signs: Sequence[Sign], text: str) -> Finding | None:
    """Return the first of ``signs`` that is in ``text``: tables are ordered from the particular to the general."""
    for sign in signs:
        if match := re.search(sign.pattern, text, re.IGNORECASE):
            named = {name.rstrip('_'): value for name, value in match.groupdict().items() if value}
            return Finding(sign.cause, named, sign.pattern)
    return None


def reason(completed: Completed, pattern: str = '') -> str:
    """Return the line in which a tool that failed says why: with ``pattern``, an error on stderr, its last."""
    lines = _lines(completed.err) or _lines(completed.out)
    if pattern:
        lines = [line for line in lines if re.search(pattern, line, re.IGNORECASE)] or lines
    errors = [line for line in lines if re.search(r'\berror\b|\bcannot\b|\bfailed\b|\bunable\b|\bdenied\b', line, re.I)]
    words = (errors or lines or [''])[-1]
    return re.sub(_SIGNED, r'\1...', re.sub(_PREFIX, '', words))


def warnings(completed: Completed) -> Mapping[str, Any]:
    """Return what a tool that succeeded printed on stderr, for the details: warnings fail nothing."""
    lines = _lines(completed.err)
    return {'warnings': lines[:_MOST_WARNINGS]} if lines else {}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def failed_run(completed: Completed) -> Mapping[str, Any]:
    """Return the evidence of a program that ended badly: its exit status or signal, and its reason."""
    how = {'signal': completed.signal} if completed.signal else {'exit_status': completed.status}
    return {**how, 'reason': reason(completed)}


def unrunnable(refusal: NotRun) -> Mapping[str, Any]:
    """Return the evidence of a program that the operating system did not start."""
    return {'reason': str(refusal), 'why': refusal.why}


def searched(search: Search) -> Mapping[str, Any]:
    """Return the evidence of a search that found nothing to run."""
    found: dict[str, Any] = {'looked_for': list(search.looked_for), 'searched': list(search.directories)}
    if search.not_executable:
        found['path'] = search.not_executable[0]
    elif search.in_current_directory:
        found['path'] = search.in_current_directory[0]
    return found
