"""The words that make the name of a field sensitive. Sentry's default list is the base."""

STRONG = (
    *("password", "passwd", "passwort", "passphrase", "pass word", "passcode"),
    *("secret", "credential", "api key", "private key", "access key", "account key"),
    *("shared key", "encryption key", "signing key", "master key", "ssh key", "auth key"),
    *("authorization", "access token", "auth token", "refresh token", "session token"),
    *("bearer token", "csrf", "xsrf", "set cookie", "session id", "sessid", "mysql pwd"),
    *("connect.sid", "aiohttp session", "user session", "credit card", "card number"),
    *("amz signature", "two factor", "security code"),
)
"""Wherever they stand in a name; a blank may be a separator, or nothing."""
WORDS = ("bearer", "jwt", "otp", "pwd", "cvv", "cvv2", "cvc", "cvc2", "pin code", "symfony")
"""Where they are whole words of a name."""
LAST = ("auth", "authentication", "session", "sid", "cookie", "cookies", "sig")
"""Where a name ends with them: `cookie` is sensitive, `cookie_consent` is not."""
TOKENS = ("token", "tokens")
"""Whole words, unless the name counts or describes: `reset_token`, and not `max_tokens`."""
COUNTING = frozenset(
    (
        *("count", "counts", "counter", "limit", "limits", "usage", "used", "type", "types"),
        *("total", "totals", "max", "maximum", "min", "minimum", "budget", "length", "len"),
        *("size", "cost", "costs", "price", "rate", "num", "number", "remaining", "input"),
        *("output", "prompt", "completion", "cached", "cache", "reasoning", "thinking"),
        *("audio", "image", "text", "per", "expires", "expiry", "expiration", "ttl", "age"),
        *("class", "index", "position", "pos", "line", "start", "end", "kind", "name", "in"),
        *("accepted", "rejected", "prediction", "predicted", "generated", "new", "estimated"),
    )
)
"""Beside `token` they say that it is no credential."""
NEVER = frozenset({"PWD", "OLDPWD", "sentry_key", "public_key", "publicKey"})
"""Names that are not sensitive, as they are written."""
EMAIL_NAMES = ("email", "e mail", "mail address", "email address", "user email", "contact email")
IP_NAMES = (
    *("ip", "ip address", "ip addr", "remote addr", "remote ip", "client ip", "user ip"),
    *("x forwarded for", "x real ip", "cf connecting ip", "true client ip", "client address"),
)
