"""When a name leads to a private endpoint: by addresses, however they are spelled, and by all of them."""

import pytest

from azext_acrhealth.checks.private_endpoints import Endpoint
from azext_acrhealth.checks.private_names import Target, plain_address
from azext_acrhealth.clients.names import Lookup

HOST = 'contosoprod.azurecr.io'
FIRST, SECOND = (Endpoint(f'/{name}', name, 'Approved', '', 'Succeeded', 'registry', {})
                 for name in ('first', 'second'))
EXPECTED = {plain_address(address): endpoint for address, endpoint in [
    ('10.0.0.7', FIRST), ('FD00:0:0::0007', FIRST), ('10.0.0.17', SECOND)]}


@pytest.mark.parametrize('found, wrong, used', [
    (['10.0.0.7'], [], [FIRST]), (['fd00::7', '10.0.0.7'], [], [FIRST, FIRST]), (['10.0.0.17'], [], [SECOND]),
    (['10.0.0.7', '10.0.0.17'], [], [FIRST, SECOND]), (['10.0.0.7', '10.0.0.99'], ['10.0.0.99'], [FIRST]),
    (['203.0.113.40'], ['203.0.113.40'], []), (['fd00::7%eth0'], [], [FIRST]), ([], [], [])])
def test_where_a_name_leads(found: list[str], wrong: list[str], used: list[Endpoint]) -> None:
    target = Target(HOST, None, EXPECTED, Lookup(HOST, found))
    assert (target.wrong, target.used, target.right) == (wrong, used, bool(found) and not wrong)
