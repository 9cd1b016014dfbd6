"""The registry protocol in small pure steps: read a challenge, make requests, read errors and tokens."""

import base64
import json
import re
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Iterable, Mapping, NamedTuple, Sequence
from urllib.parse import urlencode, urlsplit

from .http import Response
from .untrusted import sequence

# The grammar of WWW-Authenticate: RFC 9110, 11.6.1 and 5.6.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# A scheme may have credentials of its own kind (token68) in place of parameters.
_SCHEME = rf'({_TOKEN})(?:[ \t]+(?:[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$))?|(?=,)|$)'
_PARAMETER = rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|((?!=)[^\s,"]+))[ \t]*(?=,|$)'
_BETWEEN = ' \t,'

# Headers are cut here: no honest challenge is longer.
_LONGEST_HEADER = 8192


class Challenge(NamedTuple):
    """One challenge: its scheme in lower case, and its parameters by name in lower case."""

    scheme: str
    parameters: Mapping[str, str] = MappingProxyType({})


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges in the values of WWW-Authenticate headers (RFC 9110, 11.6.1).

    Several headers and several challenges in one are the same thing. What is not of the grammar ends its header.
    """
    found: list[Challenge] = []
    for header in headers:
        found += _parse_header(header[:_LONGEST_HEADER])
    return found


def _parse_header(header: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    rest = header.lstrip(_BETWEEN)
    while rest:
        parameter = re.match(_PARAMETER, rest) if found else None
        part = parameter or re.match(_SCHEME, rest)
        if part is None:
            break
        if parameter is None:
            found.append((part[1].lower(), {}))
        else:
            value = parameter[3] if parameter[2] is None else re.sub(r'\\(.)', r'\1', parameter[2])
            found[-1][1].setdefault(parameter[1].lower(), value)
        rest = rest[part.end():].lstrip(_BETWEEN)
    return [Challenge(name, parameters) for name, parameters in found]


class RegistryError(NamedTuple):
    """What a registry says went wrong (OCI distribution specification, "Error Codes")."""

    code: str
    message: str
    correlation_id: str | None


_CORRELATION = r'\s*CorrelationId:\s*([0-9a-fA-F-]{36})\.?'


def error_of(response: Response) -> RegistryError | None:
    """Return the first error in a registry's answer; None where it holds none, so that something else answered.

    The correlation id stands in a header of some answers and at the end of the message of others.
    """
    content = response.json()
    errors = content.get('errors') if isinstance(content, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None
    message = str(first.get('message') or '')
    inside = re.search(_CORRELATION, message)
    correlation = inside[1] if inside else response.header('X-Ms-Correlation-Request-Id')
    return RegistryError(str(first.get('code') or ''), re.sub(_CORRELATION, '', message), correlation)


_CLIENT_ADDRESS = r"client with IP '([0-9a-fA-F.:]{2,45})' is not allowed access"


def refused_address(error: RegistryError | None) -> str | None:
    """Return the address that the registry's firewall saw and refuses."""
    found = re.search(_CLIENT_ADDRESS, error.message) if error else None
    return found[1] if found else None


def is_registry(response: Response) -> bool:
    """Return whether a registry answered, and not something in between or another service."""
    return (response.header('Docker-Distribution-Api-Version') or '').startswith('registry/') \
        or error_of(response) is not None


def exchange_form(service: str, tenant_id: str, access_token: str) -> str:
    """Return the body of POST /oauth2/exchange: a sign-in token for a refresh token (Azure/acr, AAD-OAuth.md)."""
    return urlencode({'grant_type': 'access_token', 'service': service, 'tenant': tenant_id,
                      'access_token': access_token})


def token_form(service: str, scope: str | None, refresh_token: str) -> str:
    """Return the body of POST /oauth2/token: a refresh token for an access token. Without a scope nothing is granted,
    which is enough to know that tokens are issued; the catalog's scope is never asked, few may have it."""
    form = {'grant_type': 'refresh_token', 'service': service, 'refresh_token': refresh_token}
    return urlencode({**form, 'scope': scope} if scope else form)


def token_query(service: str, scope: str | None, account: str | None) -> str:
    """Return path and query of GET /oauth2/token, as docker login asks for an access token: a user name and password
    go into its Authorization, nothing for an anonymous one (distribution, "Token Authentication Specification")."""
    query = {'service': service, 'scope': scope, 'account': account}
    return '/oauth2/token?' + urlencode({key: value for key, value in query.items() if value})


FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def token_in(response: Response, name: str) -> str | None:
    """Return the token of that name in an answer; None where there is none."""
    content = response.json()
    token = content.get(name) if isinstance(content, dict) else None
    return token if isinstance(token, str) and token and token.isprintable() else None


def claims(token: str) -> Mapping[str, Any] | None:
    """Return what a JSON Web Token says, unverified: it is only read for what it grants. None where it is none."""
    parts = token.split('.')
    if len(parts) != 3:
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(parts[1] + '=='))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def expiry(token: str) -> datetime | None:
    """Return until when a JSON Web Token holds; None where it does not say so, or is none."""
    end = (claims(token) or {}).get('exp')
    try:
        return datetime.fromtimestamp(end, timezone.utc) if isinstance(end, (int, float)) else None
    except (ValueError, OverflowError, OSError):
        return None


def granted(token: str, repository: str) -> Sequence[str] | None:
    """Return the actions on ``repository`` that an access token grants; None where it cannot be read.

    Azure answers 200 even where nothing was granted: only the claim ``access`` tells.
    """
    content = claims(token)
    if content is None:
        return None
    return [str(action) for entry in sequence(content.get('access'))
            if isinstance(entry, dict) and entry.get('type') == 'repository' and entry.get('name') == repository
            for action in sequence(entry.get('actions'))]


def own_realm(realm: str, host: str) -> bool:
    """Return whether tokens may be sent to ``realm``: https, on the registry's own host and port, no user in it.

    Whoever answers writes the challenge, so it does not decide where secrets go.
    """
    try:
        parts = urlsplit(realm)
        return (parts.scheme.lower() == 'https' and parts.hostname == host and parts.port in (None, 443)
                and parts.username is None and parts.password is None)
    except ValueError:
        return False
