"""What a run may use: its options, its deadline, and its doors to the world."""

import time
from dataclasses import dataclass, field
from typing import Any, Sequence

from .clients import Deadline

#: The whole run may take this many times the timeout of one operation, whatever happens.
WHOLE_RUN = 2.5


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    ``registry`` is a name in lower case, with its domain label hash if that was given; None: only this machine.
    ``pull`` says whether the sample image may be pulled; else ``no_pull`` says why not and ``pull_refused`` whether
    the user said so.
    """

    timeout: float
    registry: str | None = None
    repository: str | None = None
    require: Sequence[str] = ()
    skip: Sequence[str] = ()
    pull: bool = True
    no_pull: str = ''
    pull_refused: bool = False


@dataclass
class Context:
    """One run."""

    options: Options
    cli_ctx: Any
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.deadline = Deadline(WHOLE_RUN * self.options.timeout)
