"""Tokens of sign-ins for programs: JWTs, each of which stands for one row of the sessions.

They end as that session does: by its age, by signing out, or when its owner ends it elsewhere.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.sessions import SignedIn, find_session_of

ALGORITHM = "HS256"
MAX_CHARS = 2000
"""Ours have some 300."""
CLAIMS = ("sub", "iat", "exp", "jti")


def login_token(vault: Vault, signed_in: SignedIn) -> str:
    """Returns the token of a session: whose it is, since when, until when, and which."""
    claims = {
        "sub": signed_in.account.user_id,
        "iat": int(signed_in.created_at.timestamp()),
        "exp": int(signed_in.expires_at.timestamp()),
        "jti": signed_in.session_id,
    }
    return jwt.encode(claims, vault.login_keys[0], algorithm=ALGORITHM)


async def find_login(database: Database, vault: Vault, token: str) -> SignedIn | None:
    """Returns the live session of a token; `None` for any other text."""
    claims = _claims(vault, token)
    if claims is None:
        return None
    return await find_session_of(database, str(claims["sub"]), str(claims["jti"]))


def is_login(vault: Vault, token: str) -> bool:
    """Tells whether a token is one that we have signed, whether or not it still works."""
    return _claims(vault, token) is not None


def _claims(vault: Vault, token: str) -> Mapping[str, Any] | None:
    if len(token) > MAX_CHARS:
        return None
    for key in vault.login_keys:
        try:
            return jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": list(CLAIMS)})
        except jwt.InvalidSignatureError:
            continue  # perhaps of a secret of before
        except (jwt.InvalidTokenError, ValueError):
            return None
    return None
