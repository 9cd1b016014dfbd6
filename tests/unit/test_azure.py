"""What the CLI's own clouds say of the hosts around a registry."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from azure.cli.core.cloud import AZURE_CHINA_CLOUD, AZURE_PUBLIC_CLOUD, AZURE_US_GOV_CLOUD, Cloud

from azext_acrhealth.clients.azure import AzureCli
from azext_acrhealth.clients.http import Trust


@pytest.mark.parametrize('cloud, suffix', [
    (AZURE_PUBLIC_CLOUD, '.blob.core.windows.net'), (AZURE_CHINA_CLOUD, '.blob.core.chinacloudapi.cn'),
    (AZURE_US_GOV_CLOUD, '.blob.core.usgovcloudapi.net'), (Cloud('OwnCloud'), None)])
def test_storage_is_named_as_the_cloud_names_it(cloud: Any, suffix: str | None) -> None:
    assert AzureCli(SimpleNamespace(cloud=cloud), Trust(None)).storage_suffix == suffix
