"""Entra ID: discovery, and tokens for service principals, users with a password and refresh tokens."""
import datetime
import json
import uuid
from typing import Dict, Tuple

import jwt
from aiohttp import web

from . import names
from .answers import Call, answer
from .tokens import Tokens


# AADSTS number: HTTP status, `error`, `suberror`, text. Texts as people quoted them in issues.
REFUSALS: Dict[str, Tuple[int, str, str, str]] = {
    '50034': (400, 'invalid_grant', '', 'The user account {user} does not exist in the {tenant} directory. To sign '
                                        'into this application, the account must be added to the directory.'),
    '50076': (400, 'interaction_required', 'basic_action',
              'Due to a configuration change made by your administrator, or because you moved to a new location, you '
              'must use multi-factor authentication to access \'{resource}\'.'),
    '50126': (400, 'invalid_grant', '', 'Error validating credentials due to invalid username or password.'),
    '50173': (400, 'invalid_grant', 'bad_token', 'The provided grant has expired due to it being revoked, a fresh '
                                                 'auth token is needed. The user might have changed or reset their '
                                                 'password.'),
    '53003': (400, 'interaction_required', 'message_only',
              'Access has been blocked by Conditional Access policies. The access policy does not allow token '
              'issuance.'),
    '65001': (400, 'invalid_grant', 'consent_required',
              'The user or administrator has not consented to use the application with ID \'{client}\' named '
              '\'Microsoft Azure CLI\'. Send an interactive authorization request for this user and resource.'),
    '70043': (400, 'interaction_required', 'token_expired',
              'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The '
              'token was issued on 2026-01-05T07:31:12.0000000Z and the maximum allowed lifetime for this request is '
              '28800.'),
    '700016': (400, 'unauthorized_client', '',
               'Application with identifier \'{client}\' was not found in the directory \'{tenant}\'. This can happen '
               'if the application has not been installed by the administrator of the tenant or consented to by any '
               'user in the tenant. You may have sent your authentication request to the wrong tenant.'),
    '700082': (400, 'invalid_grant', '',
               'The refresh token has expired due to inactivity. The token was issued on '
               '2025-06-01T09:00:00.0000000Z and was inactive for 90.00:00:00.'),
    '7000215': (401, 'invalid_client', '',
                'Invalid client secret provided. Ensure the secret being sent in the request is the client secret '
                'value, not the client secret ID, for a secret added to app \'{client}\'.'),
    '7000222': (401, 'invalid_client', '',
                'The provided client secret keys for app \'{client}\' are expired. Visit the Azure portal to create '
                'new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for '
                'added security: https://aka.ms/certCreds.'),
    '90002': (400, 'invalid_request', '',
              'Tenant \'{tenant}\' not found. Check to make sure you have the correct tenant ID and are signing into '
              'the correct cloud. Check with your subscription administrator, this may happen if there are no active '
              'subscriptions for the tenant.'),
    '500011': (400, 'invalid_resource', '',
               'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if '
               'the application has not been installed by the administrator of the tenant or consented to by any user '
               'in the tenant. You might have sent your authentication request to the wrong tenant.'),
}
WITHOUT_URI = {'70043'}
ANY_TENANT = ('common', 'organizations')


def refusal(call: Call, number: str, **fields: str) -> web.Response:
    """An error of the token endpoint, in full; a fault's `error` replaces the usual one of that number."""
    status, error, suberror, text = REFUSALS[number]
    facts = {'client': call.form.get('client_id', ''), 'tenant': call.path.split('/')[1], 'user': '',
             'resource': _resource(call), **fields}
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M:%SZ')
    trace, correlation = str(uuid.uuid4()), call.request.headers.get('client-request-id') or str(uuid.uuid4())
    body = {'error': call.options.get('error', fields.get('error', error)),
            'error_description': f'AADSTS{number}: {text.format(**facts)} Trace ID: {trace} '
                                 f'Correlation ID: {correlation} Timestamp: {now}',
            'error_codes': [int(number)], 'timestamp': now, 'trace_id': trace, 'correlation_id': correlation}
    if number not in WITHOUT_URI:
        body['error_uri'] = f'https://{call.host}/error?code={number}'
    if suberror:
        body['suberror'] = suberror
    return _json(status, body)


def _json(status: int, body: object) -> web.Response:
    return answer(status, json.dumps(body, separators=(',', ':')), [
        ('Cache-Control', 'no-store, no-cache'), ('Pragma', 'no-cache'), ('Server', 'Microsoft-IIS/10.0'),
        ('Strict-Transport-Security', 'max-age=31536000; includeSubDomains'), ('X-Content-Type-Options', 'nosniff'),
        ('x-ms-request-id', str(uuid.uuid4()))])


def _resource(call: Call) -> str:
    """The resource that a token is asked for: `resource`, or the one scope that ends in /.default."""
    scopes = [scope[:-len('/.default')] for scope in call.form.get('scope', '').split() if scope.endswith('/.default')]
    return call.form.get('resource') or (scopes[0] if scopes else '')


class Entra:
    """The sign-in service of all clouds and tenants."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, call: Call) -> web.Response:
        """Answers one request by the end of its path, which is the same for every tenant and version."""
        if call.path.endswith('/discovery/instance'):
            return _instances(call)
        if call.path.startswith('/common/userrealm/'):
            user = call.path.rsplit('/', 1)[1]
            return _json(200, {'ver': '1.0', 'account_type': 'Managed', 'domain_name': user.rpartition('@')[2],
                               'cloud_instance_name': 'microsoftonline.com',
                               'cloud_audience_urn': 'urn:federation:MicrosoftOnline'})
        tenant = _tenant(call)
        if not tenant:
            return refusal(call, '90002', **({'error': 'invalid_tenant'} if call.method == 'GET' else {}))
        if call.path.endswith('/.well-known/openid-configuration'):
            return _openid(call.host, tenant)
        if call.method == 'POST' and call.path.endswith('/token'):
            return self._token(call, tenant)
        return answer(404)

    def _token(self, call: Call, tenant: str) -> web.Response:
        grant, form = call.form.get('grant_type'), call.form
        try:
            if grant == 'client_credentials':
                who = names.identity(form.get('client_id', ''))
                wrong = '7000215' if form.get('client_secret') != who.secret else ''
                if tenant not in (who.tenant, *ANY_TENANT):
                    wrong = '700016'
            elif grant == 'password':
                who = names.identity(form.get('username', ''))
                wrong = '50126' if form.get('password') != who.secret else ''
            else:
                who = names.identity(self._tokens.read_entra(form.get('refresh_token', ''), ['refresh'])['upn'])
                wrong = ''
        except KeyError:
            return refusal(call, '700016' if grant == 'client_credentials' else '50034', user=form.get('username', ''))
        except jwt.InvalidTokenError:
            return refusal(call, '50173')
        if wrong:
            return refusal(call, wrong)
        resource = _resource(call)
        known = [names.REGISTRY_AUDIENCE] + [audience for cloud in names.CLOUDS for audience in cloud.audiences]
        if resource.rstrip('/') not in [audience.rstrip('/') for audience in known]:
            return refusal(call, '500011')
        return _json(200, self._success(call, who, resource))

    def _success(self, call: Call, who: names.Identity, resource: str) -> Dict[str, object]:
        access = self._tokens.entra(who, resource, call.host)
        lifetime = jwt.decode(access, options={'verify_signature': False})
        seconds = lifetime['exp'] - lifetime['iat']
        body: Dict[str, object] = {'token_type': 'Bearer', 'expires_in': seconds, 'ext_expires_in': seconds,
                                   'access_token': access}
        if '@' in who.name:
            body.update(scope=call.form.get('scope', ''), refresh_token=self._tokens.entra_refresh(who, call.host),
                        id_token=self._tokens.id_token(who, call.form.get('client_id', ''), call.host),
                        client_info=_base64url({'uid': who.object_id, 'utid': who.tenant}), foci='1')
        return body


def _base64url(value: Dict[str, str]) -> str:
    return jwt.utils.base64url_encode(json.dumps(value).encode()).decode()


def _tenant(call: Call) -> str:
    """The tenant that the path names by its id or domain; empty if there is none."""
    named = call.path.split('/')[1].lower()
    by_domain = {domain: tenant for tenant, domain in names.TENANT_DOMAINS.items()}
    named = by_domain.get(named, named)
    return named if named in names.TENANT_DOMAINS or named in ANY_TENANT else ''


def _openid(host: str, tenant: str) -> web.Response:
    base = f'https://{host}/{tenant}'
    return _json(200, {
        'token_endpoint': f'{base}/oauth2/v2.0/token',
        'token_endpoint_auth_methods_supported': ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
        'jwks_uri': f'{base}/discovery/v2.0/keys', 'response_modes_supported': ['query', 'fragment', 'form_post'],
        'subject_types_supported': ['pairwise'], 'id_token_signing_alg_values_supported': ['RS256'],
        'issuer': f'{base}/v2.0', 'authorization_endpoint': f'{base}/oauth2/v2.0/authorize',
        'device_authorization_endpoint': f'{base}/oauth2/v2.0/devicecode', 'tenant_region_scope': 'EU',
        'cloud_instance_name': 'microsoftonline.com', 'msgraph_host': 'graph.microsoft.com'})


def _instances(call: Call) -> web.Response:
    """Instance discovery: which sign-in hosts belong together, and where the asked one has its configuration."""
    asked = call.query.get('authorization_endpoint', '')
    authority = asked.replace('/oauth2/v2.0/authorize', '').replace('/oauth2/authorize', '')
    return _json(200, {
        'tenant_discovery_endpoint': f'{authority}/v2.0/.well-known/openid-configuration', 'api-version': '1.1',
        'metadata': [{'preferred_network': host, 'preferred_cache': host, 'aliases': [host]}
                     for host in [cloud.entra for cloud in names.CLOUDS]]})


class Metadata:
    """A virtual machine's metadata endpoint (169.254.169.254), as far as it signs in the machine's identity."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, call: Call) -> web.Response:
        """GET /metadata/identity/oauth2/token?resource=..."""
        if call.path != '/metadata/identity/oauth2/token':
            return answer(404)
        if call.request.headers.get('Metadata', '').lower() != 'true':
            return _json(400, {'error': 'invalid_request',
                               'error_description': 'Required metadata header not specified'})
        resource = call.query.get('resource', '')
        token = self._tokens.entra(names.MACHINE, resource, names.CLOUDS[0].entra)
        claims = jwt.decode(token, options={'verify_signature': False})
        return _json(200, {'access_token': token, 'client_id': names.MACHINE.name, 'token_type': 'Bearer',
                           'resource': resource, 'expires_in': str(claims['exp'] - claims['iat']),
                           'expires_on': str(claims['exp']), 'not_before': str(claims['nbf'])})
