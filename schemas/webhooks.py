"""Webhooks: where events are posted."""

from msgspec import Struct

MAX_DESCRIPTION_CHARS = 200


class WebhookSecret(Struct, frozen=True):
    """What is kept sealed of a webhook."""

    url: str
    secret: str
