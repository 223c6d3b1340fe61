"""The databases of the control plane's tests."""

from tests.integration.controlplane.conftest import database, url, vault

__all__ = ["database", "url", "vault"]
