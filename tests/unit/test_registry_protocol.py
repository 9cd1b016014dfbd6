"""The registry protocol: challenges (RFC 9110, 11.6.1), errors, tokens."""

import base64
import http.client
import json
from datetime import datetime, timezone
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrhealth.clients import registry
from azext_acrhealth.clients.http import Response

HOST = 'contosoprod.azurecr.io'
BEARER = f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"'


def answer(status: int = 200, body: bytes = b'', **headers: str) -> Response:
    lines = ''.join(f'{name.replace("_", "-")}: {value}\r\n' for name, value in headers.items())
    return Response(status, '', http.client.parse_headers(BytesIO((lines + '\r\n').encode())), body, True)


def jwt(claims: object) -> str:
    return '.'.join(base64.urlsafe_b64encode(part).decode().rstrip('=')
                    for part in (b'{"alg":"RS256"}', json.dumps(claims).encode(), b'signature'))


@pytest.mark.parametrize('headers, expected', [
    ([BEARER], [('bearer', {'realm': f'https://{HOST}/oauth2/token', 'service': HOST})]),
    ([BEARER + ',scope="repository:library/hello-world:pull,push"'],
     [('bearer', {'realm': f'https://{HOST}/oauth2/token', 'service': HOST,
                  'scope': 'repository:library/hello-world:pull,push'})]),
    (['Basic realm="a, b"', BEARER], [('basic', {'realm': 'a, b'}),
                                      ('bearer', {'realm': f'https://{HOST}/oauth2/token', 'service': HOST})]),
    (['Basic realm=x, Bearer realm=y , service = z'], [('basic', {'realm': 'x'}),
                                                       ('bearer', {'realm': 'y', 'service': 'z'})]),
    (['BEARER REALM="x"\t,\t,  Service="y"'], [('bearer', {'realm': 'x', 'service': 'y'})]),
    ([r'Bearer realm="say \"hi\"",service=s'], [('bearer', {'realm': 'say "hi"', 'service': 's'})]),
    (['Negotiate', 'NTLM'], [('negotiate', {}), ('ntlm', {})]),
    (['Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa+gJDAi==, Basic realm="x"'], [('negotiate', {}), ('basic', {'realm': 'x'})]),
    (['Bearer'], [('bearer', {})]),
    (['Bearer realm="unended'], [('bearer', {})]),
    (['Bearer realm=a, realm=b'], [('bearer', {'realm': 'a'})]),
    (['Basic YWRhOnh5eg==', 'Bearer abc , x=y'], [('basic', {}), ('bearer', {'x': 'y'})]),
    (['Bearer a~b/c+d.e_f-g=, x=y'], [('bearer', {'x': 'y'})]),
    (['Negotiate  YII95+/a9=\t, Basic\trealm\t=\tabc9'], [('negotiate', {}), ('basic', {'realm': 'abc9'})]),
    (['Bearer a=1 b=2'], [('bearer', {})]),
    (['Bearer =, c=d', 'Bearer a=b, c=, d=e'], [('bearer', {}), ('bearer', {'a': 'b'})]),
    (['Bearer a="1"b, c=d', 'Basic'], [('bearer', {}), ('basic', {})]),
    (['Bearer a==b, c=d'], [('bearer', {})]),
    (['Bearer a=, c=d'], [('bearer', {'c': 'd'})]),
    (['Bearer a="", c=d'], [('bearer', {'a': '', 'c': 'd'})]),
    (['a=b, Bearer c=d'], []),
    (['\t, ,Bearer a=b,'], [('bearer', {'a': 'b'})]),
    (['', ' , ', '"nothing"', '=x'], []),
])
def test_challenges(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(found.scheme, dict(found.parameters)) for found in registry.parse_challenges(headers)] == expected


@given(st.lists(st.text(max_size=300), max_size=4))
def test_any_header_is_read_without_an_exception(headers: list[str]) -> None:
    for challenge in registry.parse_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower() != ''


@given(st.lists(st.tuples(st.from_regex(r'[a-z]{1,8}', fullmatch=True),
                          st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)),
                unique_by=lambda pair: pair[0], max_size=5))
def test_what_is_written_by_the_grammar_is_read_back(parameters: list[tuple[str, str]]) -> None:
    quoted = [f'{name}="' + value.replace('\\', '\\\\').replace('"', '\\"') + '"' for name, value in parameters]
    assert registry.parse_challenges(['Bearer ' + ', '.join(quoted)])[0].parameters == dict(parameters)


def test_a_header_of_megabytes_is_cut() -> None:
    assert registry.parse_challenges(['Bearer realm="' + 'x' * 5_000_000]) == [registry.Challenge('bearer', {})]


@pytest.mark.parametrize('realm, own', [
    (f'https://{HOST}/oauth2/token', True),
    (f'https://{HOST}:443/oauth2/token', True),
    (f'HTTPS://{HOST.upper()}/oauth2/token', True),
    (f'http://{HOST}/oauth2/token', False),
    (f'https://{HOST}:8443/oauth2/token', False),
    (f'https://{HOST}.evil.example/oauth2/token', False),
    (f'https://{HOST}@evil.example/oauth2/token', False),
    (f'https://user@{HOST}/oauth2/token', False),
    ('https://fabrikam.azurecr.io/oauth2/token', False),
    ('https://[::1', False),
    ('/oauth2/token', False),
    ('', False),
])
def test_tokens_go_to_the_own_host_only(realm: str, own: bool) -> None:
    assert registry.own_realm(realm, HOST) is own


def test_an_error_gives_its_message_and_the_correlation_id_inside_it() -> None:
    body = json.dumps({'errors': [{'code': 'UNAUTHORIZED', 'message': (
        'authentication required, visit https://aka.ms/acr/authorization for more information. '
        'CorrelationId: 01234567-89ab-cdef-0123-456789abcdef')}]})
    error = registry.error_of(answer(401, body.encode()))
    assert error == registry.RegistryError(
        'UNAUTHORIZED', 'authentication required, visit https://aka.ms/acr/authorization for more information.',
        '01234567-89ab-cdef-0123-456789abcdef')


def test_an_error_may_say_less_and_have_its_correlation_id_in_a_header() -> None:
    error = registry.error_of(answer(404, b'{"errors":[{}]}', X_Ms_Correlation_Request_Id='an id'))
    assert error == registry.RegistryError('', '', 'an id')


@pytest.mark.parametrize('response, expected', [
    (answer(401, Docker_Distribution_Api_Version='registry/2.0'), True),
    (answer(500, b'{"errors":[{"code":"UNKNOWN"}]}'), True),
    (answer(200, Docker_Distribution_Api_Version='2.0 of a registry/'), False),
    (answer(200, b'<html>', Server='nginx'), False),
])
def test_a_registry_shows_itself_by_its_header_or_its_errors(response: Response, expected: bool) -> None:
    assert registry.is_registry(response) is expected


def test_the_forms_are_those_of_the_token_protocol() -> None:
    assert parse_qs(registry.exchange_form(HOST, 'a tenant', 's&cret')) == {
        'grant_type': ['access_token'], 'service': [HOST], 'tenant': ['a tenant'], 'access_token': ['s&cret']}
    bare = {'grant_type': ['refresh_token'], 'service': [HOST], 'refresh_token': ['s&cret']}
    assert parse_qs(registry.token_form(HOST, None, 's&cret'), keep_blank_values=True) == bare
    assert parse_qs(registry.token_form(HOST, 'repository:a:pull', 's&cret')) == {
        **bare, 'scope': ['repository:a:pull']}


def test_the_query_of_a_token_names_what_is_given() -> None:
    asked = urlsplit(registry.token_query(HOST, 'repository:a/b:pull', 'ada & co'))
    assert (asked.scheme, asked.netloc, asked.path) == ('', '', '/oauth2/token')
    assert parse_qs(asked.query) == {'service': [HOST], 'scope': ['repository:a/b:pull'], 'account': ['ada & co']}
    assert parse_qs(urlsplit(registry.token_query(HOST, None, None)).query, True) == {'service': [HOST]}


@pytest.mark.parametrize('claims, until', [
    ({'exp': 1767323045}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
    ({'exp': 1767323045.0}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
    ({'exp': '1767323045'}, None), ({'exp': None}, None), ({'exp': 1e300}, None), ({}, None), ([], None)])
def test_a_token_tells_until_when_it_holds(claims: object, until: datetime | None) -> None:
    assert registry.expiry(jwt(claims)) == until


@pytest.mark.parametrize('body, token', [
    (b'{"access_token": "e30.e30.x", "refresh_token": "other"}', 'e30.e30.x'), (b'{"refresh_token": "other"}', None),
    (b'{"access_token": ""}', None), (b'{"access_token": 7}', None), (b'{"access_token": "a\\r\\nHost: b"}', None),
    (b'["access_token"]', None), (b'<html>', None)])
def test_a_token_is_taken_only_under_its_name_and_in_one_line(body: bytes, token: str | None) -> None:
    assert registry.token_in(answer(200, body), 'access_token') == token


def test_a_firewall_refusal_names_the_address_though_its_quotes_are_escaped() -> None:
    body = (b'{"errors":[{"code":"DENIED","message":"client with IP \\u0027203.0.113.77\\u0027 is not allowed access. '
            b'Refer https://aka.ms/acr/firewall to grant access."}]}')
    assert registry.refused_address(registry.error_of(answer(403, body))) == '203.0.113.77'


@pytest.mark.parametrize('body', [
    b'', b'<html>', b'[]', b'null', b'{"errors":null}', b'{"errors":{}}', b'{"errors":[]}', b'{"errors":["x"]}',
    b'\xff\xfe', b'[' * 100_000, b'{"errors":[{"code":' + b'{"a":' * 50_000])
def test_what_is_no_error_of_a_registry_is_none(body: bytes) -> None:
    assert registry.error_of(answer(500, body)) is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(['errors', 'code', 'message', 'access_token', 'x']), inner)))
def test_any_json_is_read_without_an_exception(content: object) -> None:
    response = answer(200, json.dumps(content).encode())
    error = registry.error_of(response)
    assert error is None or isinstance(error.message, str)
    token = registry.token_in(response, 'access_token')
    assert token is None or token


def test_a_token_tells_what_it_grants_on_a_repository() -> None:
    token = jwt({'access': [{'type': 'registry', 'name': 'catalog', 'actions': ['*']},
                            {'type': 'repository', 'name': 'samples/other', 'actions': ['delete']},
                            {'type': 'repository', 'name': 'samples/hello', 'actions': ['pull', 'metadata_read']}]})
    assert registry.granted(token, 'samples/hello') == ['pull', 'metadata_read']
    assert registry.granted(token, 'samples/none') == []


@given(st.text(max_size=9))
def test_a_claim_of_any_length_is_read(name: str) -> None:
    assert registry.claims(jwt({'sub': name})) == {'sub': name}


@pytest.mark.parametrize('token', ['', 'a.b', 'a.!.c', 'a.bnVsbA.c', 'x' * 1000])
def test_what_is_no_token_grants_nothing_that_could_be_read(token: str) -> None:
    assert registry.granted(token, 'samples/hello') is None


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(['access', 'type', 'name', 'actions']), inner)))
def test_any_claims_are_read_without_an_exception(claims: object) -> None:
    granted = registry.granted(jwt(claims), 'samples/hello')
    assert granted is None or all(isinstance(action, str) for action in granted)
