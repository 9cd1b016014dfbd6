"""The loader that az reads the extension by.

It must stand in this very module: az's command index stores the loader's module name and looks the extension up by it.
"""

from typing import Any

from azure.cli.core import AzCommandsLoader


class AcrhealthCommandsLoader(AzCommandsLoader):  # type: ignore[misc]
    """Adds ``check-health-ext`` to the group ``acr``; imports nothing else until the command runs."""

    def __init__(self, cli_ctx: Any = None) -> None:
        from azure.cli.core.commands import CliCommandType
        super().__init__(cli_ctx=cli_ctx,
                         custom_command_type=CliCommandType(operations_tmpl='azext_acrhealth.custom#{}'))

    def load_command_table(self, args: Any) -> Any:
        """Return the table with this extension's one command in it."""
        from .commands import load_command_table
        load_command_table(self, args)
        return self.command_table

    def load_arguments(self, command: str) -> None:
        """Declare the command's arguments: nothing is inherited from the built-in acr module."""
        from ._params import load_arguments
        load_arguments(self, command)


COMMAND_LOADER_CLS = AcrhealthCommandsLoader
