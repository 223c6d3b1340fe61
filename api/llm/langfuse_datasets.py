"""Datasets as Langfuse's SDKs make, fill and fetch them."""

from typing import Annotated
from uuid import NAMESPACE_OID, uuid5

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, Struct

from api.auth import AnyRequest, services
from api.bodies import body_of
from api.dates import parse_date
from api.declared import takes
from api.llm.dataset_calls import known_callers
from api.parameters import Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from controlplane.failures import Conflict, NotFound
from controlplane.llm.dataset_items import (
    Asked,
    change_item,
    count_items,
    find_item,
    list_items,
    write_items,
)
from controlplane.llm.datasets import (
    add_dataset,
    announce_run,
    change_dataset,
    datasets_with_item,
    find_dataset,
)
from schemas.described import describes
from schemas.llm.datasets import DatasetChange, DatasetForm, Item, ItemChange, RunForm
from schemas.llm.langfuse_datasets import (
    LANGFUSE_DATASET,
    LANGFUSE_ITEM,
    LANGFUSE_RUN_ITEM,
    NULL,
    LangfuseDataset,
    LangfuseDatasetForm,
    LangfuseItem,
    LangfuseItemForm,
    LangfuseItems,
    LangfusePage,
    LangfuseRunItem,
    LangfuseRunItemForm,
    langfuse_dataset,
    langfuse_item,
)
from schemas.projects import ProjectContext
from schemas.times import iso_ms

MOST_BODY_BYTES = 1 << 20
"""Of one item: more than an item may have."""


class LangfuseItemQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which items of a dataset, by the page."""

    dataset_name: Annotated[str, Meta(max_length=100)]
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    version: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="As they were at this time.",
                examples=["2026-12-01T10:00:00Z"],
            ),
        ]
        | None
    ) = None


@post(
    "/v2/datasets",
    status_code=HTTP_200_OK,
    summary="Make a dataset as Langfuse's SDKs do",
    opt=describes(
        body=LangfuseDatasetForm, example=LANGFUSE_DATASET, errors=(400, 409), asks="key"
    ),
)
async def post_langfuse_dataset(request: AnyRequest, project: Project) -> LangfuseDataset:
    """Make a dataset, or change what is sent of the one with its name."""
    form = await body_of(request, LangfuseDatasetForm)
    database = services(request).database
    made = DatasetForm(
        name=form.name, description=form.description or "", metadata=form.metadata or {}
    )
    change = DatasetChange(
        description=UNSET if form.description is None else form.description,
        metadata=UNSET if form.metadata is None else form.metadata,
    )
    # Made first: of two programs that start at once, one makes it and the other finds it.
    try:
        found = await add_dataset(database, project.project_id, made)
    except Conflict as conflict:
        try:
            found = await change_dataset(database, project.project_id, form.name, change)
        except NotFound:  # there are too many
            raise conflict from None
    return langfuse_dataset(found, project.project_id)


@get(
    "/v2/datasets/{dataset:str}",
    summary="Fetch a dataset as Langfuse's SDKs do",
    opt={**takes(), **describes(answer=LangfuseDataset, errors=(404,), asks="key")},
)
async def get_langfuse_dataset(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> LangfuseDataset:
    """Answers one dataset in the form of Langfuse; its id is its name."""
    found = await find_dataset(services(request).database, project.project_id, dataset)
    return langfuse_dataset(found, project.project_id)


@post(
    "/dataset-items",
    status_code=HTTP_200_OK,
    summary="Make an item of a dataset as Langfuse's SDKs do",
    request_max_body_size=MOST_BODY_BYTES,
    opt=describes(body=LangfuseItemForm, example=LANGFUSE_ITEM, errors=(400, 404, 409), asks="key"),
)
async def post_langfuse_item(request: AnyRequest, project: Project) -> LangfuseItem:
    """Make an item, or put it in the place of the one with its id.

    Without an input, what else is sent of an item is changed: so one is archived.
    """
    form = await body_of(request, LangfuseItemForm)
    if form.id and bytes(form.input) == NULL:
        return langfuse_item(await _changed(request, project, form), form.dataset_name)
    database = services(request).database
    forms = await known_callers(request, project, [form.of_ours()])
    made = await write_items(database, project.project_id, form.dataset_name, forms)
    found = await find_item(
        database, project.project_id, form.dataset_name, made.ids[0], Asked(version=made.version)
    )
    return langfuse_item(found, form.dataset_name)


@get(
    "/dataset-items",
    summary="Fetch the items of a dataset as Langfuse's SDKs do",
    opt={
        **takes(LangfuseItemQuery),
        **describes(answer=LangfuseItems, errors=(404,), asks="key"),
    },
)
async def get_langfuse_items(request: AnyRequest, project: Project) -> Response[bytes]:
    """Answers a page of the items that are not archived, as they are or were at a time."""
    query = read(values_of(request), LangfuseItemQuery)
    at_us = None if query.version is None else parse_date(query.version, "to")
    if query.version is not None and at_us is None:
        raise invalid("version", "Expected a time")

    # Of the control plane; the turn bounds how many large answers are made at once.
    async def ask(_: Warehouse) -> LangfuseItems:
        return await _page(request, project, query, at_us)

    return await one(reader_of(request, project), ask)


@post(
    "/dataset-run-items",
    status_code=HTTP_200_OK,
    summary="Announce a run of a dataset as Langfuse's SDKs do",
    opt=describes(
        body=LangfuseRunItemForm, example=LANGFUSE_RUN_ITEM, errors=(400, 404, 409), asks="key"
    ),
)
async def post_langfuse_run_item(request: AnyRequest, project: Project) -> LangfuseRunItem:
    """Note the run that an item was asked in. Which calls are of it, their spans say."""
    form = await body_of(request, LangfuseRunItemForm)
    database = services(request).database
    found = await datasets_with_item(database, project.project_id, form.dataset_item_id)
    if not found:
        raise NotFound("Item not found")
    if len(found) > 1:
        rule = "give items ids that no other dataset has, or announce the run at /v1/datasets"
        raise Conflict(f"There are several datasets with an item of this id: {rule}")
    run = RunForm(
        name=form.run_name, description=form.run_description or "", metadata=form.metadata or {}
    )
    known = await announce_run(database, project.project_id, found[0], run)
    at = iso_ms(known.created_us)
    return LangfuseRunItem(
        id=str(uuid5(NAMESPACE_OID, repr((known.name, form.dataset_item_id, form.trace_id)))),
        dataset_run_id=known.name,
        dataset_run_name=known.name,
        dataset_item_id=form.dataset_item_id,
        trace_id=form.trace_id or "",
        observation_id=form.observation_id,
        created_at=at,
        updated_at=at,
    )


LANGFUSE = (
    *(post_langfuse_dataset, get_langfuse_dataset, post_langfuse_item),
    *(get_langfuse_items, post_langfuse_run_item),
)


async def _changed(request: AnyRequest, project: ProjectContext, form: LangfuseItemForm) -> Item:
    is_expected = bytes(form.expected_output) != NULL
    change = ItemChange(
        expected_output=form.expected_output if is_expected else UNSET,
        metadata=UNSET if form.metadata is None else form.metadata,
        archived=UNSET if form.status is None else form.status == "ARCHIVED",
    )
    return await change_item(
        services(request).database, project.project_id, form.dataset_name, form.id or "", change
    )


async def _page(
    request: AnyRequest, project: ProjectContext, query: LangfuseItemQuery, at_us: int | None
) -> LangfuseItems:
    database, name = services(request).database, query.dataset_name
    asked = Asked(at_us=at_us, limit=query.limit, skipped=(query.page - 1) * query.limit)
    found = await list_items(database, project.project_id, name, asked)
    items = list(found.items)
    # A part is cut where its items are large; a page of Langfuse is not.
    while found.next_cursor is not None and len(items) < query.limit:
        rest = Asked(
            version=found.version, limit=query.limit - len(items), after=int(found.next_cursor)
        )
        found = await list_items(database, project.project_id, name, rest)
        items.extend(found.items)
    counts = await count_items(database, project.project_id, name, [found.version])
    total = counts[found.version]
    meta = LangfusePage(
        page=query.page,
        limit=query.limit,
        total_items=total,
        total_pages=-(-total // query.limit),
    )
    return LangfuseItems(data=[langfuse_item(item, name) for item in items], meta=meta)
