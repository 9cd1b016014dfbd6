"""The log: each DNS query, connection and HTTP request, in the order they came, in memory and in a file.

Nothing is masked in it. That is its purpose: tests prove from it which secret was sent where.
"""
import itertools
import json
import time
from pathlib import Path
from typing import Any, Dict, List

Entry = Dict[str, Any]


class Journal:
    """Entries in order of arrival; each has a `number`, a time `at` and a `kind`: dns, connection, http, proxy."""

    def __init__(self, path: Path) -> None:
        self._file = path.open('a', encoding='utf-8')
        self._numbers = itertools.count(1)
        self.entries: List[Entry] = []

    def begin(self, kind: str, **facts: Any) -> Entry:
        """A new entry; its outcome is filled in by `end`, so what never got an answer is seen all the same."""
        entry: Entry = {'number': next(self._numbers), 'at': time.time(), 'kind': kind, **facts}
        self.entries.append(entry)
        return entry

    def end(self, entry: Entry, **outcome: Any) -> None:
        """Completes an entry and writes it to the file."""
        entry.update(outcome)
        self._file.write(json.dumps(entry) + '\n')
        self._file.flush()

    def clear(self) -> None:
        """Forgets what is in memory; the file keeps everything."""
        self.entries.clear()
