"""Stand-ins for the tools of a machine: shell scripts on a PATH of their own, and as much of a run as checks use."""
from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Mapping

import pytest

from azext_acrhealth.clients import Deadline
from azext_acrhealth.clients.http import Trust
from azext_acrhealth.clients.later import Once
from azext_acrhealth.context import Options
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Check, Found

# What would make a tool of the machine that the tests run on, or its user's settings, matter.
_LEAKS = ['DOCKER_COMMAND', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH',
          'DOCKER_API_VERSION', 'CONTAINER_HOST', 'REGISTRY_AUTH_FILE', 'XDG_RUNTIME_DIR', 'KUBERNETES_SERVICE_HOST',
          'ACC_CLOUD', 'AZUREPS_HOST_ENVIRONMENT', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']


class Machine:
    """A machine with nothing on PATH but what a test puts there."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.bin, self._patch = directory / 'home', directory / 'bin', monkeypatch
        for made in (self.home, self.bin):
            made.mkdir()
        for name in _LEAKS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv('HOME', str(self.home))
        monkeypatch.setenv('PATH', str(self.bin))
        monkeypatch.chdir(self.home)

    def setenv(self, **values: str) -> None:
        """Set environment variables."""
        for name, value in values.items():
            self._patch.setenv(name, value)

    def tool(self, name: str, script: str, mode: int = 0o755, directory: Path | None = None) -> Path:
        """Put a shell script on PATH, or whatever bytes it begins with other than a shell's."""
        path = (directory or self.bin) / name
        path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n', encoding='utf-8')
        path.chmod(mode)
        return path

    def foreign(self, name: str, directory: Path | None = None) -> Path:
        """Put a program for another processor on PATH: an ELF header that names one which nobody has."""
        path = (directory or self.bin) / name
        path.write_bytes(b'\x7fELF\x02\x01\x01' + b'\0' * 9 + b'\x02\0\xff\x7f' + b'\0' * 200)
        path.chmod(0o755)
        return path

    def file(self, name: str, text: str) -> Path:
        """Write a file below the home directory."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path


def context(timeout: float = 5, host: str | None = None, **options: Any) -> Any:
    """Return as much of a context as the checks of this machine use."""
    return SimpleNamespace(options=Options(timeout=timeout, **options), deadline=Deadline(2.5 * timeout),
                           azure=SimpleNamespace(mcr_host='mcr.microsoft.com'), guessed_host=host, trust=Trust(None),
                           started=time.monotonic(), once=Once())


def passed(check: Check, run: Any, **needs: Any) -> Found:
    """Return what a check found that neither failed nor warned."""
    found = check.run(run, _by_name(needs))
    assert found.warning is None, found.warning.advice.message
    return found


def failed(check: Check, run: Any, **needs: Any) -> HealthCheckError:
    """Return the error by which a check failed, or that it warned of."""
    try:
        found = check.run(run, _by_name(needs))
    except HealthCheckError as error:
        return error
    assert found.warning, found.message
    return found.warning


def _by_name(needs: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace('_', '-'): value for name, value in needs.items()}
