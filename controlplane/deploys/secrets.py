"""What is sealed of apps: each value opens for its own row alone."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from controlplane.crypto import Vault
from schemas.deploys.apps import AppSecrets


def seal_secrets(vault: Vault, project_id: UUID, secrets: AppSecrets) -> bytes:
    """Encrypts what an app's owner says and nobody is told."""
    return vault.seal(msgspec.json.encode(secrets).decode(), bound_to=f"app {project_id}")


def open_secrets(vault: Vault, project_id: UUID, sealed: bytes) -> AppSecrets:
    """Opens what `seal_secrets` made; raises `UnsealError`."""
    text = vault.unseal(sealed, bound_to=f"app {project_id}")
    return msgspec.json.decode(text, type=AppSecrets)


def seal_value(vault: Vault, project_id: UUID, key: str, value: str) -> bytes:
    """Encrypts a variable of an app's environment."""
    return vault.seal(value, bound_to=f"variable {project_id} {key}")


def open_value(vault: Vault, project_id: UUID, key: str, sealed: bytes) -> str:
    """Opens what `seal_value` made; raises `UnsealError`."""
    return vault.unseal(sealed, bound_to=f"variable {project_id} {key}")


def seal_environment(vault: Vault, release_id: UUID, variables: Mapping[str, str]) -> bytes:
    """Encrypts the environment that a release is started with."""
    return vault.seal(msgspec.json.encode(variables).decode(), bound_to=f"release {release_id}")


def open_environment(vault: Vault, release_id: UUID, sealed: bytes) -> Mapping[str, str]:
    """Opens what `seal_environment` made; raises `UnsealError`."""
    text = vault.unseal(sealed, bound_to=f"release {release_id}")
    return msgspec.json.decode(text, type=dict[str, str])


def seal_webhook_secret(vault: Vault, webhook_id: UUID, secret: str) -> bytes:
    """Encrypts what a git server signs with."""
    return vault.seal(secret, bound_to=f"git webhook {webhook_id}")


def open_webhook_secret(vault: Vault, webhook_id: UUID, sealed: bytes) -> str:
    """Opens what `seal_webhook_secret` made; raises `UnsealError`."""
    return vault.unseal(sealed, bound_to=f"git webhook {webhook_id}")
