"""The command table."""

from typing import Any

from . import _help  # noqa: F401  pylint: disable=unused-import


def load_command_table(loader: Any, _: Any) -> None:
    """Register ``az acr check-health-ext``. The group itself stays the built-in's: described here, it would change."""
    with loader.command_group('acr') as group:
        group.custom_command('check-health-ext', 'check_health', table_transformer=_as_table)
    # The help describes it. Else az would import the handler for its docstring, at each `az acr -h`.
    loader.command_table['acr check-health-ext'].description = ''


def _as_table(report: Any) -> Any:
    from ._format import as_table
    return as_table(report)
