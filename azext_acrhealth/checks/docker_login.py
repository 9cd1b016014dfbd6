"""Whether the container client itself is signed in to the registry, and whether that sign-in has expired.

What it holds is looked at here and sent nowhere. A token tells its end; a password does not tell whether it is right.
"""

import base64
from datetime import datetime, timezone
from typing import Any, Mapping

from ..clients import registry
from ..clients.containers import Client, object_in, text_at
from ..clients.process import NotRun
from ..errors import DockerLoginError, HealthCheckError
from ..runner import Check, Found, NotApplicable
from . import connection, docker_credentials
from .docker_config import Config, elsewhere, read_config


class _Login:
    """Who is signed in. ``secret`` is one: a token, or a password."""

    def __init__(self, username: str | None, secret: str) -> None:
        self.username = username
        self.secret = secret


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    client: Client = needs['container-client']
    server: str = needs['login-server'].login_server
    elsewhere(client)
    config = read_config(client)
    if config.trouble:
        raise NotApplicable(f'{config.path} cannot be used: {config.trouble}')
    helper = config.helper_for(server)
    facts: dict[str, Any] = {'registry': context.options.registry, 'server': server, 'client': client.kind,
                             'config': config.path, 'helper': helper}
    login = _from_helper(context, helper, server) if helper else _from_file(config, server)
    facts.update(signed_in=login is not None, username=login.username if login else None)
    if login is None:
        return _nobody(config, facts)
    until = registry.expiry(login.secret)
    facts['until'] = connection.moment(until)
    if until is None:
        return Found(f'{client.kind} is signed in to {server} as {login.username} with a password; whether that is '
                     'right is not known without sending it', details=facts)
    warning = DockerLoginError('docker-login-expired', **facts) if until < datetime.now(timezone.utc) else None
    return Found(f'{client.kind} is signed in to {server} until {facts["until"]}', details=facts, warning=warning)


def _nobody(config: Config, facts: dict[str, Any]) -> Found:
    """Return what it means that there is no login; one under the same name in other letters is none to the client."""
    spelled = next((host for host in config.logins if host.lower() == facts['server']), None)
    if spelled and spelled != facts['server']:
        warning = DockerLoginError('docker-login-other-spelling', **facts, spelled=spelled)
        return Found('', details=facts, warning=warning)
    return Found(f'{facts["client"]} is not signed in to {facts["server"]}', details=facts)


def _from_file(config: Config, server: str) -> _Login | None:
    """Return what the file holds for that server."""
    entry = config.logins.get(server, {})
    try:
        decoded = base64.b64decode(text_at(entry, 'auth') or '').decode('utf-8', 'replace')
    except ValueError:
        decoded = ''
    username, _, password = decoded.strip('\0').partition(':')
    return _login(username or text_at(entry, 'username'), text_at(entry, 'identitytoken')
                  or text_at(entry, 'registrytoken') or password or text_at(entry, 'password'))


def _from_helper(context: Any, helper: str, server: str) -> _Login | None:
    """Return what the helper holds for that server. Raises NotApplicable where it does not work."""
    broken = NotApplicable(f'docker-credential-{helper} does not work')
    path = docker_credentials.path_of(helper)
    if path is None:
        raise broken
    try:
        answer = docker_credentials.ask(context, path, server)
    except (NotRun, TimeoutError) as ex:
        raise broken from ex
    if docker_credentials.judge(answer):
        raise broken
    stored = object_in(answer.out) if answer.status == 0 else {}
    return _login(text_at(stored, 'Username'), text_at(stored, 'Secret'))


def _login(username: str | None, secret: str | None) -> _Login | None:
    return _Login(username, secret) if secret else None


def _overrun(_context: Any, seconds: float) -> HealthCheckError | Found:
    raise NotApplicable(f'The credential helper gave no answer within {round(seconds)} s')


CHECK = Check('docker-login', 'sign-in', _run, _overrun, needs=('login-server', 'container-client'))
