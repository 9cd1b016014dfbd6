"""Work begun now whose result is wanted later: in a daemon thread, so that it can be left behind."""

import threading
import time
from typing import Any, Callable, Generic, TypeVar

from . import Deadline
from .process import heir

T = TypeVar('T')


class Later(Generic[T]):
    """The result of ``work``, which starts at once. ``began`` and ``ended`` are its times (time.monotonic)."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self.began = time.monotonic()
        self.ended: float | None = None
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        self._work = work
        heir(threading.Thread(target=self._run, name=name, daemon=True)).start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as ex:  # pylint: disable=broad-except
            self._error = ex
        self.ended = time.monotonic()
        self._done.set()

    def result_within(self, seconds: float) -> T:
        """Return the same, with a deadline that counts from the start of the work and not from now."""
        return self.result(self._from_its_start(seconds))

    def done_within(self, seconds: float) -> bool:
        """Return whether the work has ended so many seconds after its start, waiting for that moment if need be."""
        return self._done.wait(self._from_its_start(seconds).left())

    def _from_its_start(self, seconds: float) -> Deadline:
        return Deadline(self.began + seconds - time.monotonic())

    def done(self) -> bool:
        """Return whether the work has ended."""
        return self._done.is_set()

    def result(self, deadline: Deadline) -> T:
        """Return the result or raise what the work raised; TimeoutError when it is not there by the deadline."""
        if not self._done.wait(deadline.left()):
            raise TimeoutError('timed out')
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]


class Once:
    """Work of several names, each begun by the first who wants it, whoever asks at the same moment."""

    def __init__(self) -> None:
        self._begun: dict[str, Later[Any]] = {}
        self._beginning = threading.Lock()

    def __call__(self, name: str, work: Callable[[], T]) -> Later[T]:
        """Return the work of that name, which begins now unless it has begun before."""
        with self._beginning:
            if name not in self._begun:
                self._begun[name] = Later(work, name)
            return self._begun[name]
