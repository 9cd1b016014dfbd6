"""Whether the credential helpers work that the container client would ask about this registry.

A helper that is missing, locked or broken spoils every ``docker login`` and ``az acr login``, and shows at the registry
as "unauthorized". It is asked as docker asks it: ``docker-credential-X get`` with the server's name on its standard
input (https://github.com/docker/docker-credential-helpers). What it hands out is looked at and thrown away.
"""

from typing import Any, Mapping, NamedTuple

from ..clients import Deadline, process
from ..clients.containers import Client, object_in
from ..clients.process import Completed, NotRun
from ..errors import CredentialHelperError, HealthCheckError
from ..runner import Check, Found
from .docker_config import Config, elsewhere, is_snap, read, read_config, usual_path
from .tools import Finding, Sign, failed_run, first, outside_cloud_shell, time_for

# What killing a helper may take that never answers.
_PARTING = 0.9

_NOT_STORED = r'credentials not found|not found in (native )?(keychain|store)|no credentials server URL'

# What helpers print, mostly on stdout, when their store does not open (FIELD a-keychain-*, a-pass-*, a-wincred-*,
# a-credential-*; docker-credential-helpers issues 24, 118, 199).
_SIGNS = [
    Sign('keychain-locked', r'User interaction is not allowed|errSecInteractionNotAllowed'),
    Sign('keychain-passphrase', r'user name or passphrase you entered is not correct'),
    Sign('pass-not-initialized', r'pass (store )?(is )?not initiali[sz]ed|password store is empty|'
                                 r'exec: "pass": executable file not found|you must run:?\s+pass init'),
    Sign('pass-wrong-key', r'No public key|encryption failed'),
    Sign('pass-locked', r'No secret key|decryption failed|No pinentry|Inappropriate ioctl for device'),
    Sign('secret-service-missing', r'Cannot autolaunch D-Bus|org\.freedesktop\.secrets|DBUS_SESSION_BUS_ADDRESS|'
                                   r'Could not connect: |Cannot spawn a message bus'),
    Sign('secret-service-locked', r'Cannot create an item in a locked collection|prompt (was )?dismissed|is locked'),
    Sign('wincred-no-session', r'specified logon session does not exist'),
    Sign('credential-helper-exec-format', r'Invalid argument|exec format error|cannot execute binary file'),
]


class _Trouble(NamedTuple):
    """What is wrong with one helper."""

    cause: str
    evidence: Mapping[str, Any]


def check(context: Any, needs: Mapping[str, Any]) -> Found:
    """Try each helper that the client's configuration names for this registry."""
    outside_cloud_shell()
    client: Client = needs['container-client']
    elsewhere(client)
    server = context.guessed_host or context.azure.mcr_host
    config = read_config(client)
    if config.trouble:
        raise CredentialHelperError('docker-config-invalid', config=config.path, reason=config.trouble)
    deadline = Deadline(time_for(context))
    surprise = snap_surprise(client, config, server)
    helper = config.helper_for(server)
    details: dict[str, Any] = {'config': config.path, 'server': server, 'helper': helper, **_others(config, helper)}
    if helper:
        trouble = _try(context, helper, server, deadline)
        if trouble:
            evidence = {**details, 'setting': config.setting_for(server), **trouble.evidence}
            raise CredentialHelperError(trouble.cause, **evidence)
    warning = CredentialHelperError(surprise.cause, **details, **surprise.evidence) if surprise else None
    message = f'docker-credential-{helper} works' if helper else 'No credential helper is configured'
    return Found(message, details=details, warning=warning)


def _others(config: Config, helper: str | None) -> Mapping[str, Any]:
    """Return which helpers for other registries are missing: that does not concern this one."""
    others = {name for name in config.helpers() if name != helper and not path_of(name)}
    return {'missing_for_other_registries': sorted(others)} if others else {}


def path_of(helper: str) -> str | None:
    """Return where on PATH that helper is."""
    found = process.search(f'docker-credential-{helper}').found
    return found[0] if found else None


def ask(context: Any, path: str, server: str) -> Completed:
    """Return the answer of the helper at that path about ``server``, which it is asked once in a run. Raises NotRun.

    It holds the secret.
    """
    seconds = 0.7 * time_for(context)
    asked = context.once(f'{path} get {server}', lambda: process.run([path, 'get'], seconds, stdin=server.encode()))
    return asked.result(Deadline(seconds + _PARTING))  # type: ignore[no-any-return]


def _try(context: Any, helper: str, server: str, deadline: Deadline) -> _Trouble | None:
    """Return what is wrong with the helper, None if it answers as the protocol says."""
    program = f'docker-credential-{helper}'
    search = process.search(program)
    if not search.found:
        lame = search.not_executable
        return _Trouble('credential-helper-not-executable', {'program': program, 'path': lame[0]}) if lame else \
            _Trouble('credential-helper-missing', {'program': program})
    path = search.found[0]
    evidence = {'program': program, 'path': path}
    try:
        got = ask(context, path, server)
        trouble = judge(got) or _hidden_trouble(helper, got)
        if trouble is None:
            listed = process.run([path, 'list'], deadline.left())
            trouble = judge(listed, unknown_matters=False)
    except NotRun as refusal:
        cause = 'credential-helper-exec-format' if refusal.why == 'exec-format' else 'credential-helper-failed'
        return _Trouble(cause, {**evidence, 'reason': str(refusal)})
    return _Trouble(trouble.cause, {**evidence, **trouble.evidence}) if trouble else None


def judge(answer: Completed, *, unknown_matters: bool = True) -> _Trouble | None:
    """Return the trouble that an answer shows. Not every helper can list: that alone is none."""
    words = answer.out + '\n' + answer.err
    if answer.timed_out:
        return _Trouble('credential-helper-silent', {'seconds': round(answer.seconds, 1)}) if unknown_matters else None
    if answer.status == 0:
        if unknown_matters and not object_in(answer.out):
            return _Trouble('credential-helper-garbled', {})
        return None
    if first([Sign('', _NOT_STORED)], words):
        return None
    found = first(_SIGNS, words)
    if found:
        return _Trouble(found.cause, failed_run(answer))
    return _Trouble('credential-helper-failed', failed_run(answer)) if unknown_matters else None


def _hidden_trouble(helper: str, got: Completed) -> _Trouble | None:
    """Return the trouble of a password store that was never initialized: to ``get`` its helper answers with an empty
    login, and only ``store`` then says so (docker-credential-pass 0.6.4)."""
    login = object_in(got.out)
    if helper == 'pass' and login.get('Username') == login.get('Secret') == '':
        return _Trouble('pass-not-initialized', {'reason': 'it answers with an empty login'})
    return None


def _overrun(_context: Any, seconds: float) -> HealthCheckError:
    return CredentialHelperError('credential-helper-silent', seconds=round(seconds))


def snap_surprise(client: Client, config: Config, server: str) -> Finding | None:
    """Return a login for ``server`` that only the file holds which a snap's docker does not read (FIELD a-snap-*)."""
    if not is_snap(client) or server in config.logins:
        return None
    usual = read(usual_path())
    if server not in usual.logins:
        return None
    return Finding('snap-docker-other-config', {'login_in': usual.path})


CHECK = Check('docker-credentials', 'environment', check, _overrun, needs=('container-client',), of_registry=False)
