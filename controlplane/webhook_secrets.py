"""What is sealed of a webhook: where it leads, and what its messages are signed with."""

import msgspec

from controlplane.crypto import Vault
from schemas.webhooks import WebhookSecret


def seal_webhook(vault: Vault, webhook_id: str, secret: WebhookSecret) -> bytes:
    """Seals it for this webhook alone."""
    return vault.seal(msgspec.json.encode(secret).decode(), bound_to=_bound_to(webhook_id))


def open_sealed(vault: Vault, webhook_id: str, sealed: bytes) -> WebhookSecret:
    """Opens what `seal_webhook` made; raises `UnsealError`."""
    plain = vault.unseal(sealed, bound_to=_bound_to(webhook_id))
    return msgspec.json.decode(plain, type=WebhookSecret)


def _bound_to(webhook_id: str) -> str:
    return f"webhook/{webhook_id}"
