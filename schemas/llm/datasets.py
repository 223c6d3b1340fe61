"""Datasets: inputs and expected outputs with versions, as they are sent and answered."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

DATASET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""It stands in addresses, environments and metadata."""
ITEM_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.:@=+~-]{1,200}", re.ASCII)
"""It stands in addresses, where `.` and `..` are no names (RFC 3986, 5.2.4)."""
MOST_DESCRIPTION_CHARS = 2_000
MOST_METADATA_BYTES = 16 << 10
MOST_ITEM_BYTES = 256 << 10
"""Of the input, the expected output and the metadata together."""
MOST_AT_ONCE = 1_000
"""Items of one request."""
MOST_RUN_CHARS = 200


class DatasetForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset as people write it."""

    name: str
    """1 to 100 of A-Z, a-z, 0-9, `_`, `.` and `-`; it stays."""
    description: str = ""
    metadata: dict[str, Any] = {}


class DatasetChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed of a dataset: the fields that are given."""

    description: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class ItemForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item as people write it. One whose id is there takes its place."""

    input: Raw
    """Any JSON but null."""
    id: str = ""
    """1 to 200 of A-Z, a-z, 0-9 and `_.:@=+~-`, but not `.` or `..`; empty: one is made."""
    expected_output: Raw = Raw(b"null")
    """Any JSON; null: nothing is expected."""
    metadata: dict[str, Any] = {}
    archived: bool = False
    trace_id: str = ""
    """The call that it was made of."""
    user_id: str = ""
    """Whom it is of: so it is found when this person is erased."""
    session_id: str = ""
    """Of the call that it was made of."""


class ItemChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is changed of an item: the fields that are given."""

    input: Raw | UnsetType = UNSET
    expected_output: Raw | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    user_id: str | UnsetType = UNSET


class RunForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run that is announced: what its calls do not say."""

    name: str
    """1 to 200 characters, as the calls say in `experiment.run`."""
    description: str = ""
    metadata: dict[str, Any] = {}


class Item(Struct, frozen=True, kw_only=True):
    """An item as it was in one version."""

    id: str
    input: Raw
    expected_output: Raw
    metadata: Raw
    archived: bool
    trace_id: str | None
    user_id: str | None
    session_id: str | None
    version: int
    """Since which it is so."""
    changed_at: str


class ItemList(Struct, frozen=True, kw_only=True):
    """Items of a version, in the order in which they were made."""

    version: int
    items: Sequence[Item]
    next_cursor: str | None = None


class Dataset(Struct, frozen=True, kw_only=True):
    """A dataset as it is now."""

    name: str
    description: str
    metadata: Raw
    version: int
    """0 before its first item; each request that changes an item makes the next one."""
    items: int
    """Those that are not archived."""
    created_at: str
    changed_at: str


class DatasetList(Struct, frozen=True, kw_only=True):
    """The datasets of a project, by name."""

    datasets: Sequence[Dataset]


class WrittenItems(Struct, frozen=True, kw_only=True):
    """What a request made of items."""

    version: int
    ids: Sequence[str]
    """Of all that were sent, in order."""
    changed: int
    """How many are new or other than before."""


class DatasetVersion(Struct, frozen=True, kw_only=True):
    """One version of a dataset."""

    version: int
    at: str
    changed: int
    """Items."""


class VersionList(Struct, frozen=True, kw_only=True):
    """The newest versions of a dataset, the last one first."""

    versions: Sequence[DatasetVersion]


DATASET = {"name": "support-questions", "description": "What people ask", "metadata": {"team": "a"}}
DATASET_CHANGE = {"description": "What people ask most"}
ITEMS = [
    {
        "id": "refund-1",
        "input": {"question": "Can I return this?"},
        "expected_output": "Within 30 days.",
        "metadata": {"topic": "refunds"},
    }
]
ITEM_CHANGE = {"expected_output": "Within 14 days."}
RUN = {"name": "gpt-4o", "description": "The larger model", "metadata": {"commit": "3f2a1c9"}}
