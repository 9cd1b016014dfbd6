"""The report: a contract that scripts rely on. ``report.schema.json`` beside this file is its JSON schema.

It is printed with camelCase keys, so the field names here are the contract.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from .redaction import redact

SCHEMA_VERSION = 1

PASSED, WARNING, FAILED, SKIPPED = 'passed', 'warning', 'failed', 'skipped'

# Strings of a report are cut here: evidence is to be read, and what a hostile server sends has no end.
_LONGEST = 1000
_DEEPEST = 6
_LONGEST_LIST = 100
_TERMINAL_SEQUENCE = re.compile(r'\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])')


class CheckResult(NamedTuple):
    """What one check found. ``(registry, name)`` is unique in a report."""

    category: str
    name: str
    status: str
    message: str
    registry: str | None = None
    skip_reason: str | None = None
    blocked_by: Sequence[str] = ()
    error_code: str | None = None
    cause: str | None = None
    solution: str | None = None
    commands: Sequence[str] = ()
    link: str | None = None
    details: Mapping[str, Any] = MappingProxyType({})
    offset_ms: int = 0
    duration_ms: int = 0


class RootCause(NamedTuple):
    """One thing to mend, with every check that it spoils."""

    cause: str
    error_code: str
    registry: str | None
    checks: Sequence[str]
    message: str
    solution: str | None
    commands: Sequence[str]
    link: str


class Report(NamedTuple):
    """The whole answer of one run."""

    schema_version: int
    status: str
    root_causes: Sequence[RootCause]
    registries: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any]
    summary: Mapping[str, int]
    started_at: str
    duration_ms: int
    checks: Sequence[CheckResult]


def as_printed(value: Any) -> Any:
    """Return a report, or a part of one, as az's formatters take it: objects with camelCase keys."""
    if hasattr(value, '_asdict'):
        return {camel_case(name): as_printed(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: as_printed(item) for name, item in value.items()}
    return [as_printed(item) for item in value] if isinstance(value, (list, tuple)) else value


def camel_case(name: str) -> str:
    """Return ``a_name`` as ``aName``."""
    first, *rest = name.split('_')
    return first + ''.join(part.capitalize() for part in rest)


def status_of(results: Sequence[CheckResult]) -> str:
    """Return the worst status among ``results``: failed, warning or passed."""
    found = {result.status for result in results}
    return next((status for status in (FAILED, WARNING) if status in found), PASSED)


def count(results: Sequence[CheckResult]) -> dict[str, int]:
    """Return how many results have each status."""
    return {status: sum(result.status == status for result in results)
            for status in (PASSED, WARNING, FAILED, SKIPPED)}


def plain(text: object, longest: int = _LONGEST) -> str:
    """Return ``text`` on one line, without secrets and what a terminal would obey, cut to ``longest`` characters."""
    given = redact(str(text)[:4 * longest])
    # Control characters move cursors and colours; one surrogate makes az drop every non-ASCII letter of a report.
    line = ''.join(letter if letter.isprintable() else ' ' for letter in _TERMINAL_SEQUENCE.sub('', given))
    line = ' '.join(line.split())
    return line if len(line) <= longest else line[:longest - 1] + '…'


def evidence(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as what JSON can hold and a reader can bear: plain strings, bounded lists and depth."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if abs(value) < 1e15 else None
    if depth >= _DEEPEST:
        return plain(value, 200)
    if isinstance(value, Mapping):
        return {plain(key, 100): evidence(item, depth + 1) for key, item in list(value.items())[:_LONGEST_LIST]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [evidence(item, depth + 1) for item in list(value)[:_LONGEST_LIST]]
    return plain(value)
