"""Other ways to sign in: user name and password as docker login has them, and anonymous pull."""
from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pexpect
import pytest

from tests.e2e.case import HTTP, REGISTRY, Case, broken, prove
from tests.e2e.test_sign_in import nobody, said
from tests.lab import Lab, Run
from tests.local_azure import names, presets, resources

ACCESS = 'CONNECTIVITY_ACCESS_TOKEN_ERROR'
R, TOKEN, APP = presets.R, presets.TOKEN, names.APP.name
REPOSITORY = ('--repository', 'samples/hello')
WRONG = 'Wrong+Password/of+nobody'
ADMIN, ANONYMOUS = REGISTRY(adminUserEnabled=True), REGISTRY(anonymousPullEnabled=True)
INVISIBLE = {'do': 'forbid', 'name': 'demoregistry'}
NULL = '00000000-0000-0000-0000-000000000000'


def by(user: str, password: str, *more: str) -> tuple[str, ...]:
    """The arguments of that sign-in."""
    return ('--username', user, '--password', password, *more)


def token(**changes: Any) -> dict[str, Any]:
    """Other settings of the repository token."""
    return {'do': 'resource', 'resource': resources.token('demoregistry', **changes)}


def passwords(*ends: str) -> dict[str, Any]:
    """The repository token has passwords that end then; an empty text is never."""
    return token(credentials={'passwords': [
        {'name': f'password{number}', 'creationTime': resources.CREATED + 'Z', **({'expiry': end} if end else {})}
        for number, end in enumerate(ends, 1)]})


AS_ADMIN, WRONG_ADMIN = by('demoregistry', names.ADMIN_PASSWORD), by('demoregistry', WRONG)
AS_TOKEN = by(names.REPOSITORY_TOKEN, names.REPOSITORY_TOKEN_PASSWORD)
WRONG_TOKEN = by(names.REPOSITORY_TOKEN, WRONG)
CASES = [
    Case('admin', broken(ADMIN), None, None, ['"adminUser"'], args=AS_ADMIN),
    Case('admin-on-a-repository', broken(ADMIN), None, None, ['samples/hello', 'delete'],
         args=AS_ADMIN + REPOSITORY),
    Case('admin-without-az-login', broken(ADMIN, nobody), 'not-signed-in', None, args=AS_ADMIN),
    Case('admin-password-wrong', broken(ADMIN), 'admin-password-wrong', ACCESS, ['demoregistry'],
         'az acr credential show --name demoregistry', args=WRONG_ADMIN),
    Case('admin-password-beyond-ascii', broken(ADMIN), 'admin-password-wrong', ACCESS, ['demoregistry'],
         'az acr credential show', args=by('demoregistry', 'Passwört-€')),
    Case('admin-user-disabled', broken(), 'admin-user-disabled', ACCESS, ['demoregistry', 'correlationId'],
         'az acr update --name demoregistry --admin-enabled true', args=AS_ADMIN),
    Case('admin-user-refused', broken(ADMIN, INVISIBLE), 'admin-user-refused', ACCESS, ['authentication required'],
         'adminUserEnabled', args=WRONG_ADMIN, others=('registry-not-visible',)),
    Case('admin-of-a-labelled-registry', broken(REGISTRY(name='labelregistry', adminUserEnabled=True)), None, None,
         ['"adminUser"'], args=by('labelregistry', names.ADMIN_PASSWORD), registry='labelregistry-h4k8drcuezf2bxgn'),
    Case('user-name-unknown', broken(ADMIN), 'user-name-unknown', ACCESS,
         ['ada@contoso.example', 'Application not registered with AAD.'], 'az acr login',
         args=by('ada@contoso.example', WRONG)),
    Case('user-name-unknown-by-other-words', broken(said(
        401, 'UNAUTHORIZED', 'aad access token with sp failed client id must be guid', path=TOKEN)),
        'user-name-unknown', ACCESS, ['client id must be guid'], args=by('ada', WRONG)),
    Case('principal', broken(), None, None, [APP, '"servicePrincipal"'], args=by(APP, names.APP.secret, *REPOSITORY)),
    Case('principal-secret-wrong', broken(), 'principal-secret-refused', ACCESS,
         [APP, 'Invalid clientid or client secret.'], f'az ad app credential reset --id {APP}', args=by(APP, WRONG)),
    Case('principal-without-role', broken('token-401'), 'principal-refused', ACCESS, [APP, 'authentication required'],
         f'az role assignment create --assignee {APP} --role AcrPull', args=by(APP, names.APP.secret)),
    Case('principal-with-too-small-a-role', broken('token-pull-only'), 'actions-missing', ACCESS, ['push'],
         f'az role assignment create --assignee {names.APP_B.name} --role AcrPush',
         args=by(names.APP_B.name, names.APP_B.secret, *REPOSITORY)),
    Case('token', broken(), None, None, [names.REPOSITORY_TOKEN, '"repositoryToken"'], args=AS_TOKEN),
    Case('token-wrong-password', broken(), 'repository-token-password-wrong', ACCESS, [names.REPOSITORY_TOKEN],
         'az acr token credential generate --registry demoregistry --name demotoken', args=WRONG_TOKEN),
    Case('token-wrong-password-one-expired', broken(passwords('2026-01-02T03:04:05.678Z', '')),
         'repository-token-password-wrong', ACCESS, ['2026-01-02 03:04 UTC'], args=WRONG_TOKEN),
    Case('token-one-password-expired', broken(passwords('2026-01-02T03:04:05.678Z', '')), None, None, args=AS_TOKEN),
    Case('token-expired', broken(passwords('2026-01-02T03:04:05.678+00:00', '2025-12-01T00:00:00Z')),
         'repository-token-expired', ACCESS, ['2026-01-02 03:04 UTC'], 'az acr token credential generate',
         args=AS_TOKEN),
    Case('token-disabled', broken(token(status='disabled')), 'repository-token-disabled', ACCESS,
         [names.REPOSITORY_TOKEN], '--name demotoken --status enabled', args=AS_TOKEN),
    Case('token-disabled-and-nobody-can-see', broken(token(status='disabled'), nobody), 'repository-token-refused',
         ACCESS, [names.REPOSITORY_TOKEN, 'authentication required'], 'disabled', args=AS_TOKEN,
         others=('not-signed-in',)),
    Case('token-may-not-be-read', broken({'do': 'forbid', 'name': names.REPOSITORY_TOKEN}), 'repository-token-refused',
         ACCESS, [], 'az acr token show', args=WRONG_TOKEN),
    Case('token-that-was-deleted', broken({'do': 'forget', 'name': names.REPOSITORY_TOKEN}), 'user-name-unknown',
         ACCESS, [names.REPOSITORY_TOKEN], 'az acr token list', args=WRONG_TOKEN),
    Case('token-lacks-push', broken({'do': 'grant', 'identity': names.REPOSITORY_TOKEN, 'registry': 'demoregistry',
                                     'repository': 'samples/*', 'actions': ['pull', 'metadata_read']}),
         'scope-map-lacks', ACCESS, ['push', 'samples/hello'], '--add-repository samples/hello',
         args=AS_TOKEN + REPOSITORY),
    Case('token-for-pull', broken({'do': 'grant', 'identity': names.REPOSITORY_TOKEN, 'registry': 'demoregistry',
                                   'repository': 'samples/*', 'actions': ['pull', 'metadata_read']}),
         None, None, args=(*AS_TOKEN, *REPOSITORY, '--require', 'pull')),
    Case('token-endpoint-throttles', broken('token-429'), 'throttled', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', ['429'],
         'Wait', args=AS_TOKEN),
    Case('token-not-taken', broken(HTTP(path='/v2/', answer='acr:challenge')), 'token-not-taken', ACCESS,
         [R, names.REPOSITORY_TOKEN], 'Authorization', args=AS_TOKEN),
    Case('anonymous-does-not-enter', broken(ANONYMOUS, HTTP(path='/v2/', answer='acr:challenge')), None, None,
         args=('--anonymous',)),
    Case('token-endpoint-behind-a-firewall', broken('firewall'), 'registry-firewall', 'CONNECTIVITY_FORBIDDEN_ERROR',
         [names.CLIENT_ADDRESS], 'az acr network-rule add', args=AS_TOKEN),
    Case('sign-in-service-does-not-matter', broken('entra-mfa', ADMIN), None, None, args=AS_ADMIN),

    Case('anonymous', broken(ANONYMOUS), None, None, ['"anonymous"'], args=('--anonymous',)),
    Case('anonymous-on-a-repository', broken(ANONYMOUS), None, None, ['metadata_read'],
         args=('--anonymous', *REPOSITORY)),
    Case('anonymous-for-more', broken(ANONYMOUS), None, None, ['metadata_read'],
         args=('--anonymous', *REPOSITORY, '--require', 'pull', 'metadata_read')),
    Case('anonymous-without-az-login', broken(ANONYMOUS, nobody), 'not-signed-in', None, args=('--anonymous',)),
    Case('anonymous-pull-disabled', broken(), 'anonymous-pull-disabled', ACCESS, ['Premium'],
         'az acr update --name demoregistry --anonymous-pull-enabled true', args=('--anonymous',)),
    Case('anonymous-refused', broken(nobody), 'anonymous-refused', ACCESS, ['authentication required'],
         'anonymousPullEnabled', args=('--anonymous',), others=('not-signed-in',)),
    Case('anonymous-without-pull', broken(ANONYMOUS, 'token-nothing-granted'), 'anonymous-actions-missing', ACCESS,
         ['samples/hello', 'pull'], 'az acr login', args=('--anonymous', *REPOSITORY)),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_a_sign_in(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    run = prove(lab, case, request)
    refresh = next(row for row in run.report['checks'] if row['name'] == 'refresh-token')
    assert (refresh['status'], refresh['skipReason']) == ('skipped', 'not-applicable')
    assert WRONG not in run.stdout + run.stderr


def expose(lab: Lab, login_server: str = R) -> str:
    """What az acr login --expose-token prints for a registry."""
    done = lab.az('acr', 'login', '--name', login_server.partition('.')[0], '--expose-token')
    assert done.status == 0, done.stderr
    return str(done.json['accessToken'])


def test_what_az_acr_login_exposes_signs_in_until_it_expires(lab: Lab, request: pytest.FixtureRequest) -> None:
    exposed = expose(lab)
    prove(lab, Case('exposed-token', broken(), None, None, ['"loginToken"'], args=by(NULL, exposed)), request)
    payload = base64.urlsafe_b64encode(json.dumps({'exp': 1767323045}).encode()).decode().rstrip('=')
    prove(lab, Case('exposed-token-expired', broken(), 'login-token-expired', ACCESS, ['2026-01-02 03:04 UTC'],
                    '--expose-token', args=by(NULL, f'e30.{payload}.c2ln')), request)
    other = expose(lab, 'basicregistry.azurecr.io')
    prove(lab, Case('exposed-token-of-another-registry', broken(), 'login-token-refused', ACCESS,
                    ['authentication required'], 'this very registry', args=by(NULL, other)), request)


# Where the password comes from, and where it never goes

COMMAND = ['acr', 'check-health-ext', '--name', 'demoregistry', '--username', 'demoregistry']


def access(run: Run) -> dict[str, Any]:
    """What the report says of the access token."""
    return next(row for row in run.report['checks'] if row['name'] == 'access-token')


@pytest.mark.parametrize('typed', ['{}\n', '{}\r\n', '{}', '{}\nanother line\n', '\ufeff{}\r\n'],
                         ids=['LF', 'CRLF', 'no line end', 'two lines', 'byte order mark'])
def test_the_password_is_the_first_line_of_standard_input(lab: Lab, typed: str) -> None:
    lab.azure.registry('demoregistry', adminUserEnabled=True)
    run = lab.az(*COMMAND, '--skip', 'environment', '--password-stdin', stdin=typed.format(names.ADMIN_PASSWORD))
    assert (run.status, access(run)['status']) == (0, 'passed')
    assert run.report['environment']['identity'] == {'type': 'adminUser', 'name': 'demoregistry', 'tenantId': None}


@pytest.mark.parametrize('options', [[], ['--password-stdin']])
def test_without_a_password_and_a_terminal_nothing_is_checked(lab: Lab, options: list[str]) -> None:
    lab.azure.clear_journal()
    run = lab.az(*COMMAND, *options, stdin='')
    assert (run.status, run.stdout) == (1, '')
    assert 'password' in run.stderr.lower() and 'demoregistry' in run.stderr and 'Traceback' not in run.stderr
    assert not lab.azure.journal()


def test_a_terminal_is_asked_before_any_check_and_shows_nothing(lab: Lab) -> None:
    lab.azure.registry('demoregistry', adminUserEnabled=True)
    lab.azure.clear_journal()
    terminal = lab.pty(*lab.az_command(*COMMAND, '--skip', 'environment'), env=lab.az_environment())
    terminal.expect('Password of demoregistry: ')
    assert not lab.azure.journal()
    terminal.sendline(names.ADMIN_PASSWORD)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    shown = str(terminal.before)
    assert '"The registry gave the admin user demoregistry an access token"' in shown
    assert names.ADMIN_PASSWORD not in shown


SPY = """for pid in /proc/[0-9]*; do cat $pid/cmdline $pid/environ; done 2>/dev/null | tr '\\0' ' ' >>"$HOME/spied"
printf '%s ' "$@" >>"$HOME/spied"; cat >>"$HOME/spied"
"""


@pytest.mark.parametrize('wrong', [False, True])
def test_the_password_is_nowhere_but_in_the_request_for_the_token(lab: Lab, wrong: bool) -> None:
    """Not even where the registry says it back, in its own words."""
    password = names.ADMIN_PASSWORD
    lab.azure.registry('demoregistry', adminUserEnabled=True)
    if wrong:
        lab.azure.fault('http', R, path=TOKEN, status=400, body=json.dumps({'errors': [
            {'code': 'DENIED', 'message': f'{password} of {basic("demoregistry", password)} is not it'}]}))
    lab.path = lab.tools(docker=SPY + 'exec docker "$@"')
    run = lab.az(*COMMAND, '--yes', '--password-stdin', '--debug', stdin=password + '\n')
    assert (run.status, access(run)['status']) == ((1, 'failed') if wrong else (0, 'passed'))
    spied = (lab.home / 'spied').read_text(encoding='utf-8', errors='replace')
    assert '--password-stdin' in spied and 'version --format' in spied
    for secret in (password, basic('demoregistry', password)):
        for text in (run.stdout, run.stderr, spied):
            assert secret not in text
    for secret in lab.azure.secrets():
        assert secret not in run.stdout + run.stderr
    assert places(lab, password) == {(R, TOKEN)}


def places(lab: Lab, password: str) -> set[tuple[str, str]]:
    """Host and path of the requests that hold the password in any form."""
    forms = (password, basic('demoregistry', password), quote_plus(password))
    return {(entry['host'], entry['path']) for entry in lab.azure.journal(kind='http')
            if any(form in json.dumps(entry) for form in forms)}


def basic(user: str, password: str) -> str:
    """The credentials of a Basic authorization."""
    return base64.b64encode(f'{user}:{password}'.encode()).decode()


EVIL = 'evil.example'
CHALLENGE = {'layer': 'http', 'host': R, 'path': '/v2/', 'answer': 'acr:challenge'}


@pytest.mark.parametrize('fault, cause, reaches', [
    pytest.param({**CHALLENGE, 'challenge': f'Bearer realm="https://{EVIL}{TOKEN}",service="{R}"'},
                 'challenge-foreign-realm', False, id='foreign realm'),
    pytest.param({**CHALLENGE, 'challenge': f'Bearer realm="http://{R}{TOKEN}",service="{R}"'},
                 'challenge-foreign-realm', False, id='http realm'),
    pytest.param({**CHALLENGE, 'challenge': f'Basic realm="{R}"'}, 'challenge-not-bearer', False, id='basic'),
    pytest.param({'layer': 'http', 'host': R, 'path': '/v2/', 'status': 307, 'headers': [
        ['Location', f'https://{EVIL}/v2/']]}, 'redirected', False, id='redirected challenge'),
    pytest.param({'layer': 'http', 'host': R, 'path': TOKEN, 'status': 307, 'headers': [
        ['Location', f'https://{EVIL}{TOKEN}']]}, 'redirected', True, id='redirected token request'),
    pytest.param({'layer': 'tls', 'host': R, 'certificate': 'unknown-issuer'}, 'certificate-issuer-unknown', False,
                 id='unknown issuer'),
])
def test_the_password_leaves_for_the_login_server_alone(lab: Lab, fault: dict[str, Any], cause: str,
                                                        reaches: bool) -> None:
    lab.azure.fault('dns', f'*{EVIL}', addresses=[names.FRONT_ADDRESS])  # it would be answered
    lab.azure.fault(**fault)
    lab.azure.clear_journal()
    run = lab.az(*COMMAND, '--skip', 'environment', '--password-stdin', stdin=names.ADMIN_PASSWORD)
    assert [found['cause'] for found in run.report['rootCauses']] == [cause]
    assert places(lab, names.ADMIN_PASSWORD) == ({(R, TOKEN)} if reaches else set())
    assert not [entry for entry in lab.azure.journal() if EVIL in (entry.get('server_name') or entry.get('host') or '')]


def test_it_asks_once_over_one_connection_and_the_sign_in_service_for_nothing_of_the_registry(lab: Lab) -> None:
    lab.azure.registry('demoregistry', adminUserEnabled=True)
    lab.azure.clear_journal()
    assert lab.az(*COMMAND, '--skip', 'environment', '--password-stdin', stdin=names.ADMIN_PASSWORD).status == 0
    asked = [(entry['method'], entry['path']) for entry in lab.azure.journal(kind='http') if entry['host'] == R]
    assert asked == [('GET', '/v2/'), ('GET', TOKEN), ('GET', '/v2/')]
    assert len([entry for entry in lab.azure.journal(kind='connection') if entry.get('server_name') == R]) == 1
    assert names.REGISTRY_AUDIENCE not in json.dumps(lab.azure.journal(kind='http'))


def test_the_guess_gets_no_password_where_resource_manager_names_another_login_server(lab: Lab) -> None:
    lab.azure.registry('labelregistry', adminUserEnabled=True)
    lab.azure.clear_journal()
    run = lab.az('acr', 'check-health-ext', '--skip', 'environment', '--name', 'labelregistry', '--username',
                 'labelregistry', '--password-stdin', stdin=names.ADMIN_PASSWORD)
    assert run.report['status'] == 'passed'
    assert {entry['host'] for entry in lab.azure.journal(kind='http') if entry['path'] == TOKEN} == {
        'labelregistry-h4k8drcuezf2bxgn.azurecr.io'}
