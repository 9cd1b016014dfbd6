"""The command itself: arguments, context, run, diagnosis, report, exit status."""

import atexit
import contextlib
import gc
import signal
import sys
import threading
import time
from datetime import datetime, timezone
from typing import Any, Iterator, Sequence

from knack.log import get_logger

from ._validators import ACTIONS, DEFAULT_TIMEOUT, split_image
from .clients import process
from .context import Context, Options, OtherSignIn
from .ending import after_the_error, without_an_error
from .report import FAILED, SCHEMA_VERSION, CheckResult, Report, as_printed, camel_case, count, status_of
from .runner import Check, Found, NotApplicable, Progress, run_checks

logger = get_logger(__name__)

# How long threads may compute on when everything is over, and which stillness tells that none does.
_LEAVING_SECONDS, _STILL_SECONDS = 0.4, 0.03


def check_health(cmd: Any, registry_name: str | None = None, vnet: str | None = None, repository: str | None = None,
                 require: Sequence[str] | None = None, image: str | None = None, ignore_errors: bool = False,
                 yes: bool = False, timeout: float = DEFAULT_TIMEOUT, skip: Sequence[str] | None = None,
                 username: str | None = None, password: str | None = None, password_stdin: bool = False,
                 anonymous: bool = False) -> dict[str, Any]:
    """Return the report for az to print; arrange for its end: the first root cause becomes the command's error."""
    if image and not repository:
        repository, require = split_image(image)[0], ('pull',)
    options = Options(
        timeout=timeout, registry=str(registry_name) if registry_name else None, vnet=vnet, repository=repository,
        image=image, require=tuple(require or (('pull',) if anonymous else ACTIONS)), skip=tuple(skip or ()),
        other_sign_in=OtherSignIn() if anonymous else _other_sign_in(username, password, password_stdin),
        **_consent(cmd.cli_ctx, yes, skip or ()))
    started_at = datetime.now(timezone.utc)
    context = Context(options, cmd.cli_ctx)
    results = _run(cmd.cli_ctx, context)
    report = _report(context, results, started_at)
    _speak_after_printing(cmd.cli_ctx, report, ignore_errors)
    return as_printed(report)  # type: ignore[no-any-return]


def _other_sign_in(username: str | None, password: str | None, password_stdin: bool) -> OtherSignIn | None:
    """Return the user name with its password, asking for one that was not given before any check starts."""
    if username is None:
        return None
    from azure.cli.core.azclierror import InvalidArgumentValueError, RequiredArgumentMissingError
    from .redaction import never_show
    if password_stdin:
        line = sys.stdin.buffer.readline() if sys.stdin else b''
        password = line.decode('utf-8-sig', 'surrogateescape').rstrip('\r\n')
    elif password is None:
        if not sys.stdin or not sys.stdin.isatty():
            raise RequiredArgumentMissingError(
                f'The password of {username} is missing, and there is no terminal to ask for it at.',
                'Give it on standard input with --password-stdin.')
        from knack.prompting import prompt_pass
        with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(EOFError):
            password = prompt_pass(f'Password of {username}: ')
    if not password:
        raise InvalidArgumentValueError(f'The password of {username} is empty.')
    never_show(password, username)
    return OtherSignIn(username, password)


def _consent(cli_ctx: Any, yes: bool, skip: Sequence[str]) -> dict[str, Any]:
    """Return whether the sample image may be pulled, asking before any check starts where there is a terminal."""
    from .checks.tools import cloud_shell
    if yes or {'container-pull', 'environment'} & set(skip) or cloud_shell() \
            or cli_ctx.config.getboolean('core', 'disable_confirm_prompt', fallback=False):
        return {'pull': True}
    if not sys.stdin or not sys.stdin.isatty() or not sys.stderr.isatty():
        return {'pull': False, 'no_pull': 'Not pulled: there is no terminal to ask at; --yes allows it'}
    from knack.prompting import prompt_y_n
    from .clients.azure import SAMPLE_IMAGE, mcr_host
    # On standard error, so that a report that is sent to a file stays one.
    with contextlib.redirect_stdout(sys.stderr):
        agreed = prompt_y_n(f'This will pull the image {mcr_host(cli_ctx.cloud.name)}/{SAMPLE_IMAGE}. Proceed?')
    return {'pull': True} if agreed else {'pull': False, 'no_pull': 'Not pulled, as you asked', 'pull_refused': True}


def _run(cli_ctx: Any, context: Context) -> list[CheckResult]:
    """Run the checks that apply. Whatever ends the run, no child process outlives it."""
    from .checks import ALL
    checks = [_or_why_not(check, context.options) for check in ALL
              if context.options.registry or not check.of_registry]
    if context.options.other_sign_in:
        from .checks.other_sign_in import CHECKS
        checks = [CHECKS.get(check.name, check) for check in checks]
    try:
        with _ended_by_sigterm(), _no_search_for_garbage(), _progress(cli_ctx) as progress:
            return run_checks(checks, context, progress)
    finally:
        process.kill_all()


def _or_why_not(check: Check, options: Options) -> Check:
    """Return the check; one that nobody asked for, and in Azure Cloud Shell one of the machine, only says why it is not
    run."""
    from .checks.tools import cloud_shell
    why_not = cloud_shell() if check.category == 'environment' else None
    if check.asked_by and not getattr(options, check.asked_by):
        why_not = f'Only with --{check.asked_by}'
    if why_not is None:
        return check

    def not_here(*_: Any) -> Found:
        raise NotApplicable(why_not)

    return check._replace(needs=(), run=not_here)


@contextlib.contextmanager
def _progress(cli_ctx: Any) -> Iterator[Progress]:
    """Show on a terminal what is under way, through az's own controller and by its rules. A quick run shows nothing."""
    shown: list[Any] = []

    def show(names: Sequence[str]) -> None:
        if not shown:
            shown.append(cli_ctx.get_progress_controller())
        shown[0].add(message=f'Waiting for {", ".join(names[:3])}{" and others" if len(names) > 3 else ""}')

    def hide(_: Sequence[str]) -> None:
        """Nobody watches."""

    silent = not sys.stderr or not sys.stderr.isatty() or cli_ctx.only_show_errors \
        or cli_ctx.config.getboolean('core', 'disable_progress_bar', fallback=False)
    try:
        yield hide if silent else show
    finally:
        if shown:
            shown[0].end()


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as an exception, so that it is cleaned up after."""
    def end(*_: Any) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: whoever runs az inside a program handles its signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Spare a short run its searches of all of az for garbage, which took up to 25 ms of it.

    Afterwards all there is counts as old, so that none follows at once; the next whole search finds what is garbage.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # else a program that has az in it has frozen what is its own
                gc.freeze()
                gc.unfreeze()
            gc.enable()


@atexit.register
def _leave() -> None:
    """Prepare the interpreter's end. Without a search of all of az for garbage it is sooner over, by a tenth of a run.

    But a thread that was left behind may be inside OpenSSL, which exit takes apart under it, and that is a segmentation
    fault: then wait for a moment until none computes any more.
    """
    with contextlib.suppress(KeyboardInterrupt):
        until = time.monotonic() + _LEAVING_SECONDS
        while threading.active_count() > 1 and time.monotonic() < until:
            used = time.process_time()
            time.sleep(_STILL_SECONDS)
            if time.process_time() - used < _STILL_SECONDS / 10:
                return
        if threading.active_count() == 1:
            gc.freeze()


def _report(context: Context, results: Sequence[CheckResult], started_at: datetime) -> Report:
    from .diagnosis import diagnose
    deepened, root_causes = diagnose(results)
    return Report(
        schema_version=SCHEMA_VERSION, status=status_of(deepened), root_causes=root_causes,
        registries=_registries(context, deepened), environment=_environment(context), summary=count(deepened),
        started_at=started_at.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z',
        duration_ms=round((time.monotonic() - context.started) * 1000),
        checks=[result._replace(details={camel_case(key): value for key, value in result.details.items()})
                for result in deepened])


def _registries(context: Context, results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    if context.options.registry is None:
        return []
    known = next((result.details for result in results if result.name == 'login-server'), {})
    return [{'name': context.options.registry, 'loginServer': known.get('login_server') or context.guessed_host,
             'resourceId': known.get('resource_id'), 'location': known.get('location'), 'sku': known.get('sku')}]


def _environment(context: Context) -> dict[str, Any]:
    """Return where and as whom this ran."""
    from .checks.azure_cli import versions
    from .clients.azure import SignInFailed
    from .clients.http import proxy_for, without_password
    from .clients.names import name_servers
    try:
        account = context.azure.account()
    except SignInFailed:
        account = None
    proxy = proxy_for(context.guessed_host or context.azure.management_host)
    return {**{camel_case(key): value for key, value in versions().items()},
            'cloud': context.azure.cloud,
            'subscriptionId': account.subscription_id if account else None,
            'identity': _identity(context, account),
            'proxy': without_password(proxy) if proxy else None,
            'nameServers': name_servers(),
            'caBundle': context.trust.bundle}


def _identity(context: Context, account: Any) -> dict[str, Any] | None:
    """Return as whom the registry was asked."""
    if context.options.other_sign_in:
        from .checks.other_sign_in import kind_of
        username = context.options.other_sign_in.username
        return {'type': kind_of(username, context.options.registry), 'name': username, 'tenantId': None}
    return {'type': account.identity_type, 'name': account.identity_name,
            'tenantId': account.tenant_id} if account else None


def _speak_after_printing(cli_ctx: Any, report: Report, ignore_errors: bool) -> None:
    """End the run for a person, once az has printed the report; raise the first root cause, so that it fails as well.

    az raises this event inside the block that turns exceptions into messages and an exit status.
    """
    from knack.events import EVENT_CLI_SUCCESSFUL_EXECUTE

    def speak(*_: Any, **__: Any) -> None:
        cli_ctx.unregister_event(EVENT_CLI_SUCCESSFUL_EXECUTE, speak)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        if report.status == FAILED and not ignore_errors:
            raise _error(report)
        if _somebody_reads(cli_ctx):
            print('\n'.join(without_an_error(report)), file=sys.stderr)

    cli_ctx.register_event(EVENT_CLI_SUCCESSFUL_EXECUTE, speak)


def _somebody_reads(cli_ctx: Any) -> bool:
    """Return whether to say on standard error what is no error: to a terminal, or in place of the report."""
    at_terminal = bool(sys.stderr and sys.stderr.isatty())
    return not cli_ctx.only_show_errors and (at_terminal or cli_ctx.invocation.data.get('output') == 'none')


def _error(report: Report) -> Exception:
    from .errors import ERRORS
    first = report.root_causes[0]
    error = ERRORS[first.error_code].of_root_cause(first.cause, first.message)
    error.set_recommendation(after_the_error(report))
    return error
