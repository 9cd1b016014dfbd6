"""What a stranger's JSON holds where it is of the right type; else nothing of that type."""

from typing import Any, Mapping, Sequence


def mapping(value: Any) -> Mapping[str, Any]:
    """Return ``value`` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> Sequence[Any]:
    """Return ``value`` where it is an array, else an empty one."""
    return value if isinstance(value, list) else []
