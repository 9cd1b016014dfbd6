"""README and docs say what the catalogue says."""

import runpy
from pathlib import Path

from azext_acrhealth.checks import ALL
from azext_acrhealth.errors import ERRORS

TOP = Path(__file__).resolve().parents[2]
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
