"""The certificates of the local Azure, good and bad, all from keys made at the start.

The good chain is named like Azure's: a leaf by "Microsoft Azure RSA TLS Issuing CA 04" under a root, which is `ca.pem`.
Good ones carry the key identifiers that Python 3.13's strict verification wants.
"""
import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import names

DAY = datetime.timedelta(days=1)
# `unknown-issuer` is by an inspecting proxy that sends its own certificate only, `unknown-root` by one that sends the
# root as well: OpenSSL calls the first 20, the second 19.
KINDS = ('good', 'expired', 'not-yet-valid', 'expiring-soon', 'self-signed', 'unknown-issuer', 'unknown-root',
         'other-name', 'no-aki')

# Which names a certificate covers: of all hosts, `*.azurecr.io` does not cover `R.privatelink.azurecr.io`
# (https://github.com/Azure/acr/issues/425).
COVERS: List[List[str]] = [
    [f'*{cloud.registry_suffix}' for cloud in names.CLOUDS],
    [f'*.{region}.{kind}{cloud.registry_suffix}' for cloud in names.CLOUDS for kind in ('data', 'geo')
     for region in ('westeurope', 'northeurope', 'eastus', 'southeastasia')],
    [*names.MCR_HOSTS, '*.data.mcr.microsoft.com'],
    ['*.blob.core.windows.net', 'layers.contoso.example'],
    [cloud.resource_manager for cloud in names.CLOUDS],
    [*[cloud.entra for cloud in names.CLOUDS], '*.microsoftonline.com'],
]


def new_key() -> rsa.RSAPrivateKey:
    """An RSA key, the kind that Azure's certificates and tokens use."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def kept_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in that file, made if there is none: what it signed stays good when the local Azure starts anew."""
    if not path.exists():
        path.write_bytes(pem(new_key()))
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The key as PKCS 8, unencrypted."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


@dataclass(frozen=True)
class Issuer:
    """A certificate authority: its certificate, its key, and what of its chain a server must send along."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    sent: Tuple[x509.Certificate, ...] = ()


# pylint: disable-next=too-many-arguments
def issue(common_name: str, key: rsa.RSAPrivateKey, issuer: Optional[Issuer], *, hosts: Tuple[str, ...] = (),
          valid: Tuple[float, float] = (-30, 360), identifiers: bool = True,
          organization: str = 'Microsoft Corporation') -> x509.Certificate:
    """A certificate valid from and until so many days from now; a CA's if it names no hosts; self-signed if no issuer.

    `identifiers` False leaves out the Authority Key Identifier, which only strict verification minds.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, 'US'),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0] * DAY).not_valid_after(now + valid[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=not hosts, crl_sign=not hosts,
                                     key_encipherment=bool(hosts), content_commitment=False, data_encipherment=False,
                                     key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    if identifiers:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]),
                                        critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


class Certificates:
    """The authorities, and a TLS server context for any host, kind of certificate and protocol."""

    def __init__(self, state: Path) -> None:
        self._folder = state / 'certs'
        self._folder.mkdir(exist_ok=True)
        self._key = new_key()
        root_key, issuing_key, stranger_key = new_key(), new_key(), new_key()
        root = issue('Local Azure Root G2', root_key, None, valid=(-400, 3600))
        self._root = Issuer(root, root_key)
        issuing = issue('Microsoft Azure RSA TLS Issuing CA 04', issuing_key, self._root, valid=(-300, 1800))
        self._issuing = Issuer(issuing, issuing_key, (issuing,))
        stranger = issue('Contoso Traffic Inspection CA', stranger_key, None, valid=(-300, 1800),
                         organization='Contoso Ltd')
        self._stranger = Issuer(stranger, stranger_key)
        self._contexts: Dict[Tuple[str, ...], ssl.SSLContext] = {}
        (state / 'ca.pem').write_bytes(root.public_bytes(serialization.Encoding.PEM))
        (self._folder / 'inspection-ca.pem').write_bytes(stranger.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, kind: str = 'good', newest: str = 'TLSv1_3') -> ssl.SSLContext:
        """What a server presents for a host: one of `KINDS`, nothing newer than the TLS version named `newest`."""
        covered = _covering(host)
        cached = (covered[0], kind, newest)
        if cached not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._chain(covered, kind), self._folder / 'key.pem')
            version = ssl.TLSVersion[newest]
            if version < ssl.TLSVersion.TLSv1_2:  # OpenSSL offers those only without a security level
                context.set_ciphers('ALL:@SECLEVEL=0')
                context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            self._contexts[cached] = context
        return self._contexts[cached]

    def _chain(self, hosts: Tuple[str, ...], kind: str) -> Path:
        """The file with the certificate and what of its chain is sent, made on first use."""
        issuer: Optional[Issuer] = self._issuing
        options: Dict[str, Any] = {}
        if kind == 'self-signed':
            issuer = None
        elif kind in ('unknown-issuer', 'unknown-root'):
            issuer = self._stranger
        elif kind == 'no-aki':
            issuer, options = self._root, {'identifiers': False}
        elif kind == 'other-name':
            hosts = ('www.fabrikam.example', '*.fabrikam.example')
        elif kind != 'good':
            options = {'valid': {'expired': (-90, -3), 'not-yet-valid': (2, 90), 'expiring-soon': (-80, 9)}[kind]}
        certificate = issue(hosts[0], self._key, issuer, hosts=hosts, **options)
        (self._folder / 'key.pem').write_bytes(pem(self._key))
        path = self._folder / f"{hosts[0].replace('*', '_')}.{kind}.pem"
        chain = (certificate,) + (issuer.sent if issuer else ())
        if kind == 'unknown-root':
            chain += (self._stranger.certificate,)
        path.write_bytes(b''.join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
        return path


def _covering(host: str) -> Tuple[str, ...]:
    """The names of the certificate that a host is served with; of a host that is no one's, the registries'."""
    parent = '*.' + host.partition('.')[2]
    for covered in COVERS:
        if host in covered or parent in covered:
            return tuple(covered)
    return tuple(COVERS[0])
