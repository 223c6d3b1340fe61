"""What of a request is Sluice's own and never reaches an app: sessions, keys, tokens."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from msgspec import Struct

OWN_COOKIE = re.compile(r"(?:__secure-|__host-)?better-auth\.", re.IGNORECASE)
"""Names of the cookies that Sluice has, and of those that its kind of session may have beside."""
_OWN_CREDENTIAL = re.compile(
    r"(?:[A-Za-z]+ +)?(?:pulse_sk_|osco_|oscp_|sk_probe_|sk_live_[0-9a-f]{16,64}\Z).*", re.DOTALL
)
"""Keys of Sluice by how they begin. Payment services have `sk_live_` too, in other characters."""


def _no(_: str) -> bool:
    return False


class Withheld(Struct, frozen=True):
    """How secrets of ours are told from those of apps where their names do not tell."""

    is_own_session: Callable[[str], bool] = _no
    """Of the value of a cookie, unquoted: a session of ours, by its signature."""
    is_own_token: Callable[[str], bool] = _no
    """Of what stands behind `Bearer`: one that we have signed."""

    def without_ours(self, field: str, *, is_shared_host: bool) -> str:
        """Returns a `Cookie` without what is ours; empty where nothing is left.

        On a host of its own an app may have cookies of any name: there the signature tells.
        """
        kept = []
        for pair in map(str.strip, field.split(";")):
            name, _, value = pair.partition("=")
            is_ours = is_shared_host and OWN_COOKIE.match(name.strip())
            if pair and not is_ours and not self.is_own_session(unquote(value.strip('"'))):
                kept.append(pair)
        return "; ".join(kept)

    def is_own_credential(self, authorization: str) -> bool:
        """Tells whether an `Authorization` holds a key or token of ours."""
        text = authorization.strip()
        if _OWN_CREDENTIAL.fullmatch(text):
            return True
        scheme, _, token = text.partition(" ")
        return scheme.lower() == "bearer" and self.is_own_token(token.strip())
