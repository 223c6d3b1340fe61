"""What an application tells the server of a connection."""

AUTHENTICATED = "authenticated"
"""Set in the `state` of a request's ASGI scope once its key, session or password is known: when
connections get scarce, those without such a request go first."""
