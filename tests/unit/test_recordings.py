"""Conversations with Azure Container Registry as others recorded them, replayed by vcrpy; tokens are placeholders.

The sources stand at the top of each recording. Nothing is ever recorded here: what is not in a recording fails.
"""
from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import vcr

from azext_acrhealth._validators import ACTIONS
from azext_acrhealth.checks import challenge, dns, tls, tokens
from azext_acrhealth.checks.login_server import Registry
from azext_acrhealth.clients import Deadline, front_door
from azext_acrhealth.clients.azure import Token
from azext_acrhealth.clients.http import Connection, Trust
from azext_acrhealth.clients.later import Later
from azext_acrhealth.clients.names import Lookup
from azext_acrhealth.context import Options
from azext_acrhealth.report import CheckResult
from azext_acrhealth.runner import Check, Found, run_checks

HOST = 'contosoprod.azurecr.io'
TENANT = '00000000-0000-0000-0000-000000000001'


class Tls:
    """As much of a TLS socket as a replayed connection is asked for."""

    deadline: Deadline

    def version(self) -> str:
        return 'TLSv1.3'

    def getpeercert(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def replayed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[vcr.cassette.Cassette]:
    """Plays the recording named like the test; names and TLS, which vcrpy does not see, just work."""
    def shake_hands(self: Any, *_: Any) -> Tls:
        self._socket = Tls()
        return self._socket  # type: ignore[no-any-return]

    monkeypatch.setattr(Connection, '_tcp', lambda self, deadline: None)
    monkeypatch.setattr(Connection, '_shake_hands', shake_hands)
    # http.client's own answers have these, vcrpy's do not.
    monkeypatch.setattr(vcr.stubs.VCRHTTPResponse, 'will_close', False, raising=False)
    monkeypatch.setattr(vcr.stubs.VCRHTTPResponse, 'length', 0, raising=False)
    monkeypatch.setattr(front_door, 'look_up', lambda host: Lookup(host, ['203.0.113.40']))
    name = request.node.originalname.removeprefix('test_')
    recording = Path(__file__).with_name('recordings') / f'{name}.yaml'
    with vcr.use_cassette(str(recording), record_mode=vcr.mode.NONE,
                          match_on=['method', 'scheme', 'host', 'path', 'body']) as cassette:
        yield cassette


def results(repository: str | None = None) -> dict[str, CheckResult]:
    """What the checks from the challenge on make of the recording."""
    azure = SimpleNamespace(registry_audience='https://containerregistry.azure.net', sign_in_host='login.example',
                            registry_token=lambda account: Later(lambda: Token('ENTRA_TOKEN', TENANT), 'token'))
    door = front_door.FrontDoor(HOST, Trust(None), 5)
    context = SimpleNamespace(
        options=Options(timeout=5, registry='contosoprod', repository=repository, require=ACTIONS), azure=azure,
        deadline=Deadline(10), started=time.monotonic(), guessed_host=HOST, front_door=lambda host: door,
        operation=lambda: Deadline(5))
    known = Check('login-server', 'registry', lambda *_: Found('known', value=Registry(HOST)), dns.CHECK.overrun)
    resolved = Check('dns', 'network', lambda *_: Found('resolved'), dns.CHECK.overrun)
    found = run_checks([known, resolved, tls.CHECK, challenge.CHECK, tokens.REFRESH, tokens.ACCESS], context)
    return {result.name: result for result in found}


def test_sign_in(replayed: vcr.cassette.Cassette) -> None:
    found = results()
    assert {name: found[name].status for name in ('challenge', 'refresh-token', 'access-token')} == {
        'challenge': 'passed', 'refresh-token': 'passed', 'access-token': 'passed'}
    assert replayed.play_count == 3, 'challenge, exchange and token, their forms as recorded'


def test_firewall() -> None:
    refused = results()['challenge']
    assert (refused.error_code, refused.cause) == ('CONNECTIVITY_FORBIDDEN_ERROR', 'registry-firewall')
    assert refused.details['client_address'] == '203.0.113.77'


def test_no_role() -> None:
    refused = results()['refresh-token']
    assert (refused.error_code, refused.cause) == ('CONNECTIVITY_REFRESH_TOKEN_ERROR', 'exchange-unauthorized')
    assert refused.details['correlation_id'] == '01234567-89ab-cdef-0123-456789abcdef'


def test_throttled() -> None:
    throttled = results()['challenge']
    assert (throttled.error_code, throttled.cause) == ('CONNECTIVITY_TOOMANYREQUESTS_ERROR', 'throttled')
    assert not throttled.details['retry_after']


def test_gateway_timeout() -> None:
    assert results()['challenge'].cause == 'gateway-timeout'
