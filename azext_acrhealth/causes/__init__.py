"""The catalogue of causes: what each is called, which codes it explains, and what it tells the user to do.

README and docs are made from it. A sentence is a template over the evidence of a finding: ``{host}`` stands for that
evidence, and a part in square brackets is left out where it names evidence that nobody established. A command that does
so is left out as well, and what it names is quoted for a shell, since servers and tools write some of the evidence.
"""

import functools
import re
import shlex
from typing import Any, Mapping, NamedTuple, Sequence

from ..report import plain

_OPTIONAL = re.compile(r'\[([^\[\]]*)\]')
_FIELD = re.compile(r'\{([a-z][a-z0-9_]*)\}')
_LONGEST_FIELD = 300


class Cause(NamedTuple):
    """One root cause. ``codes`` are the error codes under which it can show."""

    id: str
    codes: Sequence[str]
    sentence: str
    remedy: str
    commands: Sequence[str] = ()


class Advice(NamedTuple):
    """A cause in words, with the user's own names in it."""

    message: str
    solution: str
    commands: Sequence[str]


def explain(cause_id: str, evidence: Mapping[str, Any]) -> Advice:
    """Return what the cause with that id says in the light of ``evidence``."""
    cause = catalogue()[cause_id]
    commands = (_command(template, evidence) for template in cause.commands)
    return Advice(message=_sentence(cause.sentence, evidence), solution=_sentence(cause.remedy, evidence),
                  commands=[command for command in commands if command])


@functools.cache
def catalogue() -> Mapping[str, Cause]:
    """Return all causes by id."""
    from . import connection, data_path, names, other_sign_in, private_link, registry, settings, sign_in, this_machine
    by_id: dict[str, Cause] = {}
    for part in (this_machine, names, connection, private_link, registry, sign_in, other_sign_in, data_path, settings):
        for cause in part.CAUSES:
            assert cause.id not in by_id, cause.id
            by_id[cause.id] = cause
    return by_id


def fields(template: str) -> set[str]:
    """Return the names of the evidence that ``template`` uses."""
    return set(_FIELD.findall(template))


def _known(name: str, evidence: Mapping[str, Any]) -> bool:
    return evidence.get(name) not in (None, '', [], {})


def _sentence(template: str, evidence: Mapping[str, Any]) -> str:
    def optional(match: re.Match[str]) -> str:
        return match[1] if all(_known(name, evidence) for name in fields(match[1])) else ''

    def value(match: re.Match[str]) -> str:
        return _spoken(evidence[match[1]]) if _known(match[1], evidence) else 'unknown'

    return _FIELD.sub(value, _OPTIONAL.sub(optional, template))


def _spoken(value: Any) -> str:
    text = ', '.join(plain(item) for item in value) if isinstance(value, (list, tuple)) else plain(value)
    return plain(text, _LONGEST_FIELD)


def _command(template: str, evidence: Mapping[str, Any]) -> str | None:
    if not all(_known(name, evidence) for name in fields(template)):
        return None
    return _FIELD.sub(lambda match: shlex.quote(_spoken(evidence[match[1]])), template)
