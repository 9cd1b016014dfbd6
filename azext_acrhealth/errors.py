"""One exception class for each error code: telemetry counts by class name, az prints the message and the advice.

HealthCheckError
├── DockerCommandError, DockerDaemonError, DockerVersionError, DockerPullError
├── HelmCommandError, HelmVersionError
├── LoginServerError
├── ConnectivityDnsError, ConnectivitySslError, ConnectivityChallengeError, ConnectivityForbiddenError,
│   ConnectivityTooManyRequestsError
├── ConnectivityAadLoginError, ConnectivityRefreshTokenError, ConnectivityAccessTokenError
├── CmkError
└── PrivateEndpointError, PrivateEndpointDnsError, RegistrySettingError, DataEndpointError, ImagePullError,
    CredentialHelperError, DockerLoginError, UnexpectedError: the extension's own

The codes are those of Microsoft's "Health check error reference" for ``az acr check-health``; none derives from
ResourceNotFoundError, which would make az exit with status 3.
"""

from typing import Any

from azure.cli.core.azclierror import AzCLIError, AzureConnectionError, AzureResponseError, CLIInternalError, \
    ClientRequestError, ForbiddenError, UnauthorizedError, UnclassifiedUserFault, ValidationError

from .causes import explain
from .report import evidence as as_evidence

OVERVIEW = 'https://aka.ms/acr/health-check'


class HealthCheckError(AzCLIError):  # type: ignore[misc]
    """A finding with its cause and the evidence for it; what it says comes from the catalogue of causes.

    ``evidence`` goes into the report as ``details``: it never holds a secret.
    """

    code: str
    documented = True

    def __init__(self, cause: str, /, **evidence: Any) -> None:
        self.cause = cause
        self.evidence: dict[str, Any] = as_evidence(evidence)
        self.advice = explain(cause, self.evidence)
        AzCLIError.__init__(self, f'{self.code}: {self.advice.message}')

    @classmethod
    def of_root_cause(cls, cause: str, message: str) -> 'HealthCheckError':
        """Return the error by which the command ends, in the words of the diagnosis."""
        error = cls(cause)
        AzCLIError.__init__(error, f'{cls.code}: {message}')
        return error

    @classmethod
    def link(cls) -> str:
        """Return where the code is documented."""
        return f'https://aka.ms/acr/errors#{cls.code.lower()}' if cls.documented else OVERVIEW


class DockerCommandError(HealthCheckError, UnclassifiedUserFault):  # type: ignore[misc]
    """No container client was found."""

    code = 'DOCKER_COMMAND_ERROR'


class DockerDaemonError(HealthCheckError, ClientRequestError):  # type: ignore[misc]
    """The daemon that the user's own client would use does not answer."""

    code = 'DOCKER_DAEMON_ERROR'


class DockerVersionError(HealthCheckError, UnclassifiedUserFault):  # type: ignore[misc]
    """The container client could not be run for its version."""

    code = 'DOCKER_VERSION_ERROR'


class DockerPullError(HealthCheckError, ClientRequestError):  # type: ignore[misc]
    """The sample image could not be pulled."""

    code = 'DOCKER_PULL_ERROR'


class HelmCommandError(HealthCheckError, UnclassifiedUserFault):  # type: ignore[misc]
    """No Helm client was found."""

    code = 'HELM_COMMAND_ERROR'


class HelmVersionError(HealthCheckError, UnclassifiedUserFault):  # type: ignore[misc]
    """Helm's version could not be determined, or is obsolete."""

    code = 'HELM_VERSION_ERROR'


class LoginServerError(HealthCheckError, ClientRequestError):  # type: ignore[misc]
    """The login server is not known, or what Resource Manager says of it is not."""

    code = 'LOGIN_SERVER_ERROR'


class ConnectivityDnsError(HealthCheckError, AzureConnectionError):  # type: ignore[misc]
    """The login server's name does not resolve."""

    code = 'CONNECTIVITY_DNS_ERROR'


class ConnectivitySslError(HealthCheckError, AzureConnectionError):  # type: ignore[misc]
    """TLS handshake or certificate verification fails."""

    code = 'CONNECTIVITY_SSL_ERROR'


class ConnectivityChallengeError(HealthCheckError, AzureResponseError):  # type: ignore[misc]
    """The challenge endpoint issued no challenge, or could not be reached."""

    code = 'CONNECTIVITY_CHALLENGE_ERROR'


class ConnectivityForbiddenError(HealthCheckError, ForbiddenError):  # type: ignore[misc]
    """The challenge endpoint answered 403."""

    code = 'CONNECTIVITY_FORBIDDEN_ERROR'


class ConnectivityTooManyRequestsError(HealthCheckError, AzureResponseError):  # type: ignore[misc]
    """The registry throttles."""

    code = 'CONNECTIVITY_TOOMANYREQUESTS_ERROR'


class ConnectivityAadLoginError(HealthCheckError, AzureResponseError):  # type: ignore[misc]
    """A challenge came, but not one for Microsoft Entra ID on the registry's own host."""

    code = 'CONNECTIVITY_AAD_LOGIN_ERROR'


class ConnectivityRefreshTokenError(HealthCheckError, UnauthorizedError):  # type: ignore[misc]
    """No refresh token for the registry was obtained."""

    code = 'CONNECTIVITY_REFRESH_TOKEN_ERROR'


class ConnectivityAccessTokenError(HealthCheckError, UnauthorizedError):  # type: ignore[misc]
    """No access token for the registry was obtained, or not with the needed actions."""

    code = 'CONNECTIVITY_ACCESS_TOKEN_ERROR'


class CmkError(HealthCheckError, ValidationError):  # type: ignore[misc]
    """The identity used for the registry's customer-managed key does not exist."""

    code = 'CMK_ERROR'


class DataEndpointError(HealthCheckError, AzureConnectionError):  # type: ignore[misc]
    """A host that the registry's layers come from cannot be reached, or does not send them."""

    code = 'DATA_ENDPOINT_ERROR'
    documented = False


class ImagePullError(HealthCheckError, AzureResponseError):  # type: ignore[misc]
    """The registry does not have the image that was asked for, or does not let it be pulled."""

    code = 'IMAGE_PULL_ERROR'
    documented = False


class RegistrySettingError(HealthCheckError, ValidationError):  # type: ignore[misc]
    """A setting of the registry forbids something, or could not be read."""

    code = 'REGISTRY_SETTING_ERROR'
    documented = False


class CredentialHelperError(HealthCheckError, UnclassifiedUserFault):  # type: ignore[misc]
    """A credential helper that the container client is configured to use does not work."""

    code = 'CREDENTIAL_HELPER_ERROR'
    documented = False


class PrivateEndpointError(HealthCheckError, ValidationError):  # type: ignore[misc]
    """The registry has no private endpoint in the network that was named, or none that is in order."""

    code = 'PRIVATE_ENDPOINT_ERROR'
    documented = False


class PrivateEndpointDnsError(HealthCheckError, AzureConnectionError):  # type: ignore[misc]
    """A name of the registry leads elsewhere than to its private endpoint in the network that was named."""

    code = 'PRIVATE_ENDPOINT_DNS_ERROR'
    documented = False


class DockerLoginError(HealthCheckError, UnauthorizedError):  # type: ignore[misc]
    """The container client's own sign-in to the registry is of no use."""

    code = 'DOCKER_LOGIN_ERROR'
    documented = False


class UnexpectedError(HealthCheckError, CLIInternalError):  # type: ignore[misc]
    """A defect of this extension."""

    code = 'UNEXPECTED_ERROR'
    documented = False


ERRORS: dict[str, type[HealthCheckError]] = {cls.code: cls for cls in HealthCheckError.__subclasses__()}
