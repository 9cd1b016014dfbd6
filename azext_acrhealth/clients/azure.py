"""The Azure CLI's own cloud, account, credential, and Resource Manager reached with them."""

import json
import os
import re
import threading
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence
from urllib.parse import urlsplit

from knack.util import CLIError

from .._validators import other_suffixes
from . import Deadline
from .front_door import connection_to
from .http import Connection, Response, Trust
from .later import Later, Once

#: The audience of the token that a registry exchanges, and the short form that `acr.audience_resource` may have
#: (azure.cli.command_modules.acr, _resolve_acr_scope).
_REGISTRY_AUDIENCE = 'containerregistry'

#: Where the sample image comes from; clouds that cannot reach it have their own (azure-cli pull request 33499).
_MCR = {'ussec': 'mcr.microsoft.scloud', 'usnat': 'mcr.microsoft.eaglex.ic.gov'}

#: The versions of Microsoft.ContainerRegistry that are asked for in turn: the first one that knows regional endpoints,
#: a stable one, and the one that every cloud has.
API_VERSIONS = ('2026-03-01-preview', '2025-11-01', '2019-05-01')

#: A listing of more pages than this is not read to its end (a page holds up to 1000 resources).
_MOST_PAGES = 50


class Account(NamedTuple):
    """Whose result this is."""

    subscription_id: str
    subscription_name: str
    tenant_id: str
    identity_type: str
    identity_name: str
    #: The tenant that the subscription belongs to: another where it is managed for somebody else (Azure Lighthouse).
    home_tenant_id: str = ''


class Token(NamedTuple):
    """A token of the sign-in service. ``value`` is a secret."""

    value: str
    tenant_id: str


class SignInFailed(Exception):
    """The sign-in service gave no token. ``error`` is whatever the CLI raised; ``code`` is the AADSTS number in it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error
        # The Windows broker and MSAL wrap the text, so it is looked for anywhere (azure-cli issue 32544).
        found = re.search(r'AADSTS(\d+)', str(error))
        self.code = int(found[1]) if found else None

    @property
    def sentence(self) -> str:
        """The sign-in service's own first sentence, without trace ids; else the error's text."""
        text = str(self.error)
        start = text.find('AADSTS')
        if start >= 0:
            text = re.split(r'\s*(?:Trace ID:|[\r\n])', text[start:])[0]
            return re.split(r'(?<=\.)\s', text)[0]
        return text


class ManagementFailed(Exception):
    """Resource Manager gave no usable answer: ``response`` where it gave any."""

    def __init__(self, text: str, response: Response | None = None) -> None:
        super().__init__(text)
        self.response = response


#: What is pulled to see whether the daemon can: small, and public.
SAMPLE_IMAGE = 'mcr/hello-world:latest'


def mcr_host(cloud: str) -> str:
    """Return the host that machines of that cloud pull Microsoft's public images from."""
    return _MCR.get(cloud.lower(), 'mcr.microsoft.com')


class AzureCli:
    """What the CLI knows of the user's Azure, and its doors to it."""

    def __init__(self, cli_ctx: Any, trust: Trust) -> None:
        self._cli_ctx = cli_ctx
        self._trust = trust
        self._once = Once()
        self._one_request = threading.Lock()
        #: By how many seconds this machine's clock was ahead of Resource Manager's at its last answer.
        self.clock_skew: int | None = None

    @property
    def cloud(self) -> str:
        """The active cloud's name."""
        return str(self._cli_ctx.cloud.name)

    @property
    def mcr_host(self) -> str:
        """The host that the active cloud's machines pull Microsoft's public images from."""
        return mcr_host(self.cloud)

    @property
    def management_host(self) -> str:
        """Resource Manager's host in the active cloud."""
        return urlsplit(self._cli_ctx.cloud.endpoints.resource_manager).hostname or ''

    @property
    def sign_in_host(self) -> str:
        """The sign-in service's host in the active cloud."""
        return urlsplit(self._cli_ctx.cloud.endpoints.active_directory).hostname or ''

    def other_suffixes(self) -> Mapping[str, str]:
        """Return the suffixes of login servers in the other clouds that the CLI knows, by the clouds' names."""
        return other_suffixes(self._cli_ctx)

    @property
    def management_audience(self) -> str:
        """What a token for Resource Manager is made out to."""
        return str(self._cli_ctx.cloud.endpoints.active_directory_resource_id)

    @property
    def registry_audience(self) -> str:
        """What a token for a registry is made out to: the user's `acr.audience_resource`, else the public one."""
        chosen = self._cli_ctx.config.get('acr', 'audience_resource', fallback=None) or _REGISTRY_AUDIENCE
        return str(chosen) if chosen.startswith('https://') else f'https://{chosen}.azure.net'

    @property
    def storage_suffix(self) -> str | None:
        """What the names of the active cloud's storage hosts end in; None where the cloud does not say."""
        from azure.cli.core.cloud import CloudSuffixNotSetException
        try:
            return f'.blob.{self._cli_ctx.cloud.suffixes.storage_endpoint}'.lower()
        except CloudSuffixNotSetException:
            return None

    def account(self) -> Account:
        """Return the account that commands use now. Raises SignInFailed where nobody is signed in."""
        try:
            return _account(self._profile().get_subscription(self._chosen()))
        except CLIError as ex:
            raise SignInFailed(ex) from ex

    def other_accounts(self) -> list[Account]:
        """Return the accounts of the other subscriptions that this user can see."""
        current = self.account().subscription_id
        return [account for account in map(_account, self._profile().load_cached_subscriptions())
                if account.subscription_id != current]

    def token(self, audience: str, subscription_id: str | None = None) -> Later[Token]:
        """Return a token for ``audience``, asked for at once and only once. Its result can raise SignInFailed."""
        return self._once(f'token for {audience}, subscription {subscription_id}',
                          lambda: self._fetch(audience, subscription_id))

    def management_token(self, account: Account) -> Later[Token]:
        """Return the token for Resource Manager in that account's tenant."""
        other = account.subscription_id if account.tenant_id != self.account().tenant_id else None
        return self.token(self.management_audience, other)

    def registry_token(self, account: Account | None) -> Later[Token]:
        """Return the token for a registry, in that account's tenant where it is known."""
        other = account.subscription_id if account and account.tenant_id != self.account().tenant_id else None
        return self.token(self.registry_audience, other)

    def _fetch(self, audience: str, subscription_id: str | None) -> Token:
        try:
            from azure.cli.core.auth.util import resource_to_scopes
            credential, _, tenant = self._credential(subscription_id).result(Deadline(threading.TIMEOUT_MAX))
            return Token(credential.get_token(*resource_to_scopes(audience)).token, tenant)
        # MSAL and requests raise much besides the CLI's own errors; the checks tell them apart.
        except Exception as ex:  # pylint: disable=broad-except
            raise SignInFailed(ex) from ex

    def _credential(self, subscription_id: str | None) -> Later[Any]:
        """Return the CLI's credential for that subscription's tenant. MSAL asks the sign-in service about the tenant
        for each one anew: all tokens come from the same."""
        return self._once(f'credential, subscription {subscription_id}',
                          lambda: self._profile().get_login_credentials(subscription_id or self._chosen()))

    def _profile(self) -> Any:
        # First and whole: of two threads that come to it by different modules, one finds it half made.
        import requests  # noqa: F401  pylint: disable=unused-import
        from azure.cli.core._profile import Profile
        return Profile(cli_ctx=self._cli_ctx)

    def _chosen(self) -> str | None:
        """The subscription of the global option ``--subscription``."""
        return self._cli_ctx.data.get('subscription_id')  # type: ignore[no-any-return]

    def set_out(self, deadline: Deadline) -> Later[Connection]:
        """Return a connection to Resource Manager that is being opened."""
        return self._once('connect to Resource Manager', lambda: self._connect(deadline))

    def _connect(self, deadline: Deadline) -> Connection:
        host = self.management_host
        port = urlsplit(self._cli_ctx.cloud.endpoints.resource_manager).port or 443
        way = connection_to(host, self._trust, deadline, port)
        way.open(deadline)
        return way

    def getter(self, token: Token, deadline: Deadline) -> Callable[[str], Response]:
        """Return a function that GETs paths from Resource Manager over the one connection, each in its turn."""
        way = self.set_out(deadline).result(deadline)

        def get(path: str) -> Response:
            # `with` would wait without an end.  pylint: disable-next=consider-using-with
            if not self._one_request.acquire(timeout=deadline.left()):
                raise TimeoutError('timed out')
            try:
                response = way.request('GET', path, deadline, headers={'Authorization': f'Bearer {token.value}'})
            finally:
                self._one_request.release()
            self.clock_skew = response.clock_skew
            return response

        return get

    def read(self, path: str, account: Account, deadline: Deadline, *versions: str) -> Response:
        """Return Resource Manager's answer to a GET of that path, as that account, in the first of these api-versions
        that it has. Raises SignInFailed, ConnectionFailed and TimeoutError."""
        get = self.getter(self.management_token(account).result(deadline), deadline)
        return _in_known_version(get, path, versions)

    def registries(self, subscription_id: str, token: Token, deadline: Deadline) -> Iterator[Mapping[str, Any]]:
        """Yield the subscription's registries, page by page. Raises ManagementFailed and ConnectionFailed.

        The provider's own listing: the generic one of resources has no properties, so no login server.
        """
        get = self.getter(token, deadline)

        listing = f'/subscriptions/{subscription_id}/providers/Microsoft.ContainerRegistry/registries'
        response = _in_known_version(get, listing, API_VERSIONS)
        for _ in range(_MOST_PAGES):
            page = response.json()
            if response.status != 200 or not isinstance(page, dict) or not isinstance(page.get('value'), list):
                raise ManagementFailed('no listing of registries', response)
            yield from (entry for entry in page['value'] if isinstance(entry, dict))
            following = self._own_path(page.get('nextLink'))
            if following is None:
                return
            response = get(following)

    def _own_path(self, link: Any) -> str | None:
        """Return the path of a link to the next page; None where there is none, or it leads to another host."""
        if not isinstance(link, str) or not link:
            return None
        try:
            parts = urlsplit(link)
        except ValueError as ex:
            raise ManagementFailed(f'the link to the next page of the listing is none: {ex}') from ex
        if parts.scheme != 'https' or parts.hostname != self.management_host:
            raise ManagementFailed(f'the next page of the listing is on another host, {parts.hostname}')
        return f'{parts.path}?{parts.query}'


def _in_known_version(get: Callable[[str], Response], path: str, versions: Sequence[str]) -> Response:
    """Return the answer in the first version that this cloud's Resource Manager does not refuse as unknown."""
    for version in versions:
        response = get(f'{path}?api-version={version}')
        if response.status != 400 or b'api-version' not in response.body:
            break
    return response


def _account(entry: Mapping[str, Any]) -> Account:
    user = entry.get('user') or {}
    # The kinds of identity as `az account show` names them; managed identities hide behind fixed names.
    name, kind = str(user.get('name') or ''), str(user.get('type') or 'unknown')
    if name in ('systemAssignedIdentity', 'userAssignedIdentity'):
        name, kind = str(user.get('assignedIdentityInfo') or name), 'managedIdentity'
    tenant = str(entry.get('tenantId') or '')
    return Account(str(entry.get('id') or ''), str(entry.get('name') or ''), tenant, kind, name,
                   str(entry.get('homeTenantId') or tenant))


def sudo_user() -> str | None:
    """Return the user who called sudo, where that user is signed in and this one is another."""
    name = os.environ.get('SUDO_USER')
    if not name or name == 'root':
        return None
    try:
        # The CLI writes its profile with a byte order mark.
        with open(os.path.join(os.path.expanduser(f'~{name}'), '.azure', 'azureProfile.json'),
                  encoding='utf-8-sig') as file:
            profile = json.load(file)
    except (OSError, ValueError):
        return None
    return name if isinstance(profile, dict) and profile.get('subscriptions') else None
