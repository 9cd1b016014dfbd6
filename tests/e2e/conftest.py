"""End-to-end tests: each worker has a lab, and each test finds it as new."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import Lab, LabError


@pytest.fixture(scope='session')
def _lab() -> Iterator[Lab]:
    try:
        made = Lab()
    except LabError as ex:
        pytest.skip(str(ex))
    with made:
        yield made


@pytest.fixture
def lab(_lab: Lab) -> Lab:
    """A healthy machine: signed in to a healthy local Azure, with docker, its daemon and helm."""
    _lab.heal()
    _lab.daemon.ensure()
    _lab.profile()  # signs in, before a test breaks what that takes
    return _lab
