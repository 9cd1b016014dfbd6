"""The signed tokens: Entra's for Resource Manager and the registries, and the registries' own.

The registries' are signed with a key whose certificate the real registry servers are told to trust.
"""
import base64
import hashlib
import time
import uuid
from pathlib import Path
from typing import Any, Dict, List

import jwt
from cryptography.hazmat.primitives import serialization

from . import certificates, names
from .world import World

Claims = Dict[str, Any]

# The public client that az signs users in as.
CLI_CLIENT_ID = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
REGISTRY_ISSUER = 'Azure Container Registry'
REFRESH_TOKEN_LIFETIME = 3 * 3600  # Azure/acr-cli#641
ACCESS_TOKEN_LIFETIME = 4500


class Tokens:
    """Mints and reads tokens; whatever is minted is remembered as a secret."""

    def __init__(self, world: World, state: Path) -> None:
        self._world = world
        keys = state / 'certs'
        self._entra_key = certificates.kept_key(keys / 'entra-key.pem')
        self._registry_key = certificates.kept_key(keys / 'registry-key.pem')
        self.trusted = keys / 'registry-tokens.pem'
        self.trusted.write_bytes(certificates.issue('Registry tokens', self._registry_key, None).public_bytes(
            serialization.Encoding.PEM))

    def entra(self, who: names.Identity, audience: str, host: str) -> str:
        """An access token of Entra for an audience."""
        claims = {'aud': audience, 'ver': '1.0', 'idtyp': 'app', 'appid': who.name}
        if '@' in who.name:
            claims.update(idtyp='user', appid=CLI_CLIENT_ID, upn=who.name, unique_name=who.name,
                          scp='user_impersonation')
        return self._sign_entra(who, claims, host, self._world.settings.token_lifetime)

    def id_token(self, who: names.Identity, client_id: str, host: str) -> str:
        """What tells the client who signed in."""
        return self._sign_entra(who, {'aud': client_id, 'ver': '2.0', 'preferred_username': who.name}, host, 3600)

    def entra_refresh(self, who: names.Identity, host: str) -> str:
        """Entra's refresh token: opaque to clients, here it needs no memory."""
        return self._sign_entra(who, {'aud': 'refresh', 'upn': who.name}, host, 90 * 24 * 3600)

    def _sign_entra(self, who: names.Identity, claims: Claims, host: str, lifetime: int) -> str:
        now = int(time.time())
        issuer = f'https://{host}/{who.tenant}/v2.0' if claims.get('ver') == '2.0' \
            else f'https://sts.windows.net/{who.tenant}/'
        whole = {'iss': issuer, 'iat': now, 'nbf': now, 'exp': now + lifetime, 'oid': who.object_id,
                 'sub': who.object_id, 'tid': who.tenant, 'uti': uuid.uuid4().hex, **claims}
        return self._world.secret(jwt.encode(whole, self._entra_key, 'RS256', {'kid': 'local-entra'}))

    def read_entra(self, token: str, audiences: List[str]) -> Claims:
        """The claims of a token of Entra; jwt.InvalidTokenError says what is wrong with it."""
        claims: Claims = jwt.decode(token, self._entra_key.public_key(), ['RS256'], audience=audiences)
        return claims

    def registry_refresh(self, login_server: str, who: str, tenant: str) -> str:
        """A registry's refresh token: claims as in AAD-OAuth.md of Azure/acr."""
        return self._sign_registry(login_server, who, REFRESH_TOKEN_LIFETIME, {
            'version': '1.0', 'grant_type': 'refresh_token', 'tenant': tenant,
            'permissions': {'actions': ['*'], 'notActions': []}, 'roles': []})

    def registry_access(self, login_server: str, who: str, access: List[Claims]) -> str:
        """A registry's access token; `access` holds what was granted, perhaps nothing."""
        return self._sign_registry(login_server, who, ACCESS_TOKEN_LIFETIME, {
            'version': '1.0', 'grant_type': 'access_token', 'access': access, 'roles': []})

    def _sign_registry(self, login_server: str, who: str, lifetime: int, claims: Claims) -> str:
        now = int(time.time())
        whole = {'jti': str(uuid.uuid4()), 'sub': who, 'nbf': now - 900, 'exp': now + lifetime, 'iat': now,
                 'iss': REGISTRY_ISSUER, 'aud': login_server, **claims}
        return self._world.secret(jwt.encode(whole, self._registry_key, 'RS256', {'kid': self._key_id()}))

    def _key_id(self) -> str:
        """The key's name by which docker-registry finds it among those it trusts (libtrust's fingerprint)."""
        spki = self._registry_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = base64.b32encode(hashlib.sha256(spki).digest()[:30]).decode()
        return ':'.join(text[start:start + 4] for start in range(0, len(text), 4))

    def read_registry(self, token: str, login_server: str, grant_type: str) -> Claims:
        """The claims of a registry's own token of one kind; jwt.InvalidTokenError says what is wrong with it."""
        claims: Claims = jwt.decode(token, self._registry_key.public_key(), ['RS256'], audience=login_server)
        if claims['grant_type'] != grant_type:
            raise jwt.InvalidTokenError('Not a token of that kind')
        return claims
