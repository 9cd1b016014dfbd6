"""What name servers say, one after the other; addresses that mean something; the hosts file."""
from __future__ import annotations

import builtins
import io
from typing import Any

import pytest

from azext_acrhealth.clients import Deadline, names

R, FIRST, SECOND = 'contosoprod.azurecr.io', '192.0.2.1', '192.0.2.2'
Said = tuple[str | None, list[str], list[str]]


@pytest.mark.parametrize('first, second, verdict, answers', [
    ((None, [], ['192.0.2.9']), None, None, {}),
    (('NXDOMAIN', [], []), None, 'NXDOMAIN', {FIRST: 'NXDOMAIN'}),
    (('no address', ['a.b'], []), None, 'no address', {FIRST: 'no address'}),
    (('no answer', [], []), (None, [], ['192.0.2.9']), None, {FIRST: 'no answer'}),
    (('SERVFAIL', [], []), ('NXDOMAIN', [], []), 'NXDOMAIN', {FIRST: 'SERVFAIL', SECOND: 'NXDOMAIN'}),
    (('no answer', [], []), ('REFUSED', [], []), 'REFUSED', {FIRST: 'no answer', SECOND: 'REFUSED'}),
    (('no answer', [], []), ('no answer', [], []), 'no answer', {FIRST: 'no answer', SECOND: 'no answer'}),
])
def test_each_server_is_asked_until_one_has_the_last_word(
        monkeypatch: pytest.MonkeyPatch, first: Said, second: Said | None, verdict: str | None,
        answers: dict[str, str]) -> None:
    said = {FIRST: first, SECOND: second}
    monkeypatch.setattr(names, 'name_servers', lambda: [FIRST, SECOND])
    monkeypatch.setattr(names, '_ask', lambda host, server, seconds: said[server])
    found = names.explain(R, Deadline(5))
    assert (found.verdict, dict(found.answers)) == (verdict, answers)
    assert bool(found.addresses) == (verdict is None)


def test_without_a_server_that_is_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, 'name_servers', lambda: [])
    assert names.explain(R, Deadline(5)).verdict == 'no name server'


@pytest.mark.parametrize('host', ['a..b', 'x' * 64 + '.example', ''.join(['x.'] * 200), '\u00e9\u0301'])
def test_a_name_that_is_none_is_an_answer(host: str) -> None:
    found = names.look_up_within(host, Deadline(5))
    assert not found.addresses and found.error


@pytest.mark.parametrize('address, private, sinkhole', [
    ('10.0.0.7', True, False), ('172.31.0.1', True, False), ('100.64.0.1', True, False), ('fd00::1', True, False),
    ('172.32.0.1', False, False), ('203.0.113.4', False, False), ('2001:db8::1', False, False),
    ('0.0.0.0', False, True), ('127.0.0.1', False, True), ('::', False, True), ('::1', False, True),
    ('fe80::1%eth0', False, False), ('nonsense', False, False),
])
def test_addresses_that_mean_something(address: str, private: bool, sinkhole: bool) -> None:
    assert (names.is_private(address), names.is_sinkhole(address)) == (private, sinkhole)


@pytest.mark.parametrize('text, address', [
    (f'203.0.113.1 {R}\n', '203.0.113.1'), (f'203.0.113.1\twww.example {R.upper()} # x\n', '203.0.113.1'),
    (f'# 203.0.113.1 {R}\n', None), (f'203.0.113.1 x{R}\n\n', None), ('\udcff\n', None), ('', None),
])
def test_the_hosts_file(monkeypatch: pytest.MonkeyPatch, text: str, address: str | None) -> None:
    monkeypatch.setattr(builtins, 'open', lambda *_, **__: io.StringIO(text))
    assert names.in_hosts_file(R) == address


def test_without_a_hosts_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError
    monkeypatch.setattr(builtins, 'open', missing)
    assert names.in_hosts_file(R) is None
