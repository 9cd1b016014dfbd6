"""What a run says to a person at its end, on standard error: what failed, why, what to do next; what was not tested."""

from typing import Sequence

from .report import FAILED, SKIPPED, WARNING, CheckResult, Report, RootCause

# So many causes are told with their command; a screen holds no more.
_MOST = 4


def after_the_error(report: Report) -> list[str]:
    """Return what follows the message of the first root cause: its remedy, the other causes, and what was not run."""
    first, *others = report.root_causes
    return [*advice(first), *(line for cause in others[:_MOST] for line in _other(cause, report)), *_more(others),
            *_not_run(report.checks), scope(report)]


def without_an_error(report: Report) -> list[str]:
    """Return the end of a run that raises no error: all is well, or what to look at all the same."""
    counts = report.summary
    parts = [f'{counts[status]} {status}' for status in counts if counts[status]]
    told = [line for cause in report.root_causes[:_MOST] for line in
            (f'{cause.error_code}: {cause.message}', *advice(cause))]
    return [f'{_VERDICTS[report.status]}: {", ".join(parts)}.', *told, *_more(report.root_causes), scope(report)]


_VERDICTS = {'passed': 'Healthy', WARNING: 'Nothing failed', FAILED: 'Not healthy'}


def advice(cause: RootCause) -> list[str]:
    """Return the remedy of a cause: in words, as commands, and where its code is explained."""
    return [*([cause.solution] if cause.solution else []), *(f'  {command}' for command in cause.commands),
            f'See {cause.link}']


def scope(report: Report) -> str:
    """Return whom the result is for; nothing else was tested."""
    identity = report.environment.get('identity')
    who = f' as {identity["name"]}' if report.registries and identity else ''
    return f'Tested from this machine{who} only: other machines, networks and identities may fare otherwise.'


def _other(cause: RootCause, report: Report) -> list[str]:
    failed = any(check.status == FAILED for check in report.checks if check.name in cause.checks)
    return [f'{"Also" if failed else "Warning"}: {cause.error_code}: {cause.message}',
            *(f'  {command}' for command in cause.commands[:1])]


def _more(causes: Sequence[RootCause]) -> list[str]:
    return [f'And {len(causes) - _MOST} more: see rootCauses in the report.'] if len(causes) > _MOST else []


def _not_run(checks: Sequence[CheckResult]) -> list[str]:
    failed = {check.name for check in checks if check.status == FAILED}
    names = [check.name for check in checks if check.status == SKIPPED and failed.intersection(check.blocked_by)]
    return [f'Not run for that: {", ".join(names)}.'] if names else []
