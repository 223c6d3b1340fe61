"""The API key in the headers of a request, in every place where SDKs put it.

1. `Authorization: Bearer KEY`, `x-api-key: KEY`.
2. `Authorization: Basic`, as Langfuse's SDKs send it: an API key as password, or else as user.
"""

import base64
import binascii
from collections.abc import Callable

from controlplane.failures import Unauthorized
from controlplane.keyring import key_in

API_KEY_PREFIX = "pulse_sk_"
NO_KEY = "Missing credentials: Authorization with Bearer or Basic, or x-api-key"
_BASIC = "basic "


def api_key_in(header: Callable[[str], str | None], missing: str = NO_KEY) -> str:
    """Returns the key, given a function that finds a header by its name in lower case.

    Raises `Unauthorized`, where there is none with the words of `missing`.
    """
    authorization = header("authorization")
    if authorization is None:
        own = header("x-api-key")
        if not own:
            raise Unauthorized(missing)
        return own.strip()
    if authorization[: len(_BASIC)].lower() == _BASIC:
        return _in_basic(authorization[len(_BASIC) :])
    return key_in(authorization)


def _in_basic(sent: str) -> str:
    try:
        user, _, password = base64.b64decode(sent.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("Invalid Authorization header: Basic with user and password") from error
    # The one that looks like a key of ours; the password where neither or both do.
    is_user = user.startswith(API_KEY_PREFIX) and not password.startswith(API_KEY_PREFIX)
    return user if is_user else password
