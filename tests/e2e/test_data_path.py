"""The way that layers take: data and regional endpoints, and an image fetched without a container client."""
from __future__ import annotations

import pytest

from tests.e2e.case import Case, broken, prove
from tests.lab import Lab
from tests.local_azure import names

IMAGE = ('--image', 'samples/hello:1.0')
STORE = names.STORAGE_HOST

PULL = [
    Case('image', broken(), None, None, ['linux/', STORE, 'firstByteMs'], args=IMAGE),
    Case('data-endpoint', broken(), None, None, ['dataregistry.westeurope.data.azurecr.io', names.DATA_ENDPOINT_ADDRESS],
         registry='dataregistry'),
]


@pytest.mark.parametrize('case', PULL, ids=lambda case: case.id)
def test_the_data_path(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    prove(lab, case, request)
