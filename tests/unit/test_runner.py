"""The runner: who runs when, and what comes of it. It knows nothing of Azure, so neither do these tests."""

import threading
import time
from typing import Any, Callable, Mapping, Sequence

import pytest

from azext_acrhealth.clients import Deadline
from azext_acrhealth.context import Options
from azext_acrhealth.errors import HealthCheckError, HelmCommandError, UnexpectedError
from azext_acrhealth.report import CheckResult
from azext_acrhealth.runner import Check, Found, NotApplicable, run_checks

Run = Callable[[Any, Mapping[str, Any]], Found]


class Context:
    """As much of a context as the runner uses."""

    def __init__(self, timeout: float = 5, whole: float = 10, skip: Sequence[str] = ()) -> None:
        self.options = Options(timeout=timeout, registry='contosoprod', skip=skip)
        self.deadline = Deadline(whole)
        self.started = time.monotonic()


def overrun(_: Any, seconds: float) -> HealthCheckError:
    return UnexpectedError('defect', check='x', exception='overrun', text=str(seconds))


def check(name: str, run: Run, *needs: str, **others: Any) -> Check:
    return Check(name, others.pop('category', 'network'), run, overrun, needs=needs, **others)


def finds(value: Any = None, **others: Any) -> Run:
    return lambda context, needs: Found('fine', value=value, **others)


def fails(context: Any, needs: Mapping[str, Any]) -> Found:
    raise UnexpectedError('defect', check='itself', exception='made up')


def crashes(context: Any, needs: Mapping[str, Any]) -> Found:
    raise ZeroDivisionError('division by \x1b[31mzero')


def hangs(context: Any, needs: Mapping[str, Any]) -> Found:
    time.sleep(60)
    raise AssertionError


def run(*checks: Check, **context: Any) -> dict[str, CheckResult]:
    results = run_checks(checks, Context(**context))
    assert [result.name for result in results] == [one.name for one in checks]
    return {result.name: result for result in results}


def test_a_need_brings_its_value_and_the_value_stays_out_of_the_report() -> None:
    seen: dict[str, Any] = {}

    def second(context: Any, needs: Mapping[str, Any]) -> Found:
        seen.update(needs)
        return Found('used', details={'open': 'yes'})

    results = run(check('first', finds(value='a secret')), check('second', second, 'first'))
    assert seen == {'first': 'a secret'}
    assert 'a secret' not in repr(results)
    assert results['second'].details == {'open': 'yes'}


def test_checks_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=5)

    def meets(context: Any, needs: Mapping[str, Any]) -> Found:
        both.wait()
        return Found('met')

    results = run(check('one', meets), check('two', meets))
    assert {result.status for result in results.values()} == {'passed'}


def test_the_order_of_declaration_is_the_order_of_the_report() -> None:
    def slow(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.1)
        return Found('late')

    results = run(check('late', slow), check('early', finds()))
    assert list(results) == ['late', 'early']


def test_what_needs_a_failure_is_skipped_and_names_the_first_failure_of_the_chain() -> None:
    results = run(check('a', fails), check('b', finds(), 'a'), check('c', finds(), 'b'), check('d', finds()))
    assert results['a'].status == 'failed'
    assert (results['b'].status, results['b'].skip_reason, results['b'].blocked_by) == ('skipped', 'needs', ['a'])
    assert results['c'].blocked_by == ['a']
    assert results['d'].status == 'passed'


def test_two_failures_that_block_are_both_named() -> None:
    results = run(check('a', fails), check('b', fails), check('c', finds(), 'a', 'b'), check('d', finds(), 'c', 'a'))
    assert results['c'].blocked_by == ['a', 'b']
    assert results['d'].blocked_by == ['a', 'b']


def test_a_warning_does_not_block() -> None:
    doubt = HelmCommandError('defect')
    results = run(check('a', finds(value=1, warning=doubt)), check('b', finds(), 'a'))
    assert (results['a'].status, results['a'].error_code) == ('warning', 'HELM_COMMAND_ERROR')
    assert results['b'].status == 'passed'


def test_a_crash_is_a_result_and_the_others_go_on() -> None:
    results = run(check('a', crashes), check('b', finds()))
    assert (results['a'].status, results['a'].error_code) == ('failed', 'UNEXPECTED_ERROR')
    assert results['a'].cause == 'defect'
    assert results['a'].details['exception'] == 'ZeroDivisionError'
    assert '\x1b' not in results['a'].message
    assert results['b'].status == 'passed'


def test_even_an_exit_in_a_check_is_a_result() -> None:
    def leaves(context: Any, needs: Mapping[str, Any]) -> Found:
        raise SystemExit(3)

    assert run(check('a', leaves))['a'].error_code == 'UNEXPECTED_ERROR'


def test_a_check_that_hangs_is_ended_and_what_needs_it_is_skipped() -> None:
    began = time.monotonic()
    results = run(check('a', hangs), check('b', finds(), 'a'), check('c', finds()), timeout=0.2)
    assert time.monotonic() - began < 2
    assert (results['a'].status, results['a'].details['exception']) == ('failed', 'overrun')
    assert results['b'].blocked_by == ['a']
    assert results['c'].status == 'passed'


def test_the_end_of_its_time_may_be_no_failure_and_a_crash_in_saying_so_is_a_result() -> None:
    def settles(_: Any, seconds: float) -> Found:
        return Found('taken for known', value='a guess', warning=HelmCommandError('defect'))

    def stumbles(_: Any, seconds: float) -> Found:
        raise ZeroDivisionError

    late = Check('a', 'network', hangs, settles)
    lost = Check('c', 'network', hangs, stumbles)
    results = run(late, check('b', finds(), 'a'), lost, timeout=0.2)
    assert (results['a'].status, results['b'].status) == ('warning', 'passed')
    assert (results['c'].status, results['c'].error_code) == ('failed', 'UNEXPECTED_ERROR')


def test_patience_stretches_the_time_of_one_check() -> None:
    def slow(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.7)
        return Found('late')

    results = run(check('a', slow, patience=10), check('b', slow), timeout=0.2)
    assert (results['a'].status, results['b'].status) == ('passed', 'failed')


def test_the_whole_run_ends_at_its_deadline() -> None:
    began = time.monotonic()
    results = run(check('a', hangs, patience=100), check('b', hangs), timeout=30, whole=0.4)
    assert time.monotonic() - began < 2
    assert {result.status for result in results.values()} == {'failed'}


@pytest.mark.parametrize('skip', ['a', 'network'])
def test_a_check_is_skipped_by_its_name_or_category(skip: str) -> None:
    result = run(check('a', fails), skip=[skip])['a']
    assert (result.status, result.skip_reason) == ('skipped', 'requested')


def test_what_needs_a_check_skipped_by_request_is_skipped_for_it() -> None:
    results = run(check('a', finds()), check('b', finds(), 'a'), skip=['a'])
    assert (results['b'].skip_reason, results['b'].blocked_by) == ('needs', ['a'])


@pytest.mark.parametrize('requested, reason', [(False, 'not-applicable'), (True, 'requested')])
def test_a_check_says_that_it_does_not_apply(requested: bool, reason: str) -> None:
    def declines(context: Any, needs: Mapping[str, Any]) -> Found:
        raise NotApplicable('not here', requested)

    results = run(check('a', declines), check('b', finds(), 'a'))
    assert (results['a'].status, results['a'].skip_reason, results['a'].message) == ('skipped', reason, 'not here')
    assert results['b'].blocked_by == ['a']


def test_times_are_those_of_the_work_even_where_it_began_before_the_check() -> None:
    now = time.monotonic()
    result = run(check('a', finds(began=now, ended=now + 1.5)))['a']
    assert result.duration_ms == 1500


def test_a_check_of_this_machine_belongs_to_no_registry() -> None:
    results = run(check('a', finds(), of_registry=False), check('b', finds()))
    assert (results['a'].registry, results['b'].registry) == (None, 'contosoprod')


def test_evidence_is_bounded_plain_and_valid_json() -> None:
    hostile = {'text': 'a\x1b[2J\nb' + '\ud800', 'long': 'x' * 10_000, 'deep': [[[[[[[[1]]]]]]]],
               'many': list(range(1000)), 'number': float('nan'), 'bytes': b'x'}
    details = run(check('a', finds(details=hostile)))['a'].details
    assert details['text'] == 'a b'
    assert len(details['long']) <= 1000
    assert len(details['many']) <= 100
    assert details['number'] is None
