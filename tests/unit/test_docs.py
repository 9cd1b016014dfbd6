"""README and docs say what the catalogue says."""

import json
import re
import runpy
from pathlib import Path

import pytest

from azext_acrhealth.causes import catalogue
from azext_acrhealth.checks import ALL
from azext_acrhealth.errors import ERRORS

TOP = Path(__file__).resolve().parents[2]
EXAMPLES = json.loads((TOP / 'docs' / 'examples.json').read_text(encoding='utf-8'))
README = (TOP / 'README.rst').read_text(encoding='utf-8')


def test_the_page_of_causes_is_the_catalogue() -> None:
    page: str = runpy.run_path(str(TOP / 'docs' / 'generate.py'))['page']()
    assert (TOP / 'docs' / 'causes.rst').read_text(encoding='utf-8') == page, 'run make docs'


def test_readme_has_a_row_for_each_check_and_each_code() -> None:
    rows = [line.split() for line in README.splitlines()]
    for check in ALL:
        assert any(row[:2] == [check.name, check.category] for row in rows), check.name
    for code in [*ERRORS, 'NOTARY_COMMAND_ERROR', 'NOTARY_VERSION_ERROR']:
        assert any(row[:1] == [code] for row in rows), code


def pattern(sentence: str) -> str:
    """What a sentence of the catalogue can become."""
    parts = re.split(r'(\{[a-z_0-9]+\}|\[|\])', sentence)
    return ''.join({'[': '(', ']': ')?'}.get(part, '.*' if part[:1] == '{' else re.escape(part)) for part in parts)


@pytest.mark.parametrize('example', EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_is_what_the_catalogue_would_say(example: dict[str, str]) -> None:
    cause = catalogue()[example['cause']]
    assert example['errorCode'] in cause.codes
    assert re.fullmatch(pattern(cause.sentence), example['message']), 'run make examples'


def test_most_causes_have_an_example() -> None:
    assert len(EXAMPLES) >= 0.7 * len(catalogue())
