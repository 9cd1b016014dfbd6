"""Secrets are masked in whatever form tools and servers say them; what is no secret stays readable."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrhealth import redaction
from azext_acrhealth.redaction import MASK, basic, never_show, redact

JWT = 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJodHRwczovL2NvbnRvc28ifQ.c2lnbmF0dXJlLXMzY3IzdA'


@pytest.mark.parametrize('text', [
    'proxyconnect tcp: http://user:s3cr3t@proxy.contoso.example:3128 refused',
    'http://user:p@s3cr3t@proxy:3128/', 'http://user:p/s3cr3t@proxy:3128', 'HTTPS_PROXY=user:s3cr3t@proxy:3128',
    'https://s3cr3t@git.example/x', 'socks5h://a:s3cr3t@[::1]:1080',
    'Get "https://e.data.mcr.microsoft.com/x?se=2026&sig=s3cr3t%2Babc%3D&sp=r": EOF', 'sig%3Ds3cr3t', '?SIG=s3cr3t',
    'Authorization: Bearer s3cr3t-and-more', 'Authorization: Basic czNjcjN0OnMzY3IzdA==', 'authorization=s3cr3t',
    '"Proxy-Authorization": "Basic s3cr3t"', 'sent Bearer s3cr3t0123456789.abc', 'Set-Cookie: session=s3cr3t; Path=/',
    f'got {JWT}', f'"token":"{JWT}"', JWT.rpartition('.')[0] + '.s3cr3t', JWT.partition('.')[0] + 's3cr3t',
    '{"identitytoken": "s3cr3t"}', '{"auth":"s3cr3t=="}', '{"Username":"u","Secret":"s3cr3t"}',
    r'{"password":"a\"s3cr3t"}', json.dumps(json.dumps({'refresh_token': 's3cr3t'})), "{'password': 's3cr3t'}",
    'grant_type=refresh_token&refresh_token=s3cr3t&service=x', 'client_secret=s3cr3t', 'access_token=s3cr3t',
    '{"secret":"s3cr3t', 'AccountKey=s3cr3t;EndpointSuffix=core.windows.net'])
def test_no_secret_is_left(text: str) -> None:
    redacted = redact(text)
    assert 's3cr3t' not in redacted and MASK in redacted
    assert 'czNjcjN0' not in redacted and 'c2lnbmF0dXJl' not in redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize('text', [
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    'Get "https://contosoprod.azurecr.io:443/v2/": dial tcp 203.0.113.30:443: connect: connection refused',
    'dial tcp: lookup mcr.microsoft.com on 10.255.255.53:53: no such host',
    'Bearer realm="https://contosoprod.azurecr.io/oauth2/token",service="contosoprod.azurecr.io"',
    'unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.',
    'https://mcr.microsoft.com/mcr/hello-world@sha256:601c0498c524a6ce779bc4eeeb26fa719f6bb1da106dddc91c7e9f21d318c889',
    'read tcp 203.0.113.31:49520->203.0.113.31:443: read: connection reset by peer', 'ssh://me@builder.example',
    'error storing credentials - err: exit status 1, out: `User interaction is not allowed.`',
    'The sign-in needs Basic authentication or a Bearer token', 'mail somebody@contoso.example about it'])
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_around_a_secret_stays() -> None:
    assert redact('a http://u:p@proxy:3128 b?sig=x&sp=r c') == f'a http://{MASK}@proxy:3128 b?sig={MASK}&sp=r c'


@given(st.text(st.characters(exclude_categories=['Cs']) | st.characters(min_codepoint=0xdc80, max_codepoint=0xdcff),
               min_size=6), st.sampled_from([str, lambda text: json.dumps(text)[1:-1], lambda text: basic('me', text)]))
def test_a_secret_that_is_known_is_masked_wherever_it_stands(secret: str, form: Callable[[str], str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, '_known', set())
        never_show(secret, 'me')
        assert redact(f'before {form(secret)} after') == f'before {MASK} after'


def test_a_secret_that_is_known_is_masked_in_a_request_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, '_known', set())
    secret = 'p@ss+w/rd "quoted"'
    never_show(secret)
    for form in (quote(secret, safe=''), quote_plus(secret), base64.b64encode(secret.encode()).decode()):
        assert redact(f'<{form}>') == f'<{MASK}>'
    never_show('short')
    assert redact('in short') == 'in short'


@pytest.mark.parametrize('name', ['Author\u0131zation: ', 'ba\u017fic abc', 'coo\u212aie: '])
def test_letters_that_count_as_ascii_ones_hide_nothing(name: str) -> None:
    assert 'defgh1234567' not in redact(f'{name}defgh1234567')


@given(st.text())
def test_any_text_can_be_redacted_and_a_second_time_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet='abcdefXYZ0123456789-_~!$&*+%', min_size=4), st.sampled_from([
    'http://user:{}@proxy:3128', 'https://h/x?sig={}', '{{"password":"{}"}}', 'Authorization: Bearer {}']))
def test_no_secret_survives_whatever_it_is_made_of(secret: str, form: str) -> None:
    if '&' not in secret and secret.strip('*') and secret not in form:
        assert secret not in redact('before ' + form.format(secret) + ' after')
