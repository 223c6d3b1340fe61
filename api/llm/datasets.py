"""Datasets and their items, to read: as they are now, or as they were in a version."""

import re
from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.dates import parse_date
from api.declared import takes
from api.holders import by_token
from api.parameters import Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from controlplane.llm.dataset_items import Asked, find_item, list_items, list_versions
from controlplane.llm.datasets import find_dataset, list_datasets
from schemas.described import describes
from schemas.llm.datasets import Dataset, DatasetList, Item, ItemList, VersionList
from schemas.projects import ProjectContext

ALL = "/datasets"
ONE = f"{ALL}/{{dataset:str}}"
OF_TOKENS = f"/projects/{{project_id:str}}{ALL}"
OF_TOKEN = f"/projects/{{project_id:str}}{ONE}"
NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class ItemQuery(Struct, frozen=True, kw_only=True):
    """Of which version an item is."""

    as_of: Annotated[str, Meta(max_length=100)] | None = None


class ItemsQuery(ItemQuery, frozen=True, kw_only=True):
    """Which items of a dataset."""

    archived: Literal["0", "1"] = "0"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,9}$")] | None = None


@get(ALL, opt=describes(answer=DatasetList))
async def get_datasets(request: AnyRequest, project: Project) -> DatasetList:
    """Answers the datasets of a project, by name."""
    found = await list_datasets(services(request).database, project.project_id)
    return DatasetList(datasets=found)


@get(ONE, opt=describes(answer=Dataset, errors=(404,)))
async def get_dataset(request: AnyRequest, project: Project, dataset: FromPath[str]) -> Dataset:
    """Answers one dataset."""
    return await find_dataset(services(request).database, project.project_id, dataset)


@get(f"{ONE}/versions", opt=describes(answer=VersionList, errors=(404,)))
async def get_versions(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> VersionList:
    """Answers the hundred newest versions of a dataset, the last one first."""
    return await list_versions(services(request).database, project.project_id, dataset)


@get(f"{ONE}/items", opt={**takes(ItemsQuery), **describes(answer=ItemList, errors=(404,))})
async def get_items(
    request: AnyRequest, project: Project, dataset: FromPath[str]
) -> Response[bytes]:
    """Answers the items of a version, in the order in which they were made, in pages.

    A page whose items are large has fewer of them than `limit`.
    """
    query = read(values_of(request), ItemsQuery)
    asked = asked_of(project, query)._replace(
        archived=query.archived == "1",
        limit=query.limit,
        after=-1 if query.cursor is None else int(query.cursor),
    )

    # Of the control plane; the turn bounds how many large answers are made at once.
    async def ask(_: Warehouse) -> ItemList:
        return await list_items(services(request).database, project.project_id, dataset, asked)

    return await one(reader_of(request, project), ask)


@get(f"{ONE}/items/{{item_id:str}}", opt={**takes(ItemQuery), **describes(answer=Item)})
async def get_item(
    request: AnyRequest, project: Project, dataset: FromPath[str], item_id: FromPath[str]
) -> Item:
    """Answers one item as it was in a version."""
    asked = asked_of(project, read(values_of(request), ItemQuery))
    database = services(request).database
    return await find_item(database, project.project_id, dataset, item_id, asked)


def asked_of(project: ProjectContext, query: ItemQuery) -> Asked:
    """Returns which version is asked for. Raises `InvalidParameters`."""
    if query.as_of is None:
        return Asked()
    if NUMBER.fullmatch(query.as_of):
        return Asked(version=int(query.as_of))
    at_us = parse_date(query.as_of, "to", project.time_zone)
    if at_us is None:
        raise invalid("as_of", "Expected the number of a version, or a time")
    return Asked(at_us=at_us)


HANDLERS = (get_datasets, get_dataset, get_versions, get_items, get_item)
BY_TOKEN = (
    by_token(OF_TOKENS, get_datasets),
    by_token(OF_TOKEN, get_dataset),
    by_token(f"{OF_TOKEN}/versions", get_versions),
    by_token(f"{OF_TOKEN}/items", get_items),
    by_token(f"{OF_TOKEN}/items/{{item_id:str}}", get_item),
)
