"""All checks, in the order in which the report lists them."""

from ..runner import Check
from . import azure_cli, challenge, container_client, container_daemon, container_pull, data_path, dns, \
    docker_credentials, docker_login, helm, login_server, private_link, settings, tls, tokens

ALL: list[Check] = [
    container_client.CHECK,
    container_daemon.CHECK,
    container_pull.CHECK,
    docker_credentials.CHECK,
    helm.CHECK,
    azure_cli.CHECK,
    login_server.CHECK,
    dns.CHECK,
    tls.CHECK,
    challenge.CHECK,
    private_link.CHECK,
    tokens.REFRESH,
    tokens.ACCESS,
    docker_login.CHECK,
    data_path.ENDPOINTS,
    data_path.IMAGE,
    *settings.ALL,
]
