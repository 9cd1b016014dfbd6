"""The arguments of ``az acr check-health-ext``, under the built-in command's names where it has them."""

from typing import Any

from ._validators import ACTIONS, DEFAULT_TIMEOUT, validate_registry_name, validate_repository, validate_sign_in, \
    validate_skip, validate_timeout, validate_vnet


def load_arguments(loader: Any, _: str) -> None:
    """Declare them for this command only: at the scope ``acr`` they would override the built-in commands' own."""
    from azure.cli.core.commands.parameters import get_resource_name_completion_list

    with loader.argument_context('acr check-health-ext') as context:
        context.argument(
            'registry_name', options_list=['--name', '-n'], configured_default='acr', validator=validate_registry_name,
            completer=get_resource_name_completion_list('Microsoft.ContainerRegistry/registries'),
            help='The registry to check: its name, its login server, or its name with the domain label hash. '
                 'Without it only this machine is checked. You can configure the default registry name using '
                 '`az configure --defaults acr=MyRegistry`.')
        context.argument(
            'vnet', validator=validate_vnet,
            help='A virtual network, by name or resource ID, in which the registry has a private endpoint: that every '
                 'name of the registry leads here to the address of that endpoint, and that the endpoint is in order, '
                 'is checked too. Run it inside that network. A name is looked for in the resource group of the '
                 'registry, then among the networks of its private endpoints.')
        context.argument(
            'repository', validator=validate_repository,
            help='A repository in the registry: what may be done to it is checked too. All of the actions that '
                 '`--require` can name are demanded, unless it names fewer. With a tag or digest it is `--image` too.')
        context.argument(
            'image',
            help='An image in the registry, as `repository:tag` or `repository@sha256:...`: its manifest and '
                 'configuration and the first bytes of a layer are fetched, without any container client, from '
                 'whatever host the registry sends them from.')
        context.argument(
            'require', nargs='+', choices=ACTIONS, metavar='ACTION',
            help='The actions on `--repository` that are needed: ' + ', '.join(ACTIONS) + '.  Default: all of them; '
                 'with `--anonymous` pull alone.')
        context.argument(
            'username', options_list=['--username', '-u'], validator=validate_sign_in,
            help='Check what `docker login` would do with this user name instead of the sign-in of the Azure CLI: the '
                 'admin user, a repository token, or the application id of a service principal.')
        context.argument(
            'password', options_list=['--password', '-p'],
            help='The password of `--username`. Others on this machine can see it on the command line, and `--debug` '
                 'shows that: without it you are asked for it, or use `--password-stdin`.')
        context.argument(
            'password_stdin', action='store_true',
            help='Read the password of `--username` from the first line of standard input.')
        context.argument(
            'anonymous', action='store_true',
            help='Check what somebody may do who does not sign in at all: anonymous pull.')
        context.argument(
            'ignore_errors', action='store_true',
            help='Exit with status 0 and raise no error, whatever is found. All checks run with or without it.')
        context.argument(
            'yes', options_list=['--yes', '-y'], action='store_true',
            help='Pull the sample image without asking. Without a terminal to ask at, it is pulled only with this.')
        context.argument(
            'timeout', type=float, default=DEFAULT_TIMEOUT, validator=validate_timeout,
            help='Seconds that one operation may take, from 1 to 120. The sample image may take twice as long to pull; '
                 'the whole run ends within two and a half times as long.')
        context.argument(
            'skip', nargs='+', metavar='NAME', validator=validate_skip,
            help='Checks or categories of checks that are not to run, by the names that the report gives them; '
                 'for example `container-pull helm`, or `environment`.')
