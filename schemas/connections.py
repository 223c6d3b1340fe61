"""What those around a request tell each other, in the `state` of its ASGI scope."""

AUTHENTICATED = "authenticated"
"""Set in the `state` of a request's ASGI scope once its key, session or password is known: when
connections get scarce, those without such a request go first."""

PUBLIC_PREFIX = "public_prefix"
"""Set where a proxy serves us under a path of its host: that path, without a slash at its end."""

BOTH_WAYS = "both_ways"
"""Set where an answer passes while the body of its request still comes: who passes them on reads
that body to its end by itself."""

FRAMES = "sluice.frames"
"""Stands in the `extensions` of a WebSocket's ASGI scope where the server takes messages of this
type: `body` has whole frames, as RFC 6455 has them, written once for all who are sent the same."""
