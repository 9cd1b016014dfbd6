"""What the arguments must look like. Imports nothing of the checks until the command runs."""

import re
from typing import Any

from azure.cli.core.azclierror import ArgumentUsageError, InvalidArgumentValueError, MutuallyExclusiveArgumentError

#: What the access token of a repository can allow, in the order in which Azure Container Registry lists the actions.
ACTIONS = ('pull', 'push', 'metadata_read', 'metadata_write', 'delete')

#: What of it anonymous pull can allow ("Make your container registry content publicly available").
ANONYMOUS_ACTIONS = ('pull', 'metadata_read')

#: Seconds for one operation. The bound of a whole run follows from it (context.py).
DEFAULT_TIMEOUT = 10.0

# Registry names are 5 to 50 letters and digits; a domain name label appends a hyphen and 16 of them
# (Microsoft.ContainerRegistry naming rules; docs: "Domain name label").
_NAME = r'[a-z0-9]{5,50}(-[a-z0-9]{16})?'
# The OCI distribution specification's grammar of a repository name.
_REPOSITORY = r'[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'
# The same of a tag, and of a digest by the one algorithm that registries use.
_TAG, _DIGEST = r'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}', r'sha256:[a-f0-9]{64}'

# A virtual network by its name (2 to 64 characters, Microsoft.Network naming rules) or its resource id; what may follow
# such an id names a part of the network.
_NETWORK_NAME = r'[A-Za-z0-9][A-Za-z0-9_.-]{0,62}[A-Za-z0-9_]'
_NETWORK = (r'(?i)((/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.Network/virtualNetworks/)?'
            rf'{_NETWORK_NAME})(/subnets/[^/\s]+)?/?')


def validate_registry_name(cmd: Any, namespace: Any) -> None:
    """Leave the registry's name in lower case, with its domain label hash if that was given, without a suffix.

    Raises InvalidArgumentValueError for anything else, saying what to type instead.
    """
    if namespace.registry_name is None:
        return
    given = str(namespace.registry_name).strip()
    name = given.lower().rstrip('.')
    suffix = login_server_suffix(cmd.cli_ctx)
    if '://' in name or '/' in name:
        host = name.rpartition('://')[2].partition('/')[0].rpartition('@')[2].partition(':')[0]
        _refuse(given, 'it looks like an address', host)
    if suffix and name.endswith('.privatelink' + suffix):
        _refuse(given, 'the private link name of a registry is not its login server', name.partition('.')[0] + suffix)
    for cloud, other in other_suffixes(cmd.cli_ctx).items() if '.' in name else ():
        if name.endswith(other):
            raise InvalidArgumentValueError(
                f'{_shown(given)} is a login server of {cloud}; the active cloud is {cmd.cli_ctx.cloud.name}.',
                f'To work there: az cloud set --name {cloud}, then sign in with az login.')
    label, dot, rest = name.partition('.')
    if dot and suffix and '.' + rest != suffix:
        _refuse(given, f'a login server of {cmd.cli_ctx.cloud.name} ends in {suffix}', label)
    if not re.fullmatch(_NAME, label):
        _refuse(given, 'a registry name has 5 to 50 letters and digits, and nothing else', None)
    namespace.registry_name = label


def _refuse(given: str, why: str, instead: str | None) -> None:
    raise InvalidArgumentValueError(
        f'{_shown(given)} is not a registry name: {why}.',
        f'Use --name {instead}' if instead and re.fullmatch(r'[a-z0-9.-]+', instead)
        else 'Use the name alone, such as --name contosoprod, or the login server that az acr list shows.')


def _shown(given: str) -> str:
    """Return what was typed, in quotes, without what a terminal would obey and without a password in a URL."""
    from .report import plain
    return f"'{plain(given, 100)}'"


def login_server_suffix(cli_ctx: Any) -> str | None:
    """Return the active cloud's suffix of login servers with its leading dot, None where the cloud has none."""
    return _suffix_of(cli_ctx.cloud)


def other_suffixes(cli_ctx: Any) -> dict[str, str]:
    """Return the suffixes of login servers in the other clouds that az knows, by the clouds' names."""
    from azure.cli.core.cloud import get_clouds
    own = login_server_suffix(cli_ctx)
    suffixes = {str(cloud.name): _suffix_of(cloud) for cloud in get_clouds(cli_ctx)}
    return {cloud: suffix for cloud, suffix in suffixes.items() if suffix and suffix != own}


def _suffix_of(cloud: Any) -> str | None:
    from azure.cli.core.cloud import CloudSuffixNotSetException
    try:
        suffix = cloud.suffixes.acr_login_server_endpoint
    except CloudSuffixNotSetException:
        return None
    return '.' + str(suffix).strip('.').lower() if suffix else None


def validate_repository(cmd: Any, namespace: Any) -> None:
    """Require names of a repository and an image as the registry protocol allows them, and a registry to find them in.

    Leaves the image without its login server, and with the tag that it means; a repository with a tag is an image too.
    """
    tagged = namespace.repository is not None and re.search('[:@]', namespace.repository)
    if tagged and namespace.image is not None:
        raise ArgumentUsageError('--repository names an image, and so does --image: give one of them.')
    image = namespace.repository if tagged else namespace.image
    if image is not None:
        if not namespace.registry_name:
            raise ArgumentUsageError('--image is looked for in a registry: give --name too.')
        namespace.image = _image(str(image).strip(), str(namespace.registry_name), login_server_suffix(cmd.cli_ctx))
        if tagged:
            namespace.repository = split_image(namespace.image)[0]
    if namespace.repository is None:
        if namespace.require:
            raise ArgumentUsageError('--require narrows what --repository demands: give --repository too.')
        return
    if not namespace.registry_name:
        raise ArgumentUsageError('--repository is looked for in a registry: give --name too.')
    if not re.fullmatch(_REPOSITORY, namespace.repository) or len(namespace.repository) > 256:
        raise InvalidArgumentValueError(
            f'{_shown(namespace.repository)} is not a repository name.',
            'Use the part between the login server and the tag, in lower case, such as samples/hello.')


def split_image(image: str) -> tuple[str, str]:
    """Return the repository of a validated image, and its digest or tag."""
    repository, _, digest = image.partition('@')
    if digest:
        return repository, digest
    repository, _, tag = image.partition(':')
    return repository, tag


def _image(given: str, registry: str, suffix: str | None) -> str:
    """Return ``repository:tag`` or ``repository@digest``. Raises InvalidArgumentValueError for what is neither."""
    host, slash, rest = given.partition('/')
    image = given
    if '://' in given:
        _refuse_image(given, 'it looks like an address', given.rpartition('://')[2].partition('/')[2])
    if slash and ':' in host:
        _refuse_image(given, 'a login server has no port in it', rest)
    if slash and suffix and host.lower().endswith(suffix):
        if host.lower().partition('.')[0].partition('-')[0] != registry.lower().partition('.')[0].partition('-')[0]:
            _refuse_image(given, f'it is in another registry than --name {registry}', rest)
        image = rest
    name, at, digest = image.partition('@')
    repository, colon, tag = name.partition(':')
    if not re.fullmatch(_REPOSITORY, repository) or len(repository) > 256:
        _refuse_image(given, 'its repository has up to 256 characters, all in lower case, in parts between slashes',
                      repository.lower() + image[len(repository):])
    if at and not re.fullmatch(_DIGEST, digest):
        _refuse_image(given, 'a digest is sha256: and 64 hexadecimal digits', repository)
    if colon and not re.fullmatch(_TAG, tag):
        _refuse_image(given, 'a tag has up to 128 letters, digits, dots, hyphens and underscores', repository)
    return f'{repository}@{digest}' if at else f'{repository}:{tag if colon else "latest"}'


def _refuse_image(given: str, why: str, instead: str) -> None:
    raise InvalidArgumentValueError(
        f'{_shown(given)} is not an image: {why}.',
        f'Use --image {instead}' if re.fullmatch(r'[a-z0-9][a-zA-Z0-9:@._/-]{0,250}', instead)
        else 'Use repository:tag or repository@digest, such as --image samples/hello:1.0')


def validate_vnet(namespace: Any) -> None:
    """Leave a virtual network's name or resource id, and require a registry that has private endpoints there."""
    if namespace.vnet is None:
        return
    if not namespace.registry_name:
        raise ArgumentUsageError('--vnet is where a registry has a private endpoint: give --name too.')
    given = str(namespace.vnet).strip()
    found = re.fullmatch(_NETWORK, given)
    if found is None or found[3]:
        raise InvalidArgumentValueError(
            f'{_shown(given)} is not a virtual network' + (', but a subnet.' if found else '.'),
            f'Use --vnet {found[1]}' if found else 'Use its name, or the resource ID that this shows: az network vnet '
            'list --query "[].id" --output tsv')
    namespace.vnet = found[1]


def validate_sign_in(namespace: Any) -> None:
    """Require a user name with its password, or anonymous pull, or neither; and a registry to sign in to."""
    given = namespace.password is not None or namespace.password_stdin
    if namespace.password is not None and namespace.password_stdin:
        raise MutuallyExclusiveArgumentError('--password and --password-stdin both give the password: use one of them.')
    if namespace.anonymous and (namespace.username is not None or given):
        raise MutuallyExclusiveArgumentError('--anonymous asks what somebody may who does not sign in: '
                                             'leave out --username and the password.')
    if given and namespace.username is None:
        raise ArgumentUsageError('A password belongs to a user name: give --username too.')
    if (namespace.anonymous or namespace.username is not None) and not namespace.registry_name:
        raise ArgumentUsageError(f'--{"anonymous" if namespace.anonymous else "username"} is for one registry: '
                                 'give --name too.')
    name = namespace.username
    if name is not None and not (name.isprintable() and re.fullmatch(r'[^:\s]{1,256}', name)):
        raise InvalidArgumentValueError(f'{_shown(name)} is not a user name of a registry.',
                                        'It is the admin user, a repository token or the id of an application.')
    beyond = [action for action in namespace.require or () if action not in ANONYMOUS_ACTIONS]
    if namespace.anonymous and beyond:
        raise ArgumentUsageError(f'Anonymous pull never allows {", ".join(beyond)}: --require takes '
                                 f'{" and ".join(ANONYMOUS_ACTIONS)} with --anonymous.')


def validate_timeout(namespace: Any) -> None:
    """Require from 1 to 120 seconds."""
    if not 1 <= namespace.timeout <= 120:
        raise InvalidArgumentValueError(f'--timeout takes from 1 to 120 seconds, not {namespace.timeout:g}.')


def validate_skip(namespace: Any) -> None:
    """Require names of checks or categories."""
    from .checks import ALL
    known = {check.name for check in ALL} | {check.category for check in ALL}
    unknown = sorted(set(namespace.skip or ()) - known)
    if unknown:
        raise InvalidArgumentValueError(f'--skip does not know {", ".join(map(_shown, unknown))}.',
                                        'It takes: ' + ', '.join(sorted(known)) + '.')
