"""Runs checks side by side, each as soon as what it needs is there, each inside its deadline. Knows nothing of Azure.

Every check has a daemon thread of its own: what cannot be interrupted is left behind at its deadline and never delays
the exit. The main thread only waits, in slices, so that Ctrl+C is heard on every platform.
"""

import queue
import threading
import time
import traceback
from functools import partial
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from knack.log import get_logger

from .errors import HealthCheckError, UnexpectedError
from .report import FAILED, PASSED, SKIPPED, WARNING, CheckResult, evidence, plain

logger = get_logger(__name__)

_SLICE = 0.3

# Checks bound their own waits and know better why they ended; the runner ends only those that did not.
_GRACE_SECONDS = 0.3


class Found(NamedTuple):
    """What a check that did not fail returns.

    ``value`` goes to the checks that need it and never into the report; ``details`` go into the report only.
    ``warning`` is worth the user's attention though nothing failed. ``began`` and ``ended`` (time.monotonic) are the
    true times where the work had been started before the check was.
    """

    message: str
    value: Any = None
    details: Mapping[str, Any] = MappingProxyType({})
    warning: HealthCheckError | None = None
    began: float | None = None
    ended: float | None = None


class NotApplicable(Exception):
    """The check has nothing to say here, and why. ``requested``: because the user wanted it so."""

    def __init__(self, why: str, requested: bool = False) -> None:
        super().__init__(why)
        self.reason = 'requested' if requested else 'not-applicable'


class Check(NamedTuple):
    """One thing that is checked: data and a plain function.

    ``run(context, needs)`` returns Found, raises a HealthCheckError or NotApplicable. ``needs`` names the checks
    without which it cannot run; it receives their values by name. ``overrun(context, seconds)`` says in the same way,
    or by returning a HealthCheckError, what the end of its time means. ``patience`` is its time limit as a multiple of
    the run's timeout. ``asked_by`` names the option without which nobody wants it; '' if it has none.
    """

    name: str
    category: str
    run: Callable[[Any, Mapping[str, Any]], Found]
    overrun: Callable[[Any, float], HealthCheckError | Found]
    needs: Sequence[str] = ()
    patience: float = 1.0
    of_registry: bool = True
    asked_by: str = ''


#: Told from time to time which checks are under way.
Progress = Callable[[Sequence[str]], None]


def run_checks(checks: Sequence[Check], context: Any, progress: Progress = lambda _: None) -> list[CheckResult]:
    """Return one result for each of ``checks``, in their order, within the context's deadline."""
    return _Run(checks, context).results(progress)


class _Run:
    """The state of one run: which checks wait, which are under way, what came of the others."""

    def __init__(self, checks: Sequence[Check], context: Any) -> None:
        self._checks = {check.name: check for check in checks}
        self._context = context
        self._waiting = dict(self._checks)
        self._under_way: dict[str, tuple[float, float]] = {}
        self._results: dict[str, CheckResult] = {}
        self._values: dict[str, Any] = {}
        self._answers: queue.Queue[tuple[str, Any, float]] = queue.Queue()

    def results(self, progress: Progress) -> list[CheckResult]:
        """Run everything to its end or its deadline."""
        self._start_what_can()
        while self._under_way:
            now = time.monotonic()
            next_deadline = min(deadline for _, deadline in self._under_way.values())
            try:
                name, outcome, ended = self._answers.get(timeout=max(0.0, min(_SLICE, next_deadline - now)))
            except queue.Empty:
                self._end_the_overdue()
                progress(list(self._under_way))
            else:
                if name in self._under_way:
                    self._record(name, outcome, ended)
            self._start_what_can()
        return [self._results[name] for name in self._checks]

    def _start_what_can(self) -> None:
        """Start each waiting check whose needs are met; skip those whose needs never will be."""
        progress = True
        while progress:
            progress = False
            for name, check in list(self._waiting.items()):
                if any(need not in self._results for need in check.needs):
                    continue
                del self._waiting[name]
                progress = True
                blockers = [need for need in check.needs if need not in self._values]
                if name in self._context.options.skip or check.category in self._context.options.skip:
                    self._record(name, NotApplicable('Skipped by request', requested=True), time.monotonic())
                elif blockers:
                    self._skip(check, blockers)
                else:
                    self._start(check, {need: self._values[need] for need in check.needs})

    def _start(self, check: Check, needs: Mapping[str, Any]) -> None:
        began = time.monotonic()
        seconds = min(check.patience * self._context.options.timeout + _GRACE_SECONDS, self._context.deadline.left())
        self._under_way[check.name] = (began, began + seconds)

        def work() -> None:
            # In a thread of its own even an exit is the check's; in the main thread an interrupt is the user's.
            outcome = _outcome(check, lambda: check.run(self._context, needs), BaseException)
            self._answers.put((check.name, outcome, time.monotonic()))

        threading.Thread(target=work, name=check.name, daemon=True).start()

    def _end_the_overdue(self) -> None:
        now = time.monotonic()
        for name, (began, deadline) in list(self._under_way.items()):
            if now >= deadline:
                overrun = partial(self._checks[name].overrun, self._context, deadline - began)
                self._record(name, _outcome(self._checks[name], overrun), now)

    def _skip(self, check: Check, blockers: Sequence[str]) -> None:
        """Say which check that failed is to blame: the first ones in the chain of needs, not the last."""
        blame: list[str] = []
        for blocker in blockers:
            behind = self._results[blocker].blocked_by
            blame += [name for name in (behind or [blocker]) if name not in blame]
        how = 'failed' if all(self._results[name].status == FAILED for name in blame) else 'did not run'
        self._results[check.name] = CheckResult(
            category=check.category, name=check.name, registry=self._registry_of(check), status=SKIPPED,
            skip_reason='needs', blocked_by=blame, message=f'Needs {", ".join(blame)}, which {how}',
            offset_ms=self._offset(time.monotonic()))

    def _record(self, name: str, outcome: Any, ended: float) -> None:
        check = self._checks[name]
        began, _ = self._under_way.pop(name, (ended, ended))
        if isinstance(outcome, Found):
            self._values[name] = outcome.value
            began = outcome.began if outcome.began is not None else began
            ended = outcome.ended if outcome.ended is not None else ended
        self._results[name] = _result(check, outcome, self._registry_of(check), self._offset(began),
                                      max(0, round((ended - began) * 1000)))

    def _registry_of(self, check: Check) -> str | None:
        return self._context.options.registry if check.of_registry else None

    def _offset(self, moment: float) -> int:
        started: float = self._context.started
        return max(0, round((moment - started) * 1000))


def _outcome(check: Check, of: Callable[[], Any], defect: type[BaseException] = Exception) -> Any:
    """Return what ``of`` returns or raises of a check's own; what else it raises is a defect, and an outcome too."""
    try:
        return of()
    except (HealthCheckError, NotApplicable) as stopped:
        return stopped
    except defect as crash:  # pylint: disable=broad-except
        logger.debug('%s crashed:\n%s', check.name, traceback.format_exc())
        return UnexpectedError('defect', check=check.name, exception=type(crash).__name__, text=str(crash))


def _result(check: Check, outcome: Any, registry: str | None, offset_ms: int, duration_ms: int) -> CheckResult:
    """Return what ``outcome`` means for the report."""
    common: dict[str, Any] = {'category': check.category, 'name': check.name, 'registry': registry,
                              'offset_ms': offset_ms, 'duration_ms': duration_ms}
    if isinstance(outcome, NotApplicable):
        return CheckResult(status=SKIPPED, skip_reason=outcome.reason, message=plain(outcome), **common)
    if isinstance(outcome, HealthCheckError):
        return _finding(FAILED, outcome, outcome.evidence, common)
    details = evidence(outcome.details)
    if outcome.warning is not None:
        return _finding(WARNING, outcome.warning, {**details, **outcome.warning.evidence}, common)
    return CheckResult(status=PASSED, message=plain(outcome.message), details=details, **common)


def _finding(status: str, error: HealthCheckError, details: Mapping[str, Any],
             common: Mapping[str, Any]) -> CheckResult:
    return CheckResult(status=status, message=error.advice.message, error_code=error.code, cause=error.cause,
                       solution=error.advice.solution, commands=error.advice.commands, link=error.link(),
                       details=details, **common)
