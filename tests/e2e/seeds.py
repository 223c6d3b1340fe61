"""The number that all chance in these tests comes from: fixed, unless a run names another."""

import os

SEED = os.environ.get("E2E_SEED") or "20261128"


def seed_of(name: str) -> str:
    """Returns the seed of a test: the same in every run with this number."""
    return f"{SEED}/{name}"
