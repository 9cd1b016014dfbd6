"""The runner: who runs when, and what comes of it. It knows nothing of Azure, so neither do these tests."""

import logging
import threading
import time
from typing import Any, Callable, Mapping, Sequence

import pytest

from azext_acrhealth.clients import Deadline
from azext_acrhealth.context import Options
from azext_acrhealth.errors import ConnectivityDnsError, HealthCheckError, HelmCommandError, UnexpectedError
from azext_acrhealth.report import CheckResult
from azext_acrhealth.runner import Check, Found, NotApplicable, run_checks

Run = Callable[[Any, Mapping[str, Any]], Found]


class Context:
    """As much of a context as the runner uses."""

    def __init__(self, timeout: float = 5, whole: float = 10, skip: Sequence[str] = ()) -> None:
        self.options = Options(timeout=timeout, registry='contosoprod', skip=skip)
        self.deadline = Deadline(whole)
        self.started = time.monotonic()


def overrun(context: Context, seconds: float) -> HealthCheckError:
    return UnexpectedError('defect', check=context.options.registry, exception='overrun', text=str(seconds))


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

    results = run(check('first', finds(value='a secret')), check('other', finds()), check('second', second, 'first'))
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


def test_checks_may_be_declared_before_what_they_need() -> None:
    results = run(check('c', finds(), 'b'), check('b', finds(), 'a'), check('a', finds()))
    assert [result.status for result in results.values()] == ['passed', 'passed', 'passed']
    results = run(check('c', finds(), 'b'), check('b', finds(), 'a'), check('a', finds()), skip=['a'])
    assert [list(result.blocked_by) for result in results.values()] == [['a'], ['a'], []]


def test_what_must_wait_holds_up_nothing_that_is_declared_after_it() -> None:
    ended = threading.Event()

    def waits(context: Any, needs: Mapping[str, Any]) -> Found:
        return Found('woken' if ended.wait(4) else 'alone')

    def wakes(context: Any, needs: Mapping[str, Any]) -> Found:
        ended.set()
        return Found('woke it')

    assert run(check('a', waits), check('b', finds(), 'a'), check('c', wakes))['a'].message == 'woken'


def test_a_check_is_given_the_context_of_the_run() -> None:
    given: list[Any] = []

    def takes(context: Any, needs: Mapping[str, Any]) -> Found:
        given.append(context)
        return Found('taken')

    context = Context()
    run_checks([check('a', takes)], context)
    assert given == [context]


def test_what_needs_a_failure_is_skipped_and_names_the_first_failure_of_the_chain() -> None:
    results = run(check('a', fails), check('b', finds(), 'a', category='data'), check('c', finds(), 'b'),
                  check('d', finds()))
    assert results['a'].status == 'failed'
    assert (results['b'].status, results['b'].skip_reason, results['b'].blocked_by) == ('skipped', 'needs', ['a'])
    assert (results['b'].category, results['b'].registry) == ('data', 'contosoprod')
    assert results['b'].message == 'Needs a, which failed'
    assert results['c'].blocked_by == ['a']
    assert results['d'].status == 'passed'


def test_what_is_skipped_is_so_from_the_moment_it_cannot_run() -> None:
    def fails_late(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.1)
        return fails(context, needs)

    assert run(check('a', fails_late), check('b', finds(), 'a'))['b'].offset_ms >= 90


def test_two_failures_that_block_are_both_named() -> None:
    results = run(check('a', fails), check('b', fails), check('c', finds(), 'a', 'b'), check('d', finds(), 'c', 'a'))
    assert results['c'].blocked_by == ['a', 'b']
    assert results['d'].blocked_by == ['a', 'b']
    assert results['c'].message == 'Needs a, b, which failed'


def test_a_failure_is_reported_with_all_that_its_error_says() -> None:
    error = ConnectivityDnsError('dns-nxdomain', host='contosoprod.azurecr.io', server='192.0.2.1')

    def finds_out(context: Any, needs: Mapping[str, Any]) -> Found:
        raise error

    result = run(check('a', finds_out, category='data'))['a']
    assert (result.category, result.status, result.error_code, result.cause, result.message) == (
        'data', 'failed', 'CONNECTIVITY_DNS_ERROR', 'dns-nxdomain', error.advice.message)
    assert (result.solution, result.commands, result.link, result.details) == (
        error.advice.solution, error.advice.commands, error.link(), error.evidence)
    assert result.solution and result.commands


def test_a_warning_joins_its_evidence_to_what_was_found() -> None:
    slow = ConnectivityDnsError('dns-server-down', server='192.0.2.1')
    result = run(check('a', finds(details={'addresses': ['203.0.113.40']}, warning=slow)))['a']
    assert (result.status, result.cause) == ('warning', 'dns-server-down')
    assert result.details == {'addresses': ['203.0.113.40'], 'server': '192.0.2.1'}
    assert run(check('a', finds()))['a'].message == 'fine'


def test_a_warning_does_not_block() -> None:
    doubt = HelmCommandError('defect')
    results = run(check('a', finds(value=1, warning=doubt)), check('b', finds(), 'a'))
    assert (results['a'].status, results['a'].error_code) == ('warning', 'HELM_COMMAND_ERROR')
    assert results['b'].status == 'passed'


def test_a_crash_is_a_result_and_the_others_go_on() -> None:
    results = run(check('a', crashes), check('b', finds()))
    assert (results['a'].status, results['a'].error_code) == ('failed', 'UNEXPECTED_ERROR')
    assert results['a'].cause == 'defect'
    assert results['a'].details == {'check': 'a', 'exception': 'ZeroDivisionError', 'text': 'division by zero'}
    assert '\x1b' not in results['a'].message
    assert results['b'].status == 'passed'


def test_where_a_check_crashed_is_in_the_debug_log_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger='cli'):
        result = run(check('a', crashes))['a']
    assert caplog.messages and 'in crashes' in caplog.text and caplog.messages[0].startswith('a crashed')
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert 'Traceback' not in repr(result)


def test_even_an_exit_in_a_check_is_a_result() -> None:
    def leaves(context: Any, needs: Mapping[str, Any]) -> Found:
        raise SystemExit(3)

    result = run(check('a', leaves), timeout=1)['a']
    assert (result.error_code, result.details['exception'], result.details['text']) == (
        'UNEXPECTED_ERROR', 'SystemExit', '3')


def test_a_check_that_hangs_is_ended_and_what_needs_it_is_skipped() -> None:
    began = time.monotonic()
    results = run(check('a', hangs), check('b', finds(), 'a'), check('c', finds()), timeout=0.2)
    assert time.monotonic() - began < 2
    assert (results['a'].status, results['a'].details['exception']) == ('failed', 'overrun')
    assert results['a'].details['check'] == 'contosoprod', 'the context is there for its words'
    assert 0.2 <= float(results['a'].details['text']) < 1
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


def test_a_check_that_bounds_its_own_wait_has_the_time_to_say_why_it_ended() -> None:
    def gives_up(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(context.options.timeout + 0.02)
        return Found('gave up')

    assert run(check('a', gives_up), timeout=0.4)['a'].message == 'gave up'


def test_what_hangs_does_not_hold_up_the_exit() -> None:
    run(check('the one that hangs', hangs), timeout=0.1)
    left = [thread for thread in threading.enumerate() if thread.name == 'the one that hangs']
    assert left and all(thread.daemon for thread in left), 'Python waits for other threads before it ends'


def test_an_answer_after_the_end_of_a_check_changes_nothing() -> None:
    def late(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.6)
        return Found('too late')

    def later(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(1)
        return Found('in time')

    results = run(check('a', late), check('b', later, patience=20), timeout=0.1)
    assert (results['a'].status, results['b'].status) == ('failed', 'passed')


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


def test_who_wants_to_know_is_told_what_is_under_way() -> None:
    told: list[Any] = []

    def slow(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.5)
        return Found('late')

    run_checks([check('a', slow), check('b', finds(), 'a'), check('c', finds())], Context(), told.append)
    assert ['a'] in told


@pytest.mark.parametrize('skip', ['a', 'network'])
def test_a_check_is_skipped_by_its_name_or_category(skip: str) -> None:
    result = run(check('a', fails), skip=[skip])['a']
    assert (result.status, result.skip_reason, result.message) == ('skipped', 'requested', 'Skipped by request')


def test_what_needs_a_check_skipped_by_request_is_skipped_for_it() -> None:
    results = run(check('a', finds()), check('b', finds(), 'a'), skip=['a'])
    assert (results['b'].skip_reason, results['b'].blocked_by) == ('needs', ['a'])
    assert results['b'].message == 'Needs a, which did not run'
    results = run(check('a', finds()), check('b', fails), check('c', finds(), 'a', 'b'), skip=['a'])
    assert results['c'].message == 'Needs a, b, which did not run'


@pytest.mark.parametrize('requested, reason', [({}, 'not-applicable'), ({'requested': True}, 'requested')])
def test_a_check_says_that_it_does_not_apply(requested: dict[str, bool], reason: str) -> None:
    def declines(context: Any, needs: Mapping[str, Any]) -> Found:
        raise NotApplicable('not here', **requested)

    results = run(check('a', declines), check('b', finds(), 'a'))
    assert (results['a'].status, results['a'].skip_reason, results['a'].message) == ('skipped', reason, 'not here')
    assert results['b'].blocked_by == ['a']


@pytest.mark.parametrize('began, ended, offset_ms, duration_ms', [
    (0.25, 1.75, 250, 1500), (-1, 2, 0, 3000), (0, 0, 0, 0), (0.5, 0.25, 500, 0), (100, 120, 100_000, 20_000)])
def test_times_are_those_of_the_work_even_where_it_began_before_the_check(
        began: float, ended: float, offset_ms: int, duration_ms: int) -> None:
    context = Context()
    times = finds(began=context.started + began, ended=context.started + ended)
    result = run_checks([check('a', times)], context)[0]
    assert (result.offset_ms, result.duration_ms) == (offset_ms, duration_ms)


def test_times_are_those_of_the_check_where_it_names_no_others() -> None:
    def slow(context: Any, needs: Mapping[str, Any]) -> Found:
        time.sleep(0.1)
        return Found('late')

    results = run(check('a', slow), check('b', slow, 'a'))
    assert results['a'].duration_ms >= 90 and results['b'].offset_ms >= 90


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
