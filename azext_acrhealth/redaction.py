"""Masks secrets in what is shown: in evidence, messages and logs alike.

It knows the forms in which the words of tools and servers hold them; it is a net below, not a licence to pass
secrets on. What is masked stays recognisable: the place is kept, the value becomes ``***``.
"""

import base64
import json
import re
from urllib.parse import quote, quote_plus

MASK = '***'

_KEYS = (r'sig|signature|x-amz-signature|password|passwd|pwd|secret|client_?secret|client_?assertion|assertion|'
         r'access_?token|refresh_?token|id_?token|identity_?token|registry_?token|token|auth|account_?key')

# Each pattern with what a text has in it, in small letters, that can match: most texts have none of it. These are
# without i, k and s, which match letters beyond ASCII as well. A pattern's first group is kept, the rest of the match
# is masked, the last group (where there is one) kept again.
_PATTERNS = [
    # Azure, Docker and OAuth tokens are JSON web tokens; {"... in base64 begins with eyJ
    ('eyj', r'()\beyJ[\w-]{8,}(?:\.[\w-]*)*'),
    ('author', r'(\b(?:proxy-)?authorization["\']?\s*[:=]\s*["\']?)[^\s"\',;]+(?:[ \t]+(?!\*\*\*)[^\s"\',;]+)?'),
    ('coo', r'(\b(?:set-)?cookie["\']?\s*:\s*)[^\r\n]+'),
    ('bearer', r'(\bbearer[ \t]+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}'),
    ('ba', r'(\bbasic[ \t]+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}'),
    # http://user:password@proxy, also with an @ or a slash in the password, also without the scheme
    ('@', r'(\b(?!ssh://)[a-z][a-z0-9+.-]*://)[^\s/?#"\'<>]*(@)'),
    ('@', r'(\b[a-z][a-z0-9+.-]*://)[^\s/:@"\'<>]+:(?!\d+(?:/|$))[^\s@"\'<>]*(@)'),
    ('@', r'((?:^|[\s"\'=(]))[^\s/:@"\'=<>(]+:(?!//)[^\s/@"\'<>]+(@[a-z0-9.-]+:\d)'),
    # "password": "..." in JSON, also in a string inside JSON, also as Python prints it
    ('"', rf'("(?:{_KEYS})"\s*:\s*")(?:[^"\\]|\\.)*'),
    ('\\"', rf'(\\+"(?:{_KEYS})\\+"\s*:\s*\\+")[^"]*'),
    ("'", rf"('(?:{_KEYS})'\s*:\s*')[^']*"),
    # sig=... in signed URLs and forms, also percent-encoded
    ('=', rf'((?:^|[^a-z0-9])(?:{_KEYS})=)(?!\*\*\*)[^\s&"\'<>,;\\]+'),
    ('%3d', rf'((?:^|[^a-z0-9])(?:{_KEYS})%3d)(?!\*\*\*)[^\s&"\'<>,;\\]+'),
]

# Secrets that are known themselves. What is shorter stands in words that are none.
_SHORTEST_KNOWN = 6
_known: set[str] = set()


def never_show(secret: str, user: str = '') -> None:
    """Mask ``secret`` from now on wherever it stands: as it is, quoted, and with ``user`` in a Basic authorization."""
    if len(secret) >= _SHORTEST_KNOWN:
        raw = secret.encode(errors='surrogateescape')
        _known.update((secret, json.dumps(secret)[1:-1], quote(raw, safe=''), quote_plus(raw),
                       base64.b64encode(raw).decode(), basic(user, secret)))


def basic(user: str, secret: str) -> str:
    """Return the credentials of a Basic authorization (RFC 7617)."""
    return base64.b64encode(f'{user}:{secret}'.encode(errors='surrogateescape')).decode()


def redact(text: str) -> str:
    """Return ``text`` without passwords, tokens, signatures, cookies and keys."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    small = text.lower()
    for telltale, pattern in _PATTERNS:
        if telltale in small:
            text = re.sub(pattern, _masked, text, flags=re.IGNORECASE)
    return text


def _masked(match: re.Match[str]) -> str:
    return match[1] + MASK + (match[2] if match.re.groups > 1 else '')
