"""Whatever a broken or hostile world answers: an end in time, the right code, no traceback, and no secret told."""
from __future__ import annotations

import base64
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.case import ARM, ENTRA, HTTP, SOON, Case, Command, R, broken, prove
from tests.e2e.test_sign_in import AS_USER, EXCHANGE, ON, TOKEN
from tests.lab import Lab
from tests.local_azure import names, presets

ERROR, REFRESH, ACCESS = ('CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_REFRESH_TOKEN_ERROR',
                          'CONNECTIVITY_ACCESS_TOKEN_ERROR')
JSON = [['Content-Type', 'application/json']]
LOGIN, MANAGEMENT = names.CLOUDS[0].entra, names.CLOUDS[0].resource_manager
Where = Callable[..., Command]
DRIP = {'head': 2, 'body': 2}
CHUNKED = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'

# What keeps an exchange from ever ending, each in its own place.
ENDLESS: dict[str, dict[str, Any]] = {
    'status-line-drips': {'status': 200, 'drip': {'head': 1}},
    'headers-drip': {'raw': 'HTTP/1.1 200 OK\r\n' + 'X-Drip: a\r\n' * 1000, 'drip': {'body': 10}},
    'body-drips': {'status': 401, 'headers': JSON, 'body': '{"errors":' + ' ' * 1000, 'drip': {'body': 1}},
    'chunk-size-drips': {'raw': CHUNKED + '0' * 1000, 'drip': {'body': 40}},
    'continues-for-ever': {'raw': 'HTTP/1.1 100 Continue\r\n\r\n' * 1000, 'drip': {'body': 50}},
    'headers-without-end': {'status': 200, 'endless': 'head'},
    'headers-without-end-slowly': {'status': 200, 'endless': 'head', 'drip': {'head': 100}},
    'body-without-end-slowly': {'status': 200, 'headers': JSON, 'endless': 'body', 'drip': {'body': 20}},
}


def endless(name: str, where: Where, cause: str | None, code: str | None, path: str = '*') -> list[Case]:
    """A case for each kind of exchange without end, at one place."""
    def case(what: str, options: dict[str, Any]) -> Case:
        headers = what == 'headers-without-end'
        # MSAL reads such headers twice, which takes about two seconds of the processor: no wait, so no --timeout 2.
        bound = {} if headers and where is ENTRA else SOON
        return Case(f'{name}-{what}', broken(where(path=path, **options)), 'not-http' if headers else cause, code,
                    [R if where is HTTP else ''], **bound)

    return [case(what, options) for what, options in ENDLESS.items()]


def body(content: str | bytes, status: int = 200, path: str = TOKEN, **more: Any) -> Command:
    """An answer at one of the registry's token endpoints with that body."""
    raw = content if isinstance(content, bytes) else content.encode()
    return HTTP(path=path, status=status, headers=JSON, body64=base64.b64encode(raw).decode(), **more)


DEEP = '{"access_token":' + '[' * 100000
ESCAPES = json.dumps({'errors': [{'code': 'DENIED', 'message': '\x1b[2J\x1b]0;owned\x07go\u202e away\r\nERROR: fake'}]})
BODIES = [
    Case('token-body-empty', broken(body('')), 'token-missing', ACCESS, ['200'], 'aka.ms/acr/issues'),
    Case('token-body-is-a-list', broken(body('[1]')), 'token-missing', ACCESS, ['200']),
    Case('token-is-a-number', broken(body('{"access_token": 7}')), 'token-missing', ACCESS, ['200']),
    Case('token-body-not-utf-8', broken(body(b'\xff\xfe{"access_token":"\xe9"}')), 'token-missing', ACCESS, ['200']),
    Case('token-body-deeply-nested', broken(body(DEEP)), 'token-missing', ACCESS, ['200']),
    Case('token-body-truncated', broken(body('{"access_token":"ey', length=5000)), 'token-missing', ACCESS,
         ['200', 'ends before its announced length']),
    Case('token-body-huge', broken(body('{"access_token":"' + 'a' * 6_000_000 + '"}')), 'token-missing', ACCESS,
         ['200', 'has more than 4194304 bytes']),
    Case('token-body-without-end', broken(body('a' * 100_000, endless='body')), 'token-missing', ACCESS,
         ['has more than 4194304 bytes'], **SOON),
    Case('token-of-another-type', broken(HTTP(path=TOKEN, status=200, headers=[['Content-Type', 'image/png']],
                                              body='PNG')), 'page-in-between', ACCESS, ['200']),
    Case('token-with-deep-claims', broken(body(json.dumps({'access_token': 'e30.' + base64.urlsafe_b64encode(
        b'[' * 90000).decode().rstrip('=') + '.x'}))), 'token-unreadable', ACCESS, ['samples/hello'], args=ON),
    Case('error-with-terminal-escapes', broken(body(ESCAPES, 400)), 'token-refused', ACCESS,
         ['go', 'away ERROR: fake']),
    Case('error-body-is-no-error', broken(body('{"errors":[null]}', 401)), 'token-missing', ACCESS, ['401']),
    Case('challenge-body-deeply-nested', broken(HTTP(path='/v2/', status=404, headers=JSON, body='[' * 100000)),
         'other-service', ERROR, ['404']),
    Case('challenge-is-megabytes-long', broken(HTTP(path='/v2/', status=401, headers=[
        ['WWW-Authenticate', 'Bearer ' + 'x="y",' * 10000]])), 'challenge-incomplete', 'CONNECTIVITY_AAD_LOGIN_ERROR'),
    Case('arm-body-is-noise', broken(ARM(path='*/registries', status=200, body64='//79/AAB')),
         'management-intercepted', None, ['200']),
    Case('arm-body-deeply-nested', broken(ARM(path='*/registries', status=200, headers=JSON,
                                              body='{"value":' + '[' * 99999)),
         'management-intercepted', None, ['200']),
    Case('arm-listing-of-nothing-known', broken(ARM(path='*/registries', status=200, headers=JSON,
                                                    body='{"value":[null,7,"x",{"name":{}},{"name":"demoregistry"}]}')),
         'login-server-absent', None, ['demoregistry']),
    Case('arm-pages-without-end', broken(ARM(path='*/registries', status=200, headers=JSON, body=json.dumps(
        {'value': [], 'nextLink': f'https://{MANAGEMENT}/subscriptions/x/registries?again'}))), 'registry-not-visible',
         None, ['Contoso Production']),
]
CASES = [
    *endless('registry', HTTP, 'answer-timeout', ERROR, '/v2/'),
    *endless('exchange', HTTP, 'answer-timeout', REFRESH, EXCHANGE),
    *endless('arm', ARM, 'management-silent', None),
    *endless('entra', ENTRA, 'sign-in-silent', REFRESH),
    *(replace(case, id=f'{case.id}-by-default', args=(), seconds=30) for case in [
        *endless('registry', HTTP, 'answer-timeout', ERROR, '/v2/')[1:2],
        *endless('entra', ENTRA, 'sign-in-silent', REFRESH)[2:3]]),
    *BODIES,
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_an_end(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    run = prove(lab, case, request)
    said = run.stdout + run.stderr
    assert not [letter for letter in said if letter != '\n' and not letter.isprintable()]


SECRETS = [['exchange-401'], ['exchange-504'], ['exchange-html'], ['token-401'], ['token-nothing-granted'],
           ['token-504'], ['arm-token-expired'], ['arm-500'], ['entra-secret-expired'], ['exchange-silent'],
           ['redirect'], []]


@pytest.mark.parametrize('broken_by', SECRETS, ids=lambda names: '-'.join(names) or 'healthy')
@pytest.mark.parametrize('as_user', [False, True], ids=['principal', 'user'])
def test_debug_output_tells_no_secret_that_travelled(lab: Lab, broken_by: list[str], as_user: bool) -> None:
    lab.profile()
    if as_user:
        AS_USER(lab)
    lab.azure.clear_journal()
    broken(*broken_by)(lab)
    run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--skip', 'environment', '--debug',
                 '--timeout', '3', *ON)
    said = run.stdout + run.stderr
    assert 'Traceback' not in run.stdout and 'acrhealth' in said
    secrets = lab.azure.secrets()
    travelled = [secret for secret in secrets if secret in json.dumps(lab.azure.journal())]
    assert travelled, 'no secret was sent at all'
    for secret in secrets:
        assert secret not in said and quote(secret, safe='') not in said
        # Nor the part that is good for a replay: a token's signature.
        assert len(secret.split('.')) != 3 or secret.split('.')[2] not in said


def test_each_token_goes_to_its_own_audience_only(lab: Lab) -> None:
    lab.profile()
    lab.azure.clear_journal()
    run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--skip', 'environment', *ON)
    assert run.status == 0, run.stderr
    sent = [(entry['host'], entry['path'], name, value) for entry in lab.azure.journal(kind='http')
            for name, value in [*entry['headers'], *entry['form'].items()]
            if name.lower() in ('authorization', 'access_token', 'refresh_token', 'client_secret')]
    assert {(host, path if host == R else '', name.lower()) for host, path, name, _ in sent} == {
        (LOGIN, '', 'client_secret'), (MANAGEMENT, '', 'authorization'), (R, EXCHANGE, 'access_token'),
        (R, TOKEN, 'refresh_token')}
    assert len({value for *_, value in sent}) == len({(host, name) for host, _, name, _ in sent})


@pytest.mark.parametrize('preset', ['http-silent', 'exchange-silent', 'tcp-drop', 'entra-silent', 'arm-silent',
                                    'dns-silent', 'http-drip'])
def test_an_interrupt_ends_it_at_once(lab: Lab, preset: str) -> None:
    lab.profile()
    lab.azure.clear_journal()
    lab.azure.preset(preset)
    process = lab.popen(*lab.az_command('acr', 'check-health-ext', '--name', 'demoregistry', '--yes', '--timeout', '60',
                                        '--skip', 'environment'), env=lab.az_environment())
    deadline = time.monotonic() + 30
    while not lab.azure.journal() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    assert process.poll() is None
    interrupted = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - interrupted < 1 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert process.returncode != 0 and not out and 'Traceback' not in err
    assert not lab.processes()


def test_presets_cover_what_is_tested() -> None:
    assert {name for group in SECRETS for name in group} <= set(presets.PRESETS)
