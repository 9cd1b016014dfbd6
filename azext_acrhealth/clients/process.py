"""A program run to its end, or killed with its children; and where on PATH programs are.

Every child leads a process group of its own, so that what it started dies with it. ``kill_all`` belongs into a
``finally`` of the main thread: then Ctrl+C, SIGTERM and the end of a run leave nothing running but what runs aside.
"""

import atexit
import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

from . import Deadline

#: What a tool prints beyond this is read, so that it never blocks, and thrown away.
CAP = 1 << 17

# A child that has ended may have left a grandchild behind that holds its pipes: nobody waits longer for it than this.
_GRACE = 0.3
_LOOK_SECONDS = 0.05
# What must be undone after an interrupt may take this long, for the whole program is to be gone within a second; and
# this much of it is for what ends by itself: docker 28, left amid the last steps of a pull, keeps a nameless image.
_PARTING, _MOMENT = 0.7, 0.25
_UNDO_PAUSES = (0.0, 0.05, 0.1)
_ASIDE_SECONDS = 2.0
_NOT_A_PROGRAM_HERE = 193  # Windows: ERROR_BAD_EXE_FORMAT

# Container clients, Helm and credential helpers are Go programs, made to last. On one processor, and searching for
# garbage less often, Helm takes a third less of its time (https://pkg.go.dev/runtime). What the user has set stays.
_ENVIRONMENT = {'GOMAXPROCS': '1', 'GOGC': '400'}

_lock = threading.Lock()
# Each program that is running, and whether it is spared at first when the run is over.
_live: dict['subprocess.Popen[bytes]', bool] = {}
_stopped: 'weakref.WeakSet[threading.Thread]' = weakref.WeakSet()
_begun_by: 'weakref.WeakKeyDictionary[threading.Thread, threading.Thread]' = weakref.WeakKeyDictionary()
_undone: list[Callable[[Deadline], bool]] = []
_aside: list[tuple[Sequence[str], 'subprocess.Popen[bytes]']] = []


class Completed(NamedTuple):
    """What became of a program. ``status`` is negative where a signal ended it, None where its time did."""

    status: int | None
    out: str
    err: str
    seconds: float
    truncated: bool = False

    @property
    def timed_out(self) -> bool:
        """Return whether it was killed because its time was over."""
        return self.status is None

    @property
    def signal(self) -> str | None:
        """Return the name of the signal that ended it, if one did."""
        if self.status is None or self.status >= 0:
            return None
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f'signal {-self.status}'


class NotRun(Exception):
    """The operating system did not start the program. ``why``: exec-format, denied, missing or other."""

    def __init__(self, ex: OSError) -> None:
        super().__init__(ex.strerror or str(ex))
        if getattr(ex, 'winerror', None) == _NOT_A_PROGRAM_HERE:
            self.why = 'exec-format'
        else:
            self.why = {errno.ENOEXEC: 'exec-format', errno.EACCES: 'denied', errno.EPERM: 'denied',
                        errno.ENOENT: 'missing'}.get(ex.errno or 0, 'other')


class Stopped(Exception):
    """The run that this thread worked for is over: it starts nothing any more."""


def run(argv: Sequence[str], seconds: float, *, env: Mapping[str, str] | None = None, stdin: bytes = b'',
        cap: int = CAP, spared: bool = False) -> Completed:
    """Return what the program at the absolute path ``argv[0]`` did within ``seconds``; raise NotRun if it did not run.

    No shell, no terminal. Its group is killed when its time is over, and whatever is left of it when it has ended.
    ``spared``: when the run is over it may end by itself within a moment, if something is to be undone then.
    """
    process = _start(argv, env, bool(stdin), spared)
    try:
        assert process.stdout and process.stderr
        pipes = [_Reader(process.stdout, cap), _Reader(process.stderr, cap)]
        if process.stdin:
            with contextlib.suppress(OSError):
                process.stdin.write(stdin)
            with contextlib.suppress(OSError):
                process.stdin.close()
        status = _wait(process, pipes, Deadline(seconds))
        if status is not None:
            _finish(pipes, _GRACE)
    finally:
        kill(process)
        with _lock:
            _live.pop(process, None)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _finish(pipes, _GRACE / 3)
    return Completed(status, pipes[0].text(), pipes[1].text(), seconds, any(pipe.truncated for pipe in pipes))


def _wait(process: 'subprocess.Popen[bytes]', pipes: Sequence['_Reader'], deadline: Deadline) -> int | None:
    """Return the exit status, None at the deadline. Most often the end of the output tells of it at once; waiting with
    a timeout alone looks only every 50 ms on POSIX."""
    for pipe in pipes:
        while pipe.is_alive() and process.poll() is None and deadline.left():
            pipe.join(min(_LOOK_SECONDS, deadline.left()))
    try:
        return process.wait(deadline.left())
    except subprocess.TimeoutExpired:
        return None


def _start(argv: Sequence[str], env: Mapping[str, str] | None = None, talks: bool = False,
           spared: bool = False) -> 'subprocess.Popen[bytes]':
    group: dict[str, Any] = {'start_new_session': True}
    if sys.platform == 'win32':
        group = {'creationflags': subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    try:
        # Under the lock: ``kill_all`` must not miss a program that has begun and is not in its list yet.
        with _lock:
            if _run_is_over():
                raise Stopped
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                list(argv), stdin=subprocess.PIPE if talks else subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0, env={**_ENVIRONMENT, **(os.environ if env is None else env)},
                **group)
            _live[process] = spared
    except OSError as ex:
        raise NotRun(ex) from ex
    except ValueError as ex:  # a null byte in what somebody put into an environment variable
        raise NotRun(OSError(errno.EINVAL, str(ex))) from ex
    return process


def heir(thread: threading.Thread) -> threading.Thread:
    """Return ``thread``, which works for the same run as this one: when that is over it starts nothing any more."""
    _begun_by[thread] = threading.current_thread()
    return thread


def _run_is_over() -> bool:
    thread: threading.Thread | None = threading.current_thread()
    while thread and thread not in _stopped:
        thread = _begun_by.get(thread)
    return thread is not None


class _Reader(threading.Thread):
    """Reads one pipe to its end and keeps the beginning. Left behind where somebody holds the pipe open."""

    def __init__(self, stream: Any, cap: int) -> None:
        super().__init__(daemon=True)
        self._stream, self._cap = stream, cap
        self._kept = bytearray()
        self.truncated = False
        self.start()

    def run(self) -> None:
        """Read to the end."""
        with contextlib.suppress(OSError, ValueError), self._stream:
            while chunk := self._stream.read(1 << 16):
                room = self._cap - len(self._kept)
                self._kept += chunk[:room]
                self.truncated = self.truncated or len(chunk) > room

    def text(self) -> str:
        """Return what has been kept so far."""
        return bytes(self._kept).decode('utf-8', 'replace')


def _finish(readers: Sequence[_Reader], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))


def kill(process: 'subprocess.Popen[bytes]') -> None:
    """Kill the process and everything in its group."""
    if sys.platform == 'win32':
        if process.poll() is None:
            taskkill = os.path.join(os.environ.get('SystemRoot', r'C:\Windows'), 'System32', 'taskkill.exe')
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run([taskkill, '/T', '/F', '/PID', str(process.pid)], check=False, timeout=_PARTING,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def run_aside(argv: Sequence[str]) -> None:
    """Start a program that may go on while the run ends and its report is printed: the interpreter waits for it at its
    own end, for a moment, and kills it then. Without one that can be started nothing happens."""
    with contextlib.suppress(NotRun, Stopped):
        process = _start(argv)
        with _lock:
            _live.pop(process, None)
            _aside.append((argv, process))


@atexit.register
def see_off() -> None:
    """Wait for what runs aside, at Ctrl+C only a moment longer; run once more what failed."""
    deadline = Deadline(_ASIDE_SECONDS)
    while _aside:
        argv, process = _aside[-1]
        try:
            _see_off(process, deadline)
        except KeyboardInterrupt:
            deadline = deadline.within(_PARTING)
        else:
            _aside.remove((argv, process))
            # Until it had a session of its own it was in the group of az, which a terminal interrupts.
            if process.returncode and deadline.left():
                with contextlib.suppress(NotRun, KeyboardInterrupt):
                    run(argv, deadline.left())


def _see_off(process: 'subprocess.Popen[bytes]', deadline: Deadline) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        if sys.platform == 'win32':
            process.wait(deadline.left())
        else:
            # As in ``run``: the end of its output tells of its own end at once.
            process.communicate(timeout=deadline.left())
    kill(process)


def undo_at_end(undo: Callable[[Deadline], bool]) -> Callable[[], None]:
    """Have ``kill_all`` call ``undo``, and again where it returns False: a daemon whose client is gone may be finishing
    its work. Not if the function returned here was called before: all is as it was."""
    with _lock:
        _undone.append(undo)

    def done() -> None:
        with _lock, contextlib.suppress(ValueError):
            _undone.remove(undo)

    return done


def kill_all() -> None:
    """End every program that is running, let no other thread of this run start one, and undo what is to be undone."""
    with _lock:
        _stopped.update(set(threading.enumerate()) - {threading.current_thread(), threading.main_thread()})
        live, undone = dict(_live), list(_undone)
        _undone.clear()
    for process, spared in live.items():
        if not spared:
            kill(process)
    deadline, moment = Deadline(_PARTING), Deadline(_MOMENT)
    try:
        for process in live if undone else ():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment.left())
    finally:  # whoever is in a hurry presses Ctrl+C twice
        for process in live:
            kill(process)
    for undo in undone:
        with contextlib.suppress(NotRun):
            _try(undo, deadline)


def _try(undo: Callable[[Deadline], bool], deadline: Deadline) -> None:
    for pause in _UNDO_PAUSES:
        time.sleep(pause)
        if not deadline.left() or undo(deadline):
            break


class Search(NamedTuple):
    """Where files of some names are: on PATH, there but not executable, or in the current directory only."""

    looked_for: Sequence[str]
    found: Sequence[str]
    not_executable: Sequence[str]
    in_current_directory: Sequence[str]
    directories: Sequence[str]


def search(*names: str) -> Search:
    """Look for programs on PATH, the first name first; never trust the current directory or a relative entry."""
    found: list[str] = []
    lame: list[str] = []
    here: list[str] = []
    directories = [entry.strip('"') for entry in os.environ.get('PATH', os.defpath).split(os.pathsep)]
    for name in names:
        for directory in directories:
            for path in _files(directory, name):
                trusted = found if os.access(path, os.X_OK) else lame
                place = here if _is_here(directory) else trusted
                if path not in place:
                    place.append(path)
    trusted_directories = [entry for entry in dict.fromkeys(directories) if not _is_here(entry)]
    return Search(names, found, lame, here, trusted_directories)


def _files(directory: str, name: str) -> Iterator[str]:
    suffixes = ['']
    if sys.platform == 'win32' and not name.lower().endswith('.exe'):
        suffixes = os.environ.get('PATHEXT', '.COM;.EXE;.BAT;.CMD').split(os.pathsep)
    for suffix in suffixes:
        with contextlib.suppress(OSError, ValueError):
            path = os.path.abspath(os.path.join(directory, name + suffix))
            if os.path.isfile(path):
                yield path


def _is_here(directory: str) -> bool:
    if not os.path.isabs(directory):
        return True
    try:
        return os.path.samefile(directory, os.curdir)
    except (OSError, ValueError):
        return False
