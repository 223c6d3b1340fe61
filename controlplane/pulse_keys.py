"""Reads API keys that a Pulse server sealed (lib/crypto.ts): AES-256-GCM, base64."""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES, _TAG_BYTES, _KEY_BYTES = 16, 16, 32


def plain_key(sealed: str, encryption_key: str | None) -> str | None:
    """Returns the text of a key, `None` without the right `ENCRYPTION_KEY`.

    Of that, as there, the first 32 bytes count. Sealed are: nonce, tag, ciphertext.
    """
    secret = (encryption_key or "").encode()[:_KEY_BYTES]
    if len(secret) < _KEY_BYTES:
        return None
    try:
        data = base64.b64decode(sealed)
        nonce, tag = data[:_NONCE_BYTES], data[_NONCE_BYTES : _NONCE_BYTES + _TAG_BYTES]
        ciphertext = data[_NONCE_BYTES + _TAG_BYTES :]
        return AESGCM(secret).decrypt(nonce, ciphertext + tag, None).decode()
    except (binascii.Error, ValueError, InvalidTag):
        return None
