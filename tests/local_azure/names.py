"""Who and where everything is in the local Azure: addresses, host names, tenants, identities, their secrets.

The addresses are documentation ranges (RFC 5737): a packet that strays out of the namespace reaches nobody.
"""
from dataclasses import dataclass
from typing import List

NAME_SERVERS = ['198.51.100.53', '198.51.100.54']
RESOURCE_MANAGER_ADDRESS = '203.0.113.10'
ENTRA_ADDRESS = '203.0.113.20'
MCR_ADDRESS = '203.0.113.30'
MCR_DATA_ADDRESS = '203.0.113.31'
FRONT_ADDRESS = '203.0.113.40'
STORAGE_ADDRESS = '203.0.113.41'
DATA_ENDPOINT_ADDRESS = '203.0.113.42'
PRIVATE_ENDPOINT_ADDRESS = '10.0.0.7'
PRIVATE_DATA_ADDRESS = '10.0.0.6'
# Login server and data endpoint of a second private endpoint, and of one in another network.
SECOND_ENDPOINT_ADDRESSES = ['10.0.0.17', '10.0.0.16']
OTHER_NETWORK_ADDRESSES = ['10.1.0.7', '10.1.0.6']
PRIVATE_ADDRESSES = [PRIVATE_ENDPOINT_ADDRESS, PRIVATE_DATA_ADDRESS, *SECOND_ENDPOINT_ADDRESSES,
                     *OTHER_NETWORK_ADDRESSES]
PROXY_ADDRESS = '203.0.113.50'
PROXY_PORT = 3128
METADATA_ADDRESS = '169.254.169.254'

# Whoever prepares the namespace puts all of these on its loopback interface.
ADDRESSES = NAME_SERVERS + [
    RESOURCE_MANAGER_ADDRESS, ENTRA_ADDRESS, MCR_ADDRESS, MCR_DATA_ADDRESS, FRONT_ADDRESS, STORAGE_ADDRESS,
    DATA_ENDPOINT_ADDRESS, *PRIVATE_ADDRESSES, PROXY_ADDRESS, METADATA_ADDRESS]

# The address that a registry believes to be asked from: its firewall's refusal names it.
CLIENT_ADDRESS = '203.0.113.77'

MCR_HOST = 'mcr.microsoft.com'
MCR_HOSTS = [MCR_HOST, 'mcr.microsoft.scloud']  # the second in the cloud USSec
MCR_DATA_HOST = 'eastus.data.mcr.microsoft.com'
STORAGE_HOST = 'weumanaged15.blob.core.windows.net'


@dataclass(frozen=True)
class Cloud:
    """One cloud as az knows it; all clouds are served from the same addresses, with the same registries."""

    name: str
    resource_manager: str
    entra: str
    audiences: List[str]
    registry_suffix: str


CLOUDS = [
    Cloud('AzureCloud', 'management.azure.com', 'login.microsoftonline.com',
          ['https://management.core.windows.net/', 'https://management.azure.com/'], '.azurecr.io'),
    Cloud('AzureUSGovernment', 'management.usgovcloudapi.net', 'login.microsoftonline.us',
          ['https://management.core.usgovcloudapi.net/', 'https://management.usgovcloudapi.net/'], '.azurecr.us'),
    Cloud('CustomCloud', 'management.custom.example', 'login.custom.example',
          ['https://management.custom.example/'], '.azurecr.custom.example'),
    Cloud('AzureChinaCloud', 'management.chinacloudapi.cn', 'login.chinacloudapi.cn',
          ['https://management.core.chinacloudapi.cn/', 'https://management.chinacloudapi.cn/'], '.azurecr.cn'),
]
REGISTRY_AUDIENCE = 'https://containerregistry.azure.net'


@dataclass(frozen=True)
class Identity:
    """Somebody who can sign in: a service principal by its application id, or a user by a name."""

    name: str
    object_id: str
    tenant: str
    secret: str


TENANT_A = 'aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa'
TENANT_B = 'bbbbbbbb-2222-4222-8222-bbbbbbbbbbbb'
TENANT_DOMAINS = {TENANT_A: 'contoso.onmicrosoft.com', TENANT_B: 'fabrikam.onmicrosoft.com'}

SUBSCRIPTION_A1 = '11111111-a111-4111-8111-111111111111'
SUBSCRIPTION_A2 = '22222222-a222-4222-8222-222222222222'
SUBSCRIPTION_B1 = '33333333-b333-4333-8333-333333333333'
SUBSCRIPTIONS = {SUBSCRIPTION_A1: ('Contoso Production', TENANT_A),
                 SUBSCRIPTION_A2: ('Contoso Development', TENANT_A),
                 SUBSCRIPTION_B1: ('Fabrikam', TENANT_B)}

# The service principal and user of tenant A that tests sign in with; tenant B has one of each as well.
APP = Identity('44444444-a444-4444-8444-444444444444', '45454545-a454-4454-8454-454545454545', TENANT_A,
               'planted~Secret.of-The-Service-Principal')
USER = Identity('demo@contoso.example', '55555555-a555-4555-8555-555555555555', TENANT_A,
                'planted-Password!of-the-user')
APP_B = Identity('66666666-b666-4666-8666-666666666666', '67676767-b676-4676-8676-676767676767', TENANT_B,
                 'planted~Secret.of-The-Other-Tenants-Principal')
USER_B = Identity('demo@fabrikam.example', '77777777-b777-4777-8777-777777777777', TENANT_B,
                  'planted-Password!of-the-other-tenants-user')
# What a virtual machine's metadata endpoint signs in: it has no secret that anybody types.
MACHINE = Identity('88888888-a888-4888-8888-888888888888', '89898989-a898-4898-8898-898989898989', TENANT_A, '')
IDENTITIES = [APP, USER, APP_B, USER_B, MACHINE]

# Not Entra's identities but a registry's own: its admin user (named like the registry), a repository token.
ADMIN_PASSWORD = 'planted+Password/of+the+admin+user'
ANONYMOUS = 'anonymous'
REPOSITORY_TOKEN = 'demotoken'  # of demoregistry in Resource Manager; its password is good everywhere
REPOSITORY_TOKEN_PASSWORD = 'planted+Password/of+the+repository+token'

PROXY_USER = 'proxyuser'
PROXY_PASSWORD = 'planted-Password-of-the-proxy'

PLANTED_SECRETS = [one.secret for one in IDENTITIES if one.secret] + [
    ADMIN_PASSWORD, REPOSITORY_TOKEN_PASSWORD, PROXY_PASSWORD]


def identity(name: str) -> Identity:
    """The identity of that name (an application id or a user name); KeyError if there is none."""
    return {one.name: one for one in IDENTITIES}[name.lower()]


def cloud_of(host: str) -> Cloud:
    """The cloud that a sign-in, Resource Manager or registry host belongs to; the public one if none claims it."""
    for cloud in CLOUDS:
        if host in (cloud.resource_manager, cloud.entra) or host.endswith(cloud.registry_suffix):
            return cloud
    return CLOUDS[0]
