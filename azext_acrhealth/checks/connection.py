"""Why no connection came about, or no answer over it: one judgement for every host that is spoken to."""

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, Sequence

from ..clients.http import ConnectionFailed, Response

# OpenSSL's X509_V_ERR_* numbers (openssl/x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _UNKNOWN_ISSUER, _UNKNOWN_LEAF_ISSUER, _OTHER_NAME = \
    9, 10, 18, 19, 20, 21, 62
#: A certificate outside its dates.
DATES = (_NOT_YET_VALID, _EXPIRED)
# What VERIFY_X509_STRICT refuses though the issuer is trusted: missing or misplaced extensions (numbers 80 to 93; 79,
# a certificate by what is no CA, is refused without it too).
_STRICT = range(80, 94)

_BY_KIND = {
    ('resolve', 'proxy'): 'proxy-unresolved',
    ('resolve', 'connect'): 'host-unresolved',
    ('refused', 'proxy'): 'proxy-unreachable',
    ('unreachable', 'proxy'): 'proxy-unreachable',
    ('timeout', 'proxy'): 'proxy-unreachable',
    ('failed', 'proxy'): 'proxy-unreachable',
    ('reset', 'proxy'): 'proxy-not-a-proxy',
    ('proxy-address', 'proxy'): 'proxy-malformed',
    ('timeout', 'tunnel'): 'proxy-silent',
    ('reset', 'tunnel'): 'proxy-not-a-proxy',
    ('closed', 'tunnel'): 'proxy-not-a-proxy',
    ('not-http', 'tunnel'): 'proxy-not-a-proxy',
    ('refused', 'connect'): 'connection-refused',
    ('unreachable', 'connect'): 'host-unreachable',
    ('timeout', 'connect'): 'connect-timeout',
    ('timeout', 'tls'): 'tls-timeout',
    # A reset right after the connection is there shows now in connecting, now in the handshake.
    ('reset', 'connect'): 'tls-reset',
    ('reset', 'tls'): 'tls-reset',
    ('closed', 'tls'): 'tls-reset',
    ('not-tls', 'tls'): 'not-tls',
    ('timeout', 'answer'): 'answer-timeout',
    ('reset', 'answer'): 'answer-cut',
    ('closed', 'answer'): 'answer-cut',
    ('not-http', 'answer'): 'not-http',
}


def why(failure: ConnectionFailed) -> tuple[str, dict[str, Any]]:
    """Return the cause of a failed connection or exchange, and the evidence for it."""
    evidence = {key: value for key, value in failure.evidence.items()
                if value is not None and key not in ('chain', 'received')}
    evidence['text'] = failure.text
    if failure.kind == 'ca-bundle':
        return 'ca-bundle-unusable', evidence
    if failure.kind == 'proxy-status':
        return ('proxy-sign-in' if evidence['status'] == 407 else 'proxy-refuses'), evidence
    if failure.kind == 'tls':
        return _why_tls(failure, evidence)
    return _BY_KIND.get((failure.kind, failure.stage), 'connection-failed'), evidence


def _why_tls(failure: ConnectionFailed, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    chain = failure.evidence.get('chain') or [{}]
    evidence.update(certificate_facts(chain[0]))
    code = evidence.get('verify_code')
    if code is None:
        return 'tls-protocol', evidence
    # The certificate to blame for its dates need not be the leaf: OpenSSL stops at the first one from the root on.
    now = datetime.now(timezone.utc)
    evidence['clock'] = moment(now)
    if code == _EXPIRED:
        evidence['until'] = min((date for date in (_date(item, 'notAfter') for item in chain) if date), default=None)
        return 'certificate-expired', evidence
    if code == _NOT_YET_VALID:
        evidence['since'] = max((date for date in (_date(item, 'notBefore') for item in chain) if date), default=None)
        return 'certificate-not-yet-valid', evidence
    if code in (_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _UNKNOWN_ISSUER, _UNKNOWN_LEAF_ISSUER):
        own = evidence.get('issuer') == evidence.get('subject') and len(chain) == 1
        return 'certificate-self-signed' if code == _SELF_SIGNED and own else 'certificate-issuer-unknown', evidence
    if code == _OTHER_NAME:
        return 'certificate-other-name', evidence
    return 'certificate-form' if code in _STRICT else 'certificate-refused', evidence


def certificate_facts(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Return who a certificate is for, who issued it and until when it holds; empty where there is none."""
    if not certificate:
        return {}
    return {'subject': _name(certificate.get('subject')), 'issuer': _name(certificate.get('issuer')),
            'names': [value for kind, value in certificate.get('subjectAltName', ()) if kind in ('DNS', 'IP Address')],
            'since': _date(certificate, 'notBefore'), 'until': _date(certificate, 'notAfter')}


def days_left(certificate: Mapping[str, Any]) -> float | None:
    """Return for how many days a certificate still holds; None where there is none."""
    end = _parsed(certificate, 'notAfter')
    return None if end is None else (end - datetime.now(timezone.utc)).total_seconds() / 86400


def _name(parts: Any) -> str | None:
    """Return a distinguished name's common name, else its organization."""
    known = {key: value for part in parts or () for key, value in part}
    return known.get('commonName') or known.get('organizationName') or known.get('organizationalUnitName')


def _parsed(certificate: Mapping[str, Any], key: str) -> datetime | None:
    """Return a date such as ``Jan  5 09:34:43 2027 GMT``. Not by strptime, whose first call imports a lot."""
    try:
        month, day, clock, year, zone = str(certificate.get(key)).split()
        return parsedate_to_datetime(f'{day} {month} {year} {clock} {zone}') if zone == 'GMT' else None
    except (ValueError, TypeError, OverflowError):
        return None


def _date(certificate: Mapping[str, Any], key: str) -> str | None:
    return moment(_parsed(certificate, key))


def moment(when: datetime | None) -> str | None:
    """Return a moment as evidence has it; None where there is none."""
    return when.strftime('%Y-%m-%d %H:%M UTC') if when else None


def who_answered(response: Response) -> dict[str, Any]:
    """Return what tells who gave an answer that no registry gives."""
    content_type = response.header('Content-Type')
    return {'status': response.status, 'server': response.header('Server'), 'title': response.title,
            'content_type': content_type, 'location': without_query(response.header('Location'))}


def without_query(url: str | None) -> str | None:
    """Return a URL without its query, which can hold secrets."""
    return url.split('?')[0].split('#')[0] if url else None


def spoken_list(items: Sequence[str]) -> str:
    """Return items as a sentence has them: ``a, b and c``."""
    return ' and '.join([', '.join(items[:-1]), items[-1]]) if len(items) > 1 else ''.join(items)
