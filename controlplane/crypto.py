"""Secrets of the control plane: how they are made, hashed, sealed and signed."""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
import uuid
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_CHARS = 32
API_KEY_PREFIX = "pulse_sk_"

_NONCE_BYTES = 12
_SCRYPT = re.compile(r"[0-9a-f]{32}:[0-9a-f]{128}")
# OWASP's first choice for argon2id: 19 MiB and 20 ms a call keep a burst of sign-ins small.
_PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a random password that nobody kept: an unknown email costs the same work as a known one.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$M7zGTa0raeEiToe5Xl9ogA$6qpv+oJF6VzyFLRHhrmL9EBJD6RTVS2YBRexFNSrS+o"
)


class UnsealError(ValueError):
    """Raised when a sealed value was made with another secret, for another row, or altered."""


class Vault:
    """Seals values for storage and signs cookies, with keys derived from the settings' secret.

    What was made with one of the `others` opens too: those of before, or of after, a change of the
    secret.
    """

    def __init__(self, secret: str, others: Sequence[str] = ()) -> None:
        every = (secret, *others)
        if any(len(one) < MIN_SECRET_CHARS for one in every):
            raise ValueError(f"The secret needs at least {MIN_SECRET_CHARS} characters")
        self._sealing = [AESGCM(_derive(one, purpose=b"sluice sealing v1")) for one in every]
        self._signing = [_derive(one, purpose=b"sluice signing v1") for one in every]
        self.login_keys = tuple(_derive(one, purpose=b"sluice logins v1") for one in every)
        """What tokens of sign-ins are signed with; the first one signs, any of them is believed."""

    def seal(self, plain: str, *, bound_to: str) -> bytes:
        """Encrypt a value so that it opens only together with the same `bound_to`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._sealing[0].encrypt(nonce, plain.encode(), bound_to.encode())

    def unseal(self, sealed: bytes, *, bound_to: str) -> str:
        """Decrypt what `seal` made; raises `UnsealError`."""
        for sealing in self._sealing:
            plain = _opened(sealing, sealed, bound_to)
            if plain is not None:
                return plain
        raise UnsealError("The value was sealed with another secret")

    def resealed(self, sealed: bytes, *, bound_to: str) -> bytes | None:
        """Seal what one of the others sealed; `None` where it is ours already.

        Raises `UnsealError`.
        """
        if _opened(self._sealing[0], sealed, bound_to) is not None:
            return None
        return self.seal(self.unseal(sealed, bound_to=bound_to), bound_to=bound_to)

    def sign(self, token: str) -> str:
        """Return `<token>.<base64 of its HMAC-SHA256>`, the form of a better-auth cookie."""
        return f"{token}.{_signature(self._signing[0], token)}"

    def signatures(self, token: str) -> list[str]:
        """Return what is believed as the signature of a text: ours first, then the others'."""
        return [_signature(key, token) for key in self._signing]

    def signed_token(self, value: str) -> str | None:
        """Return the token of a value that `sign` made, `None` for any other."""
        token, _, signature = value.rpartition(".")
        given = signature.encode()
        fits = [hmac.compare_digest(given, one.encode()) for one in self.signatures(token)]
        return token if any(fits) else None


def new_api_key() -> str:
    """Make a project key in the form that Pulse's clients expect: `pulse_sk_` and a uuid4."""
    return f"{API_KEY_PREFIX}{uuid.UUID(bytes=secrets.token_bytes(16), version=4)}"


def new_dsn_key() -> str:
    """Make a DSN key in the form that Sentry's SDKs expect: 32 hex digits."""
    return secrets.token_hex(16)


def new_api_token(prefix: str) -> str:
    """Make an API token in the form of Open Sentry: a prefix, and 48 hex digits."""
    return prefix + secrets.token_hex(24)


def new_token() -> str:
    """Make a session token of 256 random bits; it holds no dot."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token in hex: enough, since it cannot be guessed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


async def hash_password(password: str) -> str:
    """Return the argon2id string of a password, worked out in a thread."""
    return await asyncio.to_thread(_PASSWORDS.hash, password)


async def is_password(password: str, stored: str | None) -> bool:
    """Tell whether a password fits; `None` stored costs the same time and fits nothing."""
    fits = await asyncio.to_thread(_fits, password, stored or _NOBODY)
    return fits and stored is not None


def is_scrypt_hash(stored: str | None) -> bool:
    """Tell whether a stored password is one of better-auth's, `salt:key` in hex."""
    return stored is not None and _SCRYPT.fullmatch(stored) is not None


def _fits(password: str, stored: str) -> bool:
    if is_scrypt_hash(stored):
        return _fits_scrypt(password, stored)
    try:
        return _PASSWORDS.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _fits_scrypt(password: str, stored: str) -> bool:
    """Check better-auth's form (src/crypto/password.ts); the salt is the text of its hex digits."""
    salt, _, key = stored.partition(":")
    text = unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")
    found = hashlib.scrypt(text, salt=salt.encode(), n=16_384, r=16, p=1, maxmem=64 << 20, dklen=64)
    return hmac.compare_digest(found, bytes.fromhex(key))


def _opened(sealing: AESGCM, sealed: bytes, bound_to: str) -> str | None:
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return sealing.decrypt(nonce, ciphertext, bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def _signature(key: bytes, token: str) -> str:
    mac = hmac.digest(key, token.encode(errors="surrogatepass"), "sha256")
    return base64.b64encode(mac).decode()


def _derive(secret: str, *, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
