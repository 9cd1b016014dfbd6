"""Whatever strangers answer, a check ends as a finding under one of its own codes, and what it says can be shown."""

import base64
import http.client
import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks import challenge, data_path, login_server, other_sign_in, private_link, redirects, tokens
from azext_acrhealth.checks import settings as registry_settings
from azext_acrhealth.clients import Deadline, images, names
from azext_acrhealth.clients.azure import Account, AzureCli, Token
from azext_acrhealth.clients.front_door import Answer
from azext_acrhealth.clients.http import Response, Trust
from azext_acrhealth.context import OtherSignIn
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Check, Found, NotApplicable

HOST = 'contosoprod.azurecr.io'
ACCOUNT = Account('sub', 'Contoso', 'tenant', 'user', 'ada@contoso.example')
OPTIONS = SimpleNamespace(registry='contosoprod', repository='samples/hello', image='samples/hello:1.0',
                          require=('pull', 'push'), timeout=5.0)

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
                    max_leaves=12)


def made_of(*keys: str) -> st.SearchStrategy[Any]:
    """Anything under these keys, each of which may be missing."""
    return st.fixed_dictionaries({}, optional={key: JSON for key in keys})


def claims(content: Any) -> str:
    return 'e30.' + base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip('=') + '.sig'


ACCESS = st.lists(made_of('type', 'name', 'actions') | st.builds(
    lambda actions: {'type': 'repository', 'name': 'samples/hello', 'actions': actions},
    st.lists(st.sampled_from(['pull', 'push', '*'])) | JSON), max_size=3)
TOKEN = st.text(max_size=20) | st.builds(claims, JSON) | st.builds(lambda access: claims({'access': access}), ACCESS)
ERRORS = st.lists(made_of('code', 'message', 'detail') | JSON, max_size=2)
SHAPES = JSON | st.fixed_dictionaries({'errors': ERRORS | JSON}) \
    | st.fixed_dictionaries({}, optional={'refresh_token': TOKEN, 'access_token': TOKEN}) \
    | st.fixed_dictionaries({'error': made_of('code', 'message') | JSON})
BODIES = st.binary(max_size=200) | SHAPES.map(lambda content: json.dumps(content).encode()) | TEXT.map(
    lambda title: f'<html><title>{title}</title>'.encode()) | st.integers(1, 30000).map(lambda deep: b'[' * deep)
REALMS = [f'https://{HOST}/oauth2/token', f'http://{HOST}/', f'https://{HOST}:99999/', 'https://[/', 'x']
BEARER = st.builds(lambda realm, service: f'Bearer realm="{realm}",service="{service}"',
                   st.sampled_from(REALMS) | TEXT, st.sampled_from([HOST, HOST.upper()]) | TEXT)
NAMES = ['Content-Type', 'Retry-After', 'Location', 'Server', 'Docker-Distribution-Api-Version', 'Date',
         'X-Ms-Correlation-Request-Id']
VALUES = ['text/html', 'application/json', 'registry/2.0', '17', 'http://[']
HEADERS = st.lists(st.tuples(st.just('WWW-Authenticate'), TEXT | BEARER)
                   | st.tuples(st.sampled_from(NAMES), TEXT | st.sampled_from(VALUES)), max_size=5)
STATUS = st.sampled_from([200, 400, 401, 403, 404, 407, 429, 500, 502, 504, 100, 302, 599, 999])


@st.composite
def responses(draw: st.DrawFn, usual: int, bodies: st.SearchStrategy[bytes] = BODIES) -> Response:
    """Any answer that http.client can hand on, half of them with the usual status."""
    message = http.client.HTTPMessage()
    for name, value in draw(HEADERS):
        message[name] = value
    status = draw(st.just(usual) | STATUS)
    return Response(status, draw(TEXT), message, draw(bodies), whole=draw(st.integers(0, 9)) > 0)


class Door:
    """A login server that gives one answer to everything."""

    host, verified = HOST, True
    connection = SimpleNamespace(ended=1.0, result=lambda _: SimpleNamespace(peer=SimpleNamespace(address=None)))

    def __init__(self, response: Response) -> None:
        self._answer = Answer(response)
        self.challenge = SimpleNamespace(result=lambda _: self._answer, ended=2.0)

    def request(self, *_: Any, **__: Any) -> Answer:
        """The one answer."""
        return self._answer


def outcome(check: Check, context: Any, needs: dict[str, Any], codes: set[str]) -> Any:
    """Runs a check; what comes must be a finding that can be reported, of one of these codes."""
    try:
        found: Any = check.run(context, needs)
        finding = found.warning
    except HealthCheckError as error:
        found = finding = error
    if finding is not None:
        assert finding.code in codes
        json.dumps(finding.evidence, allow_nan=False)
        for text in (finding.advice.message, finding.advice.solution, *finding.advice.commands):
            assert text.isprintable()
    return found


def context_of(azure: Any = None) -> Any:
    azure = azure or SimpleNamespace(
        registry_audience='https://containerregistry.azure.net', account=lambda: ACCOUNT, storage_suffix=None,
        registry_token=lambda _: SimpleNamespace(result_within=lambda _: Token('secret', 'tenant')))
    return SimpleNamespace(options=OPTIONS, azure=azure, guessed_host=HOST, front_door=lambda _: None,
                           set_out=lambda: None, operation=lambda: Deadline(5.0))


@given(responses(401))
def test_the_challenge(response: Response) -> None:
    found = outcome(challenge.CHECK, context_of(), {'tls': Door(response)}, {
        'CONNECTIVITY_CHALLENGE_ERROR', 'CONNECTIVITY_FORBIDDEN_ERROR', 'CONNECTIVITY_AAD_LOGIN_ERROR',
        'CONNECTIVITY_TOOMANYREQUESTS_ERROR'})
    if isinstance(found, Found):
        assert response.status == 401 and found.value.service.lower() == HOST
        assert found.details['realm'].lower().startswith(f'https://{HOST}')
    elif response.status in (403, 429):
        assert found.code == {403: 'CONNECTIVITY_FORBIDDEN_ERROR', 429: 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'}[
            response.status]
    elif response.status != 401:
        assert found.code == 'CONNECTIVITY_CHALLENGE_ERROR'


@given(responses(200))
def test_the_refresh_token(response: Response) -> None:
    needs = {'challenge': challenge.Challenged(Door(response), HOST),  # type: ignore[arg-type]
             'login-server': login_server.Registry(HOST)}
    found = outcome(tokens.REFRESH, context_of(), needs, {'CONNECTIVITY_REFRESH_TOKEN_ERROR',
                                                          'CONNECTIVITY_TOOMANYREQUESTS_ERROR'})
    if response.status == 429:
        assert found.code == 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'
    assert isinstance(found, Found) <= (response.status == 200)


@given(responses(200))
def test_the_access_token(response: Response) -> None:
    needs = {'refresh-token': tokens.Refreshed(Door(response), HOST, 'secret'),  # type: ignore[arg-type]
             'login-server': login_server.Registry(HOST)}
    found = outcome(tokens.ACCESS, context_of(), needs, {'CONNECTIVITY_ACCESS_TOKEN_ERROR',
                                                         'CONNECTIVITY_TOOMANYREQUESTS_ERROR'})
    assert isinstance(found, Found) <= (response.status == 200)
    if isinstance(found, Found):
        assert '*' in found.details['granted'] or {'pull', 'push'} <= set(found.details['granted'])


ENDS = st.text(max_size=30) | st.datetimes().map(lambda moment: f'{moment.isoformat()}Z') | JSON
PASSWORDS = st.lists(st.fixed_dictionaries({'expiry': ENDS}) | JSON, max_size=2)
A_TOKEN = st.fixed_dictionaries({}, optional={'status': st.sampled_from(['enabled', 'Disabled']) | JSON, 'credentials':
                                              st.fixed_dictionaries({'passwords': PASSWORDS}) | JSON})
TOKENS = st.fixed_dictionaries({'properties': A_TOKEN | JSON}) | JSON
SETTING = st.fixed_dictionaries({}, optional={name: st.booleans() | JSON
                                              for name in ('adminUserEnabled', 'anonymousPullEnabled')})
RESOURCE = st.fixed_dictionaries({'properties': SETTING | JSON}, optional={'sku': JSON, 'id': JSON})
SIGN_INS = st.sampled_from([OtherSignIn()]) | st.builds(OtherSignIn, st.sampled_from([
    'contosoprod', 'demotoken', 'ada@contoso.example', '44444444-a444-4444-8444-444444444444',
    '00000000-0000-0000-0000-000000000000']), TOKEN | st.builds(lambda end: claims({'exp': end}), JSON))


@settings(max_examples=300)
@given(responses(401, st.sampled_from(['Application not registered with AAD.', 'Invalid clientid or client secret.',
                                       'authentication required']).map(lambda message: json.dumps(
                                           {'errors': [{'code': 'UNAUTHORIZED', 'message': message}]}).encode())
                 | BODIES) | responses(200), RESOURCE, SIGN_INS, responses(200, TOKENS.map(json.dumps).map(str.encode)))
def test_the_access_token_of_another_sign_in(response: Response, resource: dict[str, Any], chosen: OtherSignIn,
                                             shown: Response) -> None:
    context = context_of(SimpleNamespace(read=lambda *_: shown))
    context.options = SimpleNamespace(**{**vars(OPTIONS), 'other_sign_in': chosen})
    needs = {'challenge': challenge.Challenged(Door(response), HOST),  # type: ignore[arg-type]
             'login-server': login_server.Registry(HOST, resource, ACCOUNT)}
    found = outcome(other_sign_in.CHECKS['access-token'], context, needs, {
        'CONNECTIVITY_ACCESS_TOKEN_ERROR', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'})
    assert isinstance(found, Found) <= (response.status == 200)


SETTINGS = ['networkRuleSet', 'policies', 'privateEndpointConnections', 'publicNetworkAccess', 'roleAssignmentMode']
PROPERTIES = st.fixed_dictionaries({}, optional={
    'loginServer': st.sampled_from([HOST, 'evil.example', '-x', 'a b.c']) | JSON,
    **{key: JSON | made_of('ipRules', 'defaultAction', 'azureADAuthenticationAsArmPolicy') for key in SETTINGS}})
ENTRY = st.fixed_dictionaries({'name': st.sampled_from(['contosoprod', 'ContosoProd', 'other']) | JSON}, optional={
    'id': JSON, 'sku': JSON | made_of('name'), 'location': JSON, 'properties': PROPERTIES | JSON})
LINKS = ['https://management.azure.com/next', 'https://evil.example/', 'http://[', 'https://management.azure.com:x/']
LISTING = st.fixed_dictionaries({'value': st.lists(ENTRY | JSON, max_size=2),
                                 'nextLink': st.sampled_from(LINKS) | JSON})


class Management(AzureCli):
    """Resource Manager that gives one answer to everything."""

    def __init__(self, response: Response) -> None:
        cloud = SimpleNamespace(name='AzureCloud', endpoints=SimpleNamespace(
            resource_manager='https://management.azure.com'))
        super().__init__(SimpleNamespace(cloud=cloud, data={}), Trust(None))
        self._response = response

    def account(self) -> Account:
        return ACCOUNT

    def other_accounts(self) -> list[Account]:
        return []

    def management_token(self, account: Account) -> Any:
        return SimpleNamespace(result_within=lambda _: Token('secret', 'tenant'),
                               result=lambda _: Token('secret', 'tenant'))

    def getter(self, token: Token, deadline: Deadline) -> Any:
        return lambda _: self._response


def listed(response: Response) -> None:
    found = outcome(login_server.CHECK, context_of(Management(response)), {}, {'LOGIN_SERVER_ERROR'})
    assert isinstance(found, Found)
    assert found.value.login_server == HOST or names.HOST.fullmatch(found.value.login_server)


@settings(max_examples=300)
@given(responses(200, LISTING.map(lambda listing: json.dumps(listing).encode())))
def test_a_listing_of_registries(response: Response) -> None:
    listed(response)


@given(responses(200))
def test_anything_in_place_of_a_listing(response: Response) -> None:
    listed(response)


PLATFORM = st.fixed_dictionaries({}, optional={
    'os': st.sampled_from(['linux', 'windows', 'unknown']) | JSON,
    'architecture': st.sampled_from(['amd64', 'arm64', 'arm', '386', 's390x']) | JSON,
    'variant': st.sampled_from(['v6', 'v7', 'v8']) | JSON})
DIGESTS = st.sampled_from([f'sha256:{"0a" * 32}', 'sha256:../../v2', f'sha512:{"0a" * 64}'])
BLOB = st.fixed_dictionaries({'digest': DIGESTS | JSON}, optional={
    'size': st.integers(-1, 5000) | JSON, 'platform': PLATFORM | JSON, 'urls': JSON,
    'mediaType': st.sampled_from([*images.CONFIGS, 'application/vnd.docker.image.rootfs.foreign.diff.tar']) | JSON})
MANIFEST = st.fixed_dictionaries({}, optional={
    'schemaVersion': st.sampled_from([1, 2]) | JSON, 'config': BLOB | JSON, 'layers': st.lists(BLOB, max_size=2) | JSON,
    'blobs': JSON, 'manifests': st.lists(BLOB, max_size=3) | JSON})


@settings(max_examples=300)
@given(responses(200, BODIES | MANIFEST.map(lambda content: json.dumps(content).encode())))
def test_an_image(response: Response) -> None:
    door: Any = Door(response)
    needs = {'access-token': tokens.Granted(door, 'secret', 'samples/hello', str),
             'login-server': login_server.Registry(HOST)}
    del response.headers['Location']  # where it leads is tested below
    outcome(data_path.IMAGE, context_of(), needs, {
        'IMAGE_PULL_ERROR', 'DATA_ENDPOINT_ERROR', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'})


MACHINES = st.builds(images.Machine, st.sampled_from(['Linux', 'Windows', 'Darwin']),
                     st.sampled_from(['x86_64', 'AMD64', 'aarch64', 'arm64', 'armv7l', 'armv6l', 'i686', 's390x', '']))


@given(MANIFEST | JSON, MACHINES)
def test_a_manifest_is_read_or_said_to_be_unreadable(content: Any, machine: images.Machine) -> None:
    try:
        found = images.read(content)
    except images.Unreadable as why:
        assert str(why)
        return
    if isinstance(found, images.Index):
        chosen = machine.choose(found)
        assert chosen is None or chosen in [digest for _, digest in found.entries]
    else:
        assert all(images.DIGEST.fullmatch(blob.digest) for blob in found.layers)


@given(st.text() | st.from_regex(r'(https?:)?(//)?[a-z@:\[\].%/?=&-]{0,40}'))
def test_whatever_a_redirect_says_leads_to_https_or_nowhere(location: str) -> None:
    try:
        url, host, port, path = redirects._leads_to(  # pylint: disable=protected-access
            f'https://{HOST}/', location, {'host': HOST, 'what': 'a layer'})
    except HealthCheckError as error:
        assert error.code == 'DATA_ENDPOINT_ERROR' and error.cause == 'redirect-unusable'
        return
    assert url.startswith('https://') and '@' not in url.split('/')[2]
    assert host.isascii() and 0 < port < 65536 and path.startswith('/')
    assert path.isascii() and path.isprintable() and ' ' not in path


ANY_SETTINGS = st.fixed_dictionaries({}, optional={
    'sku': st.just({'name': 'Premium'}) | JSON, 'id': st.just('/subscriptions/s/registries/r') | JSON,
    'identity': JSON | made_of('userAssignedIdentities', 'principalId'), 'name': JSON,
    'properties': JSON | st.fixed_dictionaries({}, optional={
        'provisioningState': st.sampled_from(['Succeeded', 'DELETING', 'creating']) | JSON,
        'publicNetworkAccess': st.sampled_from(['Disabled', 'enabled']) | JSON,
        'networkRuleSet': JSON | st.fixed_dictionaries({}, optional={
            'defaultAction': st.sampled_from(['Deny', 'allow']) | JSON,
            'ipRules': JSON | st.lists(made_of('value') | JSON),
            'virtualNetworkRules': JSON | st.lists(made_of('id'))}),
        'privateEndpointConnections': JSON | st.lists(made_of('properties') | JSON),
        'policies': JSON | made_of('quarantinePolicy'), 'roleAssignmentMode': JSON,
        'encryption': JSON | st.fixed_dictionaries({
            'keyVaultProperties': JSON | made_of('identity', 'keyIdentifier')})})})
REPLICATIONS = st.fixed_dictionaries({'value': JSON | st.lists(made_of('location', 'name', 'properties') | JSON)})


@settings(max_examples=300)
@given(ANY_SETTINGS, responses(200, REPLICATIONS.map(lambda listing: json.dumps(listing).encode()) | BODIES))
def test_settings_of_any_shape(resource: dict[str, Any], response: Response) -> None:
    needs = {'login-server': login_server.Registry(HOST, resource, ACCOUNT)}
    for check in registry_settings.ALL:
        try:
            outcome(check, context_of(Management(response)), needs, {'REGISTRY_SETTING_ERROR', 'CMK_ERROR'})
        except NotApplicable as why:
            assert str(why)


def network_id(kind: str, name: str) -> str:
    return f'/subscriptions/sub/resourceGroups/group/providers/Microsoft.Network/{kind}/{name}'


NETWORK, ENDPOINT, CARD = (network_id(*parts) for parts in [
    ('virtualNetworks', 'net'), ('privateEndpoints', 'pe'), ('networkInterfaces', 'card')])


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The usual, or now and then anything."""
    return st.integers(0, 99).flatmap(lambda number: JSON if number == 50 else usual)


def made_with(**of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A resource with mostly these properties."""
    return mostly(st.fixed_dictionaries({'name': mostly(st.text(max_size=9)), 'properties': mostly(
        st.fixed_dictionaries({key: mostly(value) for key, value in of.items()}))}))


ID = st.fixed_dictionaries({'id': mostly(st.sampled_from(
    [ENDPOINT, ENDPOINT, f'{ENDPOINT}2', ENDPOINT.upper(), f'{ENDPOINT}\0']))})
STATE = st.fixed_dictionaries({'status': mostly(st.sampled_from(['Approved'] * 5 + ['Pending', 'Disconnected']))})
PROVISIONING = st.sampled_from(['Succeeded'] * 5 + ['Failed', 'Updating'])
CONNECTIONS = mostly(st.lists(made_with(privateEndpoint=ID, privateLinkServiceConnectionState=STATE,
                                        provisioningState=PROVISIONING), min_size=1, max_size=2))
LINKED = st.lists(made_with(privateLinkServiceId=st.just('registry'), privateLinkServiceConnectionState=STATE),
                  max_size=1)
ENDPOINTS = made_with(
    subnet=st.fixed_dictionaries({'id': mostly(st.sampled_from([f'{NETWORK}/subnets/a', f'{NETWORK}2/subnets/a']))}),
    networkInterfaces=st.just([{'id': CARD}]), provisioningState=PROVISIONING, privateLinkServiceConnections=LINKED,
    manualPrivateLinkServiceConnections=LINKED)
ADDRESSES = st.sampled_from(['10.0.0.7'] * 4 + ['10.0.0.6', 'fd00::7', '203.0.113.40', '0.0.0.0', 'x'])
HOSTS = st.lists(mostly(st.sampled_from([HOST, 'contosoprod.westeurope.data.azurecr.io', 'a\0b', 'x' * 300])),
                 min_size=1, max_size=2)
CARDS = made_with(ipConfigurations=st.lists(made_with(
    privateIPAddress=ADDRESSES, privateLinkConnectionProperties=st.fixed_dictionaries({
        'fqdns': mostly(HOSTS),
        'requiredMemberName': mostly(st.sampled_from(['registry', 'registry_data_westeurope']))})),
    min_size=1, max_size=3))


def answering(content: st.SearchStrategy[Any]) -> st.SearchStrategy[Response]:
    """Mostly 200 with that in it."""
    bodies = content.map(lambda made: json.dumps(made).encode())
    plain = bodies.map(lambda body: Response(200, 'OK', http.client.HTTPMessage(), body, whole=True))
    return st.integers(0, 9).flatmap(lambda number: responses(200, bodies) if number == 5 else plain)


class Network(Management):
    """Resource Manager that has an answer for each kind of resource."""

    def __init__(self, answers: dict[str, Response]) -> None:
        super().__init__(next(iter(answers.values())))
        self._answers = answers

    def management_token(self, account: Account) -> Any:
        return SimpleNamespace(result=lambda _: Token('secret', 'tenant'))

    def getter(self, token: Token, deadline: Deadline) -> Any:
        return lambda path: next(answer for kind, answer in self._answers.items() if f'/{kind}/' in path.lower())


@settings(max_examples=300)
@given(st.tuples(answering(ENDPOINTS), answering(CARDS), answering(JSON)), CONNECTIONS,
       st.lists(ADDRESSES, max_size=2), st.sampled_from([NETWORK, NETWORK, 'net', 'other']))
def test_private_endpoints(answers: Any, connections: Any, addresses: list[str], vnet: str) -> None:
    endpoint, card, network = answers
    context = context_of(Network({
        'privateendpoints': endpoint, 'networkinterfaces': card, 'virtualnetworks': network}))
    context.options = SimpleNamespace(**{**vars(OPTIONS), 'vnet': vnet})
    lookup = names.Lookup(HOST, addresses)
    context.front_door = lambda _: SimpleNamespace(lookup=SimpleNamespace(result=lambda _: lookup))
    resource = {'id': 'registry', 'properties': {'privateEndpointConnections': connections}}
    with patch.object(names, 'look_up', lambda _: lookup), \
            patch.object(names, 'explain', lambda *_: names.Explanation(addresses=addresses)):
        found = outcome(private_link.CHECK, context, {'login-server': login_server.Registry(HOST, resource, ACCOUNT)},
                        {'PRIVATE_ENDPOINT_ERROR', 'PRIVATE_ENDPOINT_DNS_ERROR'})
    if isinstance(found, Found) and not found.warning:
        assert all(row['right'] for row in found.details['targets'])
