"""What the checks of one run share."""
from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from azure.cli.core.cloud import AZURE_PUBLIC_CLOUD

from azext_acrhealth.context import Context, Options


def test_work_that_several_checks_want_at_the_same_moment_is_done_once() -> None:
    context = Context(Options(timeout=5), SimpleNamespace(cloud=AZURE_PUBLIC_CLOUD))
    times = itertools.count(1)
    moment = threading.Barrier(4)

    def wanted(number: int) -> int:
        moment.wait()
        return context.once(f'work {number}', lambda: next(times)).result(context.operation())

    with ThreadPoolExecutor(4) as pool:
        for number in range(1, 101):
            assert set(pool.map(wanted, [number] * 4)) == {number}
