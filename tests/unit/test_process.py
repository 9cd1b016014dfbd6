"""Programs run to their end, or killed with their children; tools found on PATH and nowhere else."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrhealth.clients import Deadline, process
from azext_acrhealth.clients.later import Later
from azext_acrhealth.clients.process import Completed, NotRun, Stopped, run, search

SH = ['/bin/sh', '-c']


def alive(pid: int) -> bool:
    """Return whether a process runs; a dead one that nobody has collected does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Return whether a process ends within a second."""
    deadline = time.monotonic() + 1
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def running(*argv: str) -> Callable[[Deadline], bool]:
    """Return what undoes by running a program."""
    return lambda deadline: run(argv, deadline.left()).status == 0


def test_a_program_is_told_apart_by_its_status_and_what_it_said() -> None:
    done = run([*SH, 'echo out; echo err >&2; exit 7'], 5)
    assert (done.status, done.out, done.err) == (7, 'out\n', 'err\n')
    assert not done.timed_out and not done.truncated and done.signal is None


def test_what_it_reads_is_what_it_was_given() -> None:
    assert run(['/bin/cat'], 5, stdin=b'mcr.microsoft.com').out == 'mcr.microsoft.com'
    assert run(['/bin/cat'], 5).out == ''


def test_what_the_user_has_set_for_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('GOMAXPROCS', '7')
    monkeypatch.setenv('DOCKER_CONFIG', '/home/me')
    asked = [*SH, 'echo $GOMAXPROCS $DOCKER_CONFIG']
    assert run(asked, 5).out == '7 /home/me\n'
    assert run(asked, 5, env={'GOMAXPROCS': '6'}).out == '6\n'


def test_a_signal_has_its_name() -> None:
    assert run([*SH, 'kill -ILL $$'], 5).signal == 'SIGILL'
    assert Completed(-99, '', '', 1).signal == 'signal 99'


def test_no_shell_looks_at_the_arguments() -> None:
    assert run(['/bin/echo', '$(id); `id`'], 5).out == '$(id); `id`\n'


def test_megabytes_neither_block_nor_fill_memory() -> None:
    done = run([*SH, 'head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2'], 20, cap=1000)
    assert (done.status, len(done.out), len(done.err), done.truncated) == (0, 1000, 1000, True)


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run([*SH, r"printf 'a\377\000b'"], 5).out == 'a�\0b'


def test_its_children_die_with_it_when_its_time_is_over() -> None:
    began = time.monotonic()
    done = run([*SH, 'sleep 60 & echo $!; sleep 60'], 0.5)
    assert done.timed_out and time.monotonic() - began < 2
    assert gone(int(done.out))


def test_a_child_left_behind_that_holds_the_pipe_does_not_hang_us_and_does_not_stay() -> None:
    began = time.monotonic()
    done = run([*SH, 'sleep 60 & echo $!'], 20)
    assert done.status == 0 and time.monotonic() - began < 2
    assert gone(int(done.out))


def test_a_child_that_left_its_session_does_not_hang_us() -> None:
    code = 'import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3)\n'
    began = time.monotonic()
    assert run([sys.executable, '-c', code], 20).status == 0
    assert time.monotonic() - began < 2.5


def test_a_program_that_ignores_its_input_does_not_break_the_pipe() -> None:
    assert run(['/bin/true'], 5, stdin=b'x' * 300).status == 0


@pytest.mark.parametrize(('content', 'mode', 'why'), [
    (b'\x7fELF nonsense', 0o755, 'exec-format'), (b'#!/no/such/interpreter\n', 0o755, 'missing'),
    (b'#!/bin/sh\n', 0o644, 'denied')])
def test_what_cannot_be_executed_says_why(tmp_path: Path, content: bytes, mode: int, why: str) -> None:
    path = tmp_path / 'tool'
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(NotRun) as refusal:
        run([str(path)], 5)
    assert refusal.value.why == why


def test_what_windows_does_not_take_for_a_program_says_so() -> None:
    refusal = OSError(errno.EINVAL, '%1 is not a valid Win32 application')
    assert NotRun(refusal).why == 'other'
    setattr(refusal, 'winerror', 193)
    assert NotRun(refusal).why == 'exec-format'


def test_a_null_byte_in_an_argument_is_no_crash() -> None:
    with pytest.raises(NotRun):
        run(['/bin/echo', 'a\0b'], 5)


def test_kill_all_ends_what_runs_lets_nothing_start_and_undoes(tmp_path: Path) -> None:
    pid_file, undone = tmp_path / 'pid', tmp_path / 'undone'
    started_again: list[str] = []
    ended = threading.Event()

    def work() -> None:
        try:
            run([*SH, f'sleep 60 & echo $! > {pid_file}; wait'], 30)
            run(['/bin/true'], 5)
            started_again.append('true')
        except Stopped:
            ended.set()

    process.undo_at_end(running('/bin/touch', str(undone)))
    process.undo_at_end(running('/bin/touch', str(tmp_path / 'not needed')))()
    threading.Thread(target=work, daemon=True).start()
    while not pid_file.exists() or not pid_file.read_text(encoding='utf-8').strip():
        time.sleep(0.01)
    began = time.monotonic()
    process.kill_all()
    assert time.monotonic() - began < 1
    assert ended.wait(2) and not started_again
    assert gone(int(pid_file.read_text(encoding='utf-8')))
    assert undone.exists() and not (tmp_path / 'not needed').exists()
    assert run(['/bin/true'], 5).status == 0, 'the main thread may run again, as in az interactive'


def test_what_a_thread_of_an_ended_run_begins_later_starts_nothing_either() -> None:
    over = threading.Event()
    begun: list[Later[Completed]] = []

    def work() -> None:
        over.wait(5)
        begun.append(Later(lambda: Later(lambda: run(['/bin/true'], 5), 'child').result(Deadline(5)), 'parent'))

    late = threading.Thread(target=work, daemon=True)
    late.start()
    process.kill_all()
    over.set()
    late.join()
    with pytest.raises(Stopped):
        begun[0].result(Deadline(5))
    assert Later(lambda: run(['/bin/true'], 5), 'of the next run').result(Deadline(5)).status == 0


def test_the_end_of_a_run_in_another_thread_leaves_the_program_around_it_alone() -> None:
    ending = threading.Thread(target=process.kill_all)
    ending.start()
    ending.join()
    assert run(['/bin/true'], 5).status == 0


@pytest.mark.parametrize('until', [1, 3, 99])
def test_what_could_not_be_undone_at_first_is_tried_again(tmp_path: Path, until: int) -> None:
    tries = tmp_path / 'tries'
    process.undo_at_end(running(*SH, f'echo >> {tries}; test $(wc -l < {tries}) -ge {until}'))
    began = time.monotonic()
    process.kill_all()
    assert time.monotonic() - began < 1
    assert len(tries.read_text(encoding='utf-8')) == min(until, 3)


@pytest.mark.parametrize(('seconds', 'known'), [(0.2, ['here']), (60, [])])
def test_what_undoing_asks_for_may_end_within_its_time(seconds: float, known: list[str]) -> None:
    look = Later(lambda: run([*SH, f'sleep {seconds}; echo here'], 90, spared=True), 'look')
    told: list[str] = []

    def undo(deadline: Deadline) -> bool:
        with contextlib.suppress(TimeoutError):
            told.extend(look.result(deadline).out.split())
        return True

    process.undo_at_end(undo)
    time.sleep(0.1)
    began = time.monotonic()
    process.kill_all()
    assert time.monotonic() - began < 1
    assert told == known
    assert look.result(Deadline(1)).status == (0 if known else -signal.SIGKILL)


def test_undoing_does_not_hang() -> None:
    process.undo_at_end(running('/bin/sleep', '60'))
    process.undo_at_end(running('/no/such/program'))
    began = time.monotonic()
    process.kill_all()
    assert time.monotonic() - began < 1.5


def test_what_runs_aside_outlives_the_run_but_not_the_interpreter(tmp_path: Path) -> None:
    done, pid_file = tmp_path / 'done', tmp_path / 'pid'
    process.run_aside(['/no/such/program'])
    process.run_aside([*SH, f'sleep 0.5; touch {done}'])
    process.run_aside([*SH, f'echo $$ > {pid_file}; sleep 60'])
    process.kill_all()
    assert not done.exists()
    began = time.monotonic()
    process.see_off()
    assert time.monotonic() - began < 3
    assert done.exists() and gone(int(pid_file.read_text(encoding='utf-8')))


def test_what_runs_aside_and_failed_is_run_once_more(tmp_path: Path) -> None:
    """As a program does that met Ctrl+C while it began."""
    tries = tmp_path / 'tries'
    process.run_aside([*SH, f'echo >> {tries}; kill -TERM $$'])
    process.see_off()
    assert len(tries.read_text(encoding='utf-8')) == 2


@pytest.mark.parametrize('seconds', [0.4, 60])
def test_what_runs_aside_may_end_though_somebody_presses_ctrl_c(tmp_path: Path, seconds: float) -> None:
    code = ('import os, signal, sys, threading\nfrom azext_acrhealth.clients import process\n'
            'process._ASIDE_SECONDS = 20\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n'
            'press = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])\npress.daemon = True\n'
            'process.run_aside(sys.argv[1:])\npress.start()')
    began = time.monotonic()
    done = run([sys.executable, '-c', code, *SH, f'sleep {seconds}; touch {tmp_path / "done"}'], 30)
    assert done.status == 0 and time.monotonic() - began < 5, done
    assert (tmp_path / 'done').exists() == (seconds < 1)


def test_windows_ends_a_whole_tree_by_its_own_taskkill_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def hangs(argv: list[str], **options: Any) -> None:
        asked.append(argv)
        raise subprocess.TimeoutExpired(argv, options['timeout'])

    with subprocess.Popen(['/bin/cat'], stdin=subprocess.PIPE) as running:
        with monkeypatch.context() as windows:
            windows.setattr(sys, 'platform', 'win32')
            windows.setenv('SystemRoot', '/windows')
            windows.setattr(subprocess, 'run', hangs)
            process.kill(running)
        assert asked == [['/windows/System32/taskkill.exe', '/T', '/F', '/PID', str(running.pid)]]
    with monkeypatch.context() as windows:
        windows.setattr(sys, 'platform', 'win32')
        windows.setattr(subprocess, 'run', hangs)
        process.kill(running)  # it has ended: its number may be another's by now
    assert len(asked) == 1


def put(directory: Path, name: str, mode: int = 0o755) -> str:
    """Put an executable file there."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text('#!/bin/sh\n', encoding='utf-8')
    path.chmod(mode)
    return str(path)


def test_names_are_looked_for_in_their_order_and_in_that_of_path(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = put(tmp_path / 'b', 'docker'), put(tmp_path / 'a', 'docker')
    three = put(tmp_path / 'a', 'podman')
    monkeypatch.setenv('PATH', f'{tmp_path}/b:{tmp_path}/a:/no/such')
    assert search('docker', 'podman').found == [one, two, three]
    assert search('helm').found == []


@pytest.mark.parametrize('path', ['.', '', 'relative:.', '{here}', '{here}/', ':/no/such'])
def test_the_current_directory_is_never_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    mine = put(tmp_path, 'docker')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PATH', path.format(here=tmp_path))
    result = search('docker')
    assert (result.found, result.in_current_directory) == ([], [mine])
    monkeypatch.setenv('PATH', f'{path.format(here=tmp_path)}:{tmp_path}/bin')
    good = put(tmp_path / 'bin', 'docker')
    assert search('docker').found == [good]


def test_windows_completes_a_name_in_the_order_of_its_own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, 'docker')
    script, program = put(tmp_path, 'docker.CMD'), put(tmp_path, 'docker.EXE')
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('PATHEXT', os.pathsep.join(['.EXE', '.CMD']))
    monkeypatch.setattr(sys, 'platform', 'win32')
    assert search('docker').found == [program, script]
    assert search('docker.EXE').found == [program]


def test_a_file_that_is_not_executable_and_a_directory_are_not_found(tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    lame = put(tmp_path, 'docker', 0o644)
    (tmp_path / 'podman').mkdir()
    monkeypatch.setenv('PATH', str(tmp_path))
    result = search('docker', 'podman')
    assert (result.found, result.not_executable) == ([], [lame])


def test_a_current_directory_that_was_deleted_is_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / 'here'
    here.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    monkeypatch.setenv('PATH', f'.::{tmp_path}')
    assert search('docker').found == []


@given(st.text())
def test_any_path_can_be_searched(path: str) -> None:
    before = os.environ['PATH']
    try:
        os.environ['PATH'] = path
    except (ValueError, UnicodeEncodeError):
        return
    try:
        assert search('no-such-tool-anywhere').found == []
    finally:
        os.environ['PATH'] = before
