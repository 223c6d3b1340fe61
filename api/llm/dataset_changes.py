"""Datasets are made, filled, changed and removed by any member, or by a program with an API key."""

from collections.abc import Sequence

from litestar import delete, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Struct

from api.auth import AnyRequest, services
from api.bodies import body_of
from api.declared import takes
from api.llm.dataset_calls import CallsQuery, items_of_calls, known_callers
from api.llm.datasets import ALL, ONE
from api.llm.filters import TraceQuery
from api.parameters import Project
from api.search_terms import ATTRIBUTE, RESOURCE
from api.sessions import Done
from clickhouse.llm.rollups import METADATA
from controlplane.llm.dataset_items import change_item, write_items
from controlplane.llm.datasets import add_dataset, change_dataset, remove_dataset
from schemas.described import describes
from schemas.llm.datasets import (
    DATASET,
    DATASET_CHANGE,
    ITEM_CHANGE,
    ITEMS,
    MOST_AT_ONCE,
    Dataset,
    DatasetChange,
    DatasetForm,
    Item,
    ItemChange,
    ItemForm,
    WrittenItems,
)

MOST_BODY_BYTES = 16 << 20
"""Of a request that writes items."""


class CopiedItems(Struct, frozen=True):
    """What was made of calls."""

    version: int
    ids: Sequence[str]
    """Of the items: those of the calls."""
    changed: int
    left_out: int
    """Calls that are nested too deep, or too large for an item, or for what one request makes."""


@post(
    ALL,
    status_code=HTTP_201_CREATED,
    opt=describes(body=DatasetForm, example=DATASET, errors=(409,)),
)
async def post_dataset(request: AnyRequest, project: Project) -> Dataset:
    """Make a dataset, which has no item yet."""
    form = await body_of(request, DatasetForm)
    return await add_dataset(services(request).database, project.project_id, form)


@patch(ONE, opt=describes(body=DatasetChange, example=DATASET_CHANGE, errors=(404,)))
async def patch_dataset(request: AnyRequest, project: Project, dataset: FromPath[str]) -> Dataset:
    """Change the fields that are sent; its name stays, for calls say it."""
    change = await body_of(request, DatasetChange)
    return await change_dataset(services(request).database, project.project_id, dataset, change)


@delete(ONE, status_code=HTTP_200_OK, opt=describes(errors=(404,)))
async def delete_dataset(request: AnyRequest, project: Project, dataset: FromPath[str]) -> Done:
    """Remove a dataset with all versions of its items. Calls of its runs stay."""
    await remove_dataset(services(request).database, project.project_id, dataset)
    return Done()


@post(
    f"{ONE}/items",
    status_code=HTTP_201_CREATED,
    request_max_body_size=MOST_BODY_BYTES,
    opt=describes(body=list[ItemForm], example=ITEMS, errors=(404, 409)),
)
async def post_items(request: AnyRequest, project: Project, dataset: FromPath[str]) -> WrittenItems:
    """Make up to 1,000 items, or put them in the place of those with their ids: all or none.

    One item may be sent without the array.
    """
    sent = await body_of(request, ItemForm | list[ItemForm])  # type: ignore[arg-type]
    forms: Sequence[ItemForm] = sent if isinstance(sent, list) else [sent]
    if len(forms) <= MOST_AT_ONCE:
        forms = await known_callers(request, project, forms)
    return await write_items(services(request).database, project.project_id, dataset, forms)


@patch(
    f"{ONE}/items/{{item_id:str}}",
    request_max_body_size=MOST_BODY_BYTES,
    opt=describes(body=ItemChange, example=ITEM_CHANGE, errors=(404, 409)),
)
async def patch_item(
    request: AnyRequest, project: Project, dataset: FromPath[str], item_id: FromPath[str]
) -> Item:
    """Change the fields of an item that are sent, or archive it."""
    change = await body_of(request, ItemChange)
    database = services(request).database
    return await change_item(database, project.project_id, dataset, item_id, change)


@post(
    f"{ONE}/from-calls",
    status_code=HTTP_201_CREATED,
    opt={
        **takes(TraceQuery, CallsQuery, prefix=(METADATA, ATTRIBUTE, RESOURCE)),
        **describes(errors=(404, 409)),
    },
)
async def copy_calls(request: AnyRequest, project: Project, dataset: FromPath[str]) -> CopiedItems:
    """Make items of calls: what the newest were asked and answered, narrowed as `GET traces` is."""
    found = await items_of_calls(request, project)
    database = services(request).database
    made = await write_items(database, project.project_id, dataset, found.items)
    return CopiedItems(made.version, made.ids, made.changed, found.left_out)


HANDLERS = (post_dataset, patch_dataset, delete_dataset, post_items, patch_item, copy_calls)
