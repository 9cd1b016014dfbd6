"""Which Azure CLI runs this, on which Python, with which extension."""

import platform
from typing import Any, Mapping

from ..errors import HealthCheckError, UnexpectedError
from ..runner import Check, Found


def versions() -> dict[str, str]:
    """Return the versions of the Azure CLI, this extension and Python, and the operating system."""
    from azure.cli.core import __version__ as cli_version
    from azure.cli.core.extension import get_extension
    from azure.cli.core.extension import ExtensionNotInstalledException
    try:
        extension = get_extension('acrhealth').version or 'unknown'
    except ExtensionNotInstalledException:
        extension = 'unknown'
    return {'azure_cli': cli_version, 'extension': extension, 'python': platform.python_version(),
            'os': f'{platform.system()} {platform.release()}'}


def _run(_: Any, __: Mapping[str, Any]) -> Found:
    found = versions()
    return Found(f'Azure CLI {found["azure_cli"]}, Python {found["python"]}, {found["os"]}', details=found)


def _overrun(_: Any, seconds: float) -> HealthCheckError:
    return UnexpectedError('defect', check='azure-cli', exception='timeout', text=f'{seconds:.0f} s')


CHECK = Check('azure-cli', 'environment', _run, _overrun, of_registry=False)
