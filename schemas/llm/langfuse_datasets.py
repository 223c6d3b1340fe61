"""Datasets and their items in the form of Langfuse's SDKs.

After Langfuse's OpenAPI document (https://cloud.langfuse.com/generated/api/openapi.yml):
`datasets`, `datasetItems` and `datasetRunItems`. The id of a dataset is its name, and so is that of
a run.
"""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Raw, Struct

from schemas.llm.datasets import DATASET, Dataset, Item, ItemForm

NULL = b"null"


class LangfuseDatasetForm(Struct, frozen=True, kw_only=True):
    """A dataset as the SDKs send it; one whose name is there is changed."""

    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None


class LangfuseItemForm(Struct, frozen=True, kw_only=True, rename="camel"):
    """An item as the SDKs send it; one whose id is there takes its place."""

    dataset_name: str
    id: str | None = None
    input: Raw = Raw(NULL)
    """Without it, what else is sent of an item is changed."""
    expected_output: Raw = Raw(NULL)
    metadata: dict[str, Any] | None = None
    source_trace_id: str | None = None
    status: Literal["ACTIVE", "ARCHIVED"] | None = None

    def of_ours(self) -> ItemForm:
        """Returns it as Sluice's own route takes it."""
        return ItemForm(
            id=self.id or "",
            input=self.input,
            expected_output=self.expected_output,
            metadata=self.metadata or {},
            archived=self.status == "ARCHIVED",
            trace_id=self.source_trace_id or "",
        )


class LangfuseRunItemForm(Struct, frozen=True, kw_only=True, rename="camel"):
    """That an item was asked in a run, as the SDKs send it."""

    run_name: str
    dataset_item_id: str
    run_description: str | None = None
    metadata: dict[str, Any] | None = None
    trace_id: str | None = None
    observation_id: str | None = None


class LangfuseDataset(Struct, frozen=True, kw_only=True, rename="camel"):
    """A dataset as the SDKs read it."""

    id: str
    name: str
    description: str
    metadata: Raw
    project_id: str
    created_at: str
    updated_at: str


class LangfuseItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An item as the SDKs read it."""

    id: str
    status: Literal["ACTIVE", "ARCHIVED"]
    input: Raw
    expected_output: Raw
    metadata: Raw
    source_trace_id: str | None
    dataset_id: str
    dataset_name: str
    created_at: str
    """When it was changed last, as `updated_at`."""
    updated_at: str
    source_observation_id: None = None
    media_references: tuple[str, ...] = ()


class LangfusePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which part of a list is answered."""

    page: int
    limit: int
    total_items: int
    total_pages: int


class LangfuseItems(Struct, frozen=True, kw_only=True):
    """A page of items."""

    data: Sequence[LangfuseItem]
    meta: LangfusePage


class LangfuseRunItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An item of a run as the SDKs read it."""

    id: str
    dataset_run_id: str
    dataset_run_name: str
    dataset_item_id: str
    trace_id: str
    observation_id: str | None
    created_at: str
    updated_at: str


LANGFUSE_DATASET = {"name": DATASET["name"], "description": DATASET["description"]}
LANGFUSE_ITEM = {
    "datasetName": DATASET["name"],
    "id": "refund-1",
    "input": {"question": "Can I return this?"},
    "expectedOutput": "Within 30 days.",
}
LANGFUSE_RUN_ITEM = {"runName": "gpt-4o", "datasetItemId": "refund-1"}


def langfuse_dataset(dataset: Dataset, project_id: str) -> LangfuseDataset:
    """Returns a dataset in the form of the SDKs."""
    return LangfuseDataset(
        id=dataset.name,
        name=dataset.name,
        description=dataset.description,
        metadata=dataset.metadata,
        project_id=project_id,
        created_at=dataset.created_at,
        updated_at=dataset.changed_at,
    )


def langfuse_item(item: Item, dataset: str) -> LangfuseItem:
    """Returns an item in the form of the SDKs."""
    return LangfuseItem(
        id=item.id,
        status="ARCHIVED" if item.archived else "ACTIVE",
        input=item.input,
        expected_output=item.expected_output,
        metadata=item.metadata,
        source_trace_id=item.trace_id,
        dataset_id=dataset,
        dataset_name=dataset,
        created_at=item.changed_at,
        updated_at=item.changed_at,
    )
