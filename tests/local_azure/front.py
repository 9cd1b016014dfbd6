"""The front of the registries: challenge, firewall, token exchange, tokens, and the way to the real registry server.

Bodies and headers are those of azure-cli's and the SDKs' recordings to the byte. What is refused follows from the
registry's own settings as Resource Manager shows them (public access, network rules, anonymous pull, admin user,
audiences) and from the grants.
"""
import base64
import binascii
import datetime
import ipaddress
import re
import uuid
from typing import Any, Dict, List, NamedTuple, Tuple

import jwt
from aiohttp import web

from . import names, resources
from .answers import Call, Headers, answer, as_json
from .storage import Storage
from .tokens import Tokens
from .upstream import Answered, Upstream, Upstreams
from .world import World

AUTHENTICATION_REQUIRED = 'authentication required, visit https://aka.ms/acr/authorization for more information.'
TOO_MANY = 'Too many requests. Please visit https://aka.ms/acr/skus#sku-feature-matrix to view limits of all service ' \
           'tiers.'
NULL_GUID = '00000000-0000-0000-0000-000000000000'  # as a user name: the password is a refresh token
GUID = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', re.IGNORECASE)

HSTS = ('Strict-Transport-Security', 'max-age=31536000; includeSubDomains')
REGISTRY_HEADERS: Headers = [
    *[('Access-Control-Expose-Headers', name)
      for name in ('Docker-Content-Digest', 'WWW-Authenticate', 'Link', 'X-Ms-Correlation-Request-Id')],
    ('Docker-Distribution-Api-Version', 'registry/2.0'), HSTS, HSTS, ('X-Content-Type-Options', 'nosniff')]


class Need(NamedTuple):
    """What a request needs: a scope's type and name, and the actions; no name for the version check."""

    type: str
    name: str
    actions: List[str]

    @property
    def scope(self) -> str:
        """As a challenge and a token request spell it."""
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


class Refused(Exception):
    """Credentials that are no good, with the registry's words for it."""


def errors(status: int, code: str, message: str, headers: Headers = REGISTRY_HEADERS, **more: Any) -> web.Response:
    """The registry protocol's error body, with the trailing newline that the front writes."""
    return answer(status, as_json({'errors': [{'code': code, 'message': message, **more}]}) + '\n', headers)


def correlated(message: str) -> str:
    """The message with a correlation id inside, the way that the token endpoints write it."""
    return f'{message} CorrelationId: {uuid.uuid4()}'


def challenge(call: Call, need: Need, error: str = '') -> web.Response:
    """401 with the challenge; `detail` is null without a scope, else one element for each action."""
    value = f'Bearer realm="https://{call.host}/oauth2/token",service="{call.host}"'
    if need.name:
        value += f',scope="{need.scope}"'
    if error:
        value += f',error="{error}"'
    detail = [{'Type': need.type, 'Name': need.name, 'Action': action} for action in need.actions] or None
    return errors(401, 'UNAUTHORIZED', AUTHENTICATION_REQUIRED, REGISTRY_HEADERS + [
        ('WWW-Authenticate', call.options.get('challenge', value))], detail=detail)


def needed(method: str, path: str) -> Need:
    """What a path below /v2/ needs for a method."""
    if path.rstrip('/').endswith('/_catalog'):
        return Need('registry', 'catalog', ['*'])
    match = re.match(r'/(v2|acr/v1)/(.+?)(/(tags|manifests|blobs|_manifests|_tags)/?.*)?$', path)
    if not match:
        return Need('repository', '', [])
    listing = match.group(1) == 'acr/v1' or match.group(4) == 'tags'
    actions = {'GET': ['metadata_read'] if listing else ['pull'], 'HEAD': ['pull'], 'DELETE': ['delete']}
    return Need('repository', match.group(2), actions.get(method, ['pull', 'push']))


class Front:
    """All Azure registries."""

    def __init__(self, world: World, tokens: Tokens, upstreams: Upstreams, storage: Storage) -> None:
        self._world, self._tokens, self._upstreams, self._storage = world, tokens, upstreams, storage

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Answers a request to a login server."""
        registry = self._world.registry_at(call.host)
        if not registry:
            return answer(404, headers=[HSTS])
        if self._keeps_out(registry, call.address):
            return self.refusal(call, 'firewall')
        if call.path == '/oauth2/exchange':
            return self._exchange(call, registry)
        if call.path == '/oauth2/token':
            return self._token(call, registry)
        if call.path.startswith(('/v2', '/acr/v1')):
            return await self._repository(call, registry)
        return answer(404, headers=[HSTS])

    def refusal(self, call: Call, what: str) -> web.Response:
        """The front's own refusals by name: for its own use, and for faults to give."""
        token_endpoint = call.path.startswith('/oauth2/')
        headers = [HSTS] if token_endpoint else REGISTRY_HEADERS
        if what == 'firewall':
            message = f"client with IP '{self._world.settings.client_address}' is not allowed access. " \
                      'Refer https://aka.ms/acr/firewall to grant access.'
            return errors(403, 'DENIED', correlated(message) if token_endpoint else message, headers)
        if what == 'throttled':
            return errors(429, 'TOOMANYREQUESTS', TOO_MANY, headers)
        if what == 'unauthorized':
            return errors(401, 'UNAUTHORIZED', correlated(AUTHENTICATION_REQUIRED), headers)
        if what == 'manifest-unknown':
            tag = call.path.rsplit('/', 1)[1]
            return errors(404, 'MANIFEST_UNKNOWN', f'manifest tagged by "{tag}" is not found', detail={'Tag': tag})
        if what == 'name-unknown':
            return errors(404, 'NAME_UNKNOWN', 'repository name not known to registry',
                          detail={'name': needed('GET', call.path).name})
        need = needed(call.method, call.path)
        return challenge(call, need, 'insufficient_scope' if what == 'insufficient-scope' else '')

    def _keeps_out(self, registry: Dict[str, Any], reached: str) -> bool:
        """Whether the registry's firewall refuses; rules count only if the default is Deny."""
        properties = registry['properties']
        if reached in names.PRIVATE_ADDRESSES:
            return not any(one['properties']['privateLinkServiceConnectionState']['status'] == 'Approved'
                           for one in properties.get('privateEndpointConnections') or [])
        if properties.get('publicNetworkAccess') == 'Disabled':
            return True
        rules = properties.get('networkRuleSet') or {}
        client = ipaddress.ip_address(self._world.settings.client_address)
        return rules.get('defaultAction') == 'Deny' and not any(
            client in ipaddress.ip_network(rule['value'], strict=False) for rule in rules.get('ipRules') or [])

    def _exchange(self, call: Call, registry: Dict[str, Any]) -> web.Response:
        """Entra's token for the registry's refresh token, if audience and tenant are the registry's."""
        audiences = [names.REGISTRY_AUDIENCE]
        policy = registry['properties'].get('policies', {}).get('azureADAuthenticationAsArmPolicy', {})
        if policy.get('status') != 'disabled':
            audiences += [one for audience in names.cloud_of(call.host).audiences
                          for one in (audience, audience.rstrip('/'))]
        try:
            claims = self._tokens.read_entra(call.form.get('access_token', ''), audiences)
        except jwt.InvalidTokenError:
            return self.refusal(call, 'unauthorized')
        tenant = names.SUBSCRIPTIONS[registry['id'].split('/')[2]][1]
        if claims['tid'] != tenant or call.form.get('service') != call.host or \
                call.form.get('grant_type') != 'access_token':
            return self.refusal(call, 'unauthorized')
        who = claims.get('upn') or claims['appid']
        return _issued('refresh_token', self._tokens.registry_refresh(call.host, who, tenant))

    def _token(self, call: Call, registry: Dict[str, Any]) -> web.Response:
        """An access token; 200 also if nothing asked for is granted, then its `access` is empty."""
        scopes = call.request.rel_url.query.getall('scope', []) if call.method == 'GET' \
            else [call.form.get('scope', '')]
        try:
            if call.form.get('refresh_token'):
                who = self._bearer_of(call, call.form['refresh_token'])
            else:
                user, password = call.form.get('username', ''), call.form.get('password', '')
                who = self._who(call, registry, *((user, password) if call.method == 'POST' else _basic(call)))
        except Refused as ex:
            return errors(401, 'UNAUTHORIZED', correlated(str(ex)), [HSTS])
        access = []
        for scope in ' '.join(scopes).split():
            need = Need(*(scope.split(':', 1)[0], scope.split(':', 1)[1].rpartition(':')[0],
                          scope.rpartition(':')[2].split(',')))
            granted = self._granted(who, registry, need)
            if granted:
                access.append({'type': need.type, 'name': need.name, 'actions': granted})
        return _issued('access_token', self._tokens.registry_access(call.host, who, access))

    def _granted(self, who: str, registry: Dict[str, Any], need: Need) -> List[str]:
        """Of the actions asked for those granted, `*` standing for all."""
        name = need.name if need.type == 'repository' else f'{need.type}:{need.name}'
        actions = self._world.granted(who, registry['name'], name)
        if need.type != 'repository':
            return need.actions if actions else []
        return [action for action in actions if action in need.actions or '*' in need.actions]

    def _bearer_of(self, call: Call, token: str) -> str:
        """Whom a refresh token of this registry was issued to."""
        try:
            return str(self._tokens.read_registry(token, call.host, 'refresh_token')['sub'])
        except jwt.InvalidTokenError as ex:
            raise Refused(AUTHENTICATION_REQUIRED) from ex

    def _who(self, call: Call, registry: Dict[str, Any], user: str, password: str) -> str:
        """Whoever a user name and password are good for."""
        properties = registry['properties']
        if not user:
            if not properties.get('anonymousPullEnabled'):
                raise Refused(AUTHENTICATION_REQUIRED)
            return names.ANONYMOUS
        if user == NULL_GUID:
            return self._bearer_of(call, password)
        if user == registry['name'] and properties.get('adminUserEnabled') and password == names.ADMIN_PASSWORD:
            return user
        if (user, password) == (names.REPOSITORY_TOKEN, names.REPOSITORY_TOKEN_PASSWORD) and \
                self._token_holds(registry):
            return user
        if GUID.match(user):
            if any(one.name == user and one.secret == password for one in names.IDENTITIES):
                return user
            raise Refused('Invalid clientid or client secret.')
        known = user in (registry['name'], names.REPOSITORY_TOKEN)
        raise Refused(AUTHENTICATION_REQUIRED if known else 'Application not registered with AAD.')

    def _token_holds(self, registry: Dict[str, Any]) -> bool:
        """Whether the repository token is enabled and one of its passwords still holds, as far as it has settings."""
        token = self._world.resources.get(f"{registry['id']}/tokens/{names.REPOSITORY_TOKEN}".lower())
        if token is None:
            return True
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        return token['properties']['status'] == 'enabled' and any(
            one.get('expiry', 'never') > now for one in token['properties']['credentials']['passwords'])

    async def _repository(self, call: Call, registry: Dict[str, Any]) -> web.StreamResponse:
        """Everything below /v2/: refused here if the token does not reach, else answered by the registry server."""
        need = needed(call.method, call.path)
        try:
            who, granted, token = self._credentials(call, registry, need)
        except Refused:
            return challenge(call, need)
        if not need.name:
            return answer(200, '{}', REGISTRY_HEADERS)
        if not set(need.actions) <= set(granted):
            return challenge(call, need, 'insufficient_scope')
        upstream = self._upstreams.of(call.host)
        if call.path.startswith('/acr/'):
            return self.refusal(call, 'name-unknown')
        if not token or need.actions == ['metadata_read']:  # docker-registry knows neither Basic nor metadata_read
            token = self._tokens.registry_access(call.host, who, [
                {'type': need.type, 'name': need.name, 'actions': ['pull', 'push', 'delete', '*']}])
        blob = re.search('/blobs/(sha256:[0-9a-f]+)$', call.path)
        if call.method == 'GET' and blob and await upstream.exists(call, token):
            hosts = resources.data_hosts(registry)
            return _redirect(self._storage.link(hosts[0] if hosts else names.STORAGE_HOST, upstream, blob.group(1)))
        return await self._forward(call, upstream, token, need)

    async def _forward(self, call: Call, upstream: Upstream, token: str, need: Need) -> web.StreamResponse:
        if '/manifests/' in call.path and call.method in ('GET', 'HEAD') and not await upstream.exists(call, token):
            known = (upstream.folder / 'docker/registry/v2/repositories' / need.name).is_dir()
            return self.refusal(call, 'manifest-unknown' if known else 'name-unknown')
        return await upstream.forward(call, token, dict(REGISTRY_HEADERS[4:]))

    def _credentials(self, call: Call, registry: Dict[str, Any], need: Need) -> Tuple[str, List[str], str]:
        """Who asks, what was granted, and the access token to pass on (none if the client came with a password)."""
        scheme, value = call.authorization
        if scheme == 'basic':
            who = self._who(call, registry, *_basic(call))
            return who, self._granted(who, registry, need), ''
        try:
            claims = self._tokens.read_registry(value, call.host, 'access_token')
        except jwt.InvalidTokenError as ex:
            raise Refused(AUTHENTICATION_REQUIRED) from ex
        return claims['sub'], [action for one in claims['access'] if (one['type'], one['name']) == need[:2]
                               for action in one['actions']], value


def _issued(kind: str, token: str) -> web.Response:
    return answer(200, as_json({kind: token}), [HSTS, ('x-ms-ratelimit-remaining-calls-per-second', '166.65')])


def _redirect(location: str) -> web.Response:
    return answer(307, f'<a href="{location.replace("&", "&amp;")}">Temporary Redirect</a>.\n\n',
                  REGISTRY_HEADERS + [('Location', location)], content_type='text/html; charset=utf-8')


def _basic(call: Call) -> Tuple[str, str]:
    scheme, value = call.authorization
    if scheme != 'basic':
        return '', ''
    try:
        user, _, password = base64.b64decode(value).decode().partition(':')
    except (binascii.Error, UnicodeDecodeError) as ex:
        raise Refused(AUTHENTICATION_REQUIRED) from ex
    return user, password


class Mcr:
    """Microsoft's own registry: anonymous, read-only, its blobs by redirect to a data host.

    It is a network of caches: the server behind it is asked for each manifest once.
    """

    def __init__(self, upstreams: Upstreams, storage: Storage) -> None:
        self._upstream, self._storage = upstreams.of(None), storage
        self._manifests: Dict[Tuple[str, ...], Answered] = {}

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Answers a request to mcr.microsoft.com."""
        if call.path.rstrip('/') == '/v2':
            return answer(200, '{}', REGISTRY_HEADERS)
        if call.method not in ('GET', 'HEAD') or not call.path.startswith('/v2/'):
            return answer(404)
        blob = re.search('/blobs/(sha256:[0-9a-f]+)$', call.path)
        if call.method == 'GET' and blob and self._upstream.blob(blob.group(1)).exists():
            return _redirect(self._storage.link(names.MCR_DATA_HOST, self._upstream, blob.group(1)))
        if '/manifests/' in call.path:
            return await self._manifest(call)
        return await self._upstream.forward(call, '', dict(REGISTRY_HEADERS[4:]))

    async def _manifest(self, call: Call) -> web.Response:
        asked = (call.request.raw_path, *call.accepted)
        found = self._manifests.get(asked) or await self._upstream.read(call)
        if found.status == 200:
            self._manifests[asked] = found
        return answer(found.status, found.body, found.headers + REGISTRY_HEADERS[4:])
