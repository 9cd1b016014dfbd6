"""Writes docs/causes.rst from the catalogue: ``python docs/generate.py``. A test holds the file against it."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azext_acrhealth.causes import Cause, catalogue  # noqa: E402  pylint: disable=wrong-import-position
from azext_acrhealth.errors import ERRORS  # noqa: E402  pylint: disable=wrong-import-position

TARGET = Path(__file__).with_name('causes.rst')
EXAMPLES = json.loads(Path(__file__).with_name('examples.json').read_text(encoding='utf-8'))
HEAD = """\
Causes
======

Every root cause that ``az acr check-health-ext`` can name, by the error code under which it shows. A report has the id
in ``cause``, the sentence in ``message``, the remedy in ``solution`` and ``commands``. Names in braces stand for what
was found; a part in square brackets is said only where it was. The examples are what it said in its end-to-end tests.

This page is made from the catalogue (``azext_acrhealth/causes``) by ``make docs``; ``make examples`` renews the
examples.
"""


def page() -> str:
    """Return the page: each code with its causes; a cause with several codes stands under its first."""
    parts = [HEAD]
    for code, cls in ERRORS.items():
        causes = [cause for cause in catalogue().values() if cause.codes[0] == code]
        also = [cause.id for cause in catalogue().values() if code in cause.codes[1:]]
        parts += ['', code, '-' * len(code), '', f'{cls.__doc__} `Reference <{cls.link()}>`__', '']
        parts += [line for cause in causes for line in entry(cause)]
        if also:
            parts += ['Also: ' + ', '.join(f'``{name}``' for name in also) + '.', '']
    return '\n'.join(parts).rstrip() + '\n'


def entry(cause: Cause) -> list[str]:
    """Return the lines of one cause."""
    commands = ['', '  ::', '', *(f'    {command}' for command in cause.commands)] if cause.commands else []
    return [f'``{cause.id}``', f'  {escape(cause.sentence)}.', '', f'  {escape(cause.remedy)}', *commands, '',
            *example(cause)]


def example(cause: Cause) -> list[str]:
    """Return what was said of it once, where it was."""
    said = EXAMPLES.get(cause.id)
    if said is None:
        return []
    return ['  Example::', '', f'    {said["errorCode"]}: {said["message"]}',
            *(f'      {command}' for command in said['commands']), '']


def escape(text: str) -> str:
    """Return text in which reStructuredText finds no markup."""
    return text.replace('\\', '\\\\').replace('*', '\\*').replace('`', '\\`').replace('_', '\\_')


if __name__ == '__main__':
    TARGET.write_text(page(), encoding='utf-8')
