"""Which Azure CLI runs this, on which Python, with which extension."""

import platform
from pathlib import Path
from typing import Any, Mapping

from ..errors import HealthCheckError, UnexpectedError
from ..runner import Check, Found


def versions() -> dict[str, str]:
    """Return the versions of the Azure CLI, this extension and Python, and the operating system."""
    from azure.cli.core import __version__ as cli_version
    return {'azure_cli': cli_version, 'extension': _own_version(), 'python': platform.python_version(),
            'os': f'{platform.system()} {platform.release()}'}


def _own_version() -> str:
    """Return the version that the directory of the wheel's metadata is named by, ``acrhealth-1.0.dist-info``
    (https://packaging.python.org/en/latest/specifications/binary-distribution-format/). az installs it beside the
    package; it would read all of it."""
    for metadata in Path(__file__).parents[2].glob('acrhealth-*.dist-info'):
        return metadata.name.removesuffix('.dist-info').partition('-')[2]
    return 'unknown'


def _run(_: Any, __: Mapping[str, Any]) -> Found:
    found = versions()
    return Found(f'Azure CLI {found["azure_cli"]}, Python {found["python"]}, {found["os"]}', details=found)


def _overrun(_: Any, seconds: float) -> HealthCheckError:
    return UnexpectedError('defect', check='azure-cli', exception='timeout', text=f'{seconds:.0f} s')


CHECK = Check('azure-cli', 'environment', _run, _overrun, of_registry=False)
