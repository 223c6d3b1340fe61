"""The pages of datasets: all of them, one with its runs and items, and one item. Members write."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response.redirect import Redirect
from msgspec import Raw

from api.auth import AnyRequest, services
from api.llm.dataset_calls import known_callers
from api.llm.dataset_changes import MOST_BODY_BYTES
from api.llm.dataset_files import read_items
from api.llm.experiments import experiments
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.llm.dataset_snippets import dataset_snippets
from api.pages.render import address_of, page
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from controlplane.failures import BadRequest, Conflict, ControlPlaneError
from controlplane.llm.dataset_items import Asked, change_item, find_item, list_items, write_items
from controlplane.llm.datasets import (
    add_dataset,
    change_dataset,
    find_dataset,
    list_datasets,
    remove_dataset,
)
from schemas.llm.datasets import (
    MOST_AT_ONCE,
    DatasetChange,
    DatasetForm,
    Item,
    ItemChange,
    ItemForm,
)

DATASETS = "/llm/datasets"
ONE = f"{DATASETS}/{{dataset:str}}"
ITEM = f"{ONE}/items/{{item_id:str}}"
SHOWN = 50
"""Items, and runs, of one page."""
MOST_CHOICES = 200
"""Runs that are offered to be compared."""
FIELDS = {
    name: name.removeprefix("[0].")
    for name in ("name", "description", "[0].input", "[0].expected_output", "[0].metadata")
}
"""By how a message of what is wrong begins, the field of the form."""


@get(DATASETS, include_in_schema=False)
async def datasets_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the datasets, and a form to make one."""
    return await _all_shown(request, viewer)


@post(DATASETS, include_in_schema=False, status_code=200)
async def make_dataset(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a dataset."""
    fields = await fields_of(request)
    form = DatasetForm(
        name=fields.get("name", "").strip(), description=fields.get("description", "").strip()
    )
    try:
        await add_dataset(services(request).database, viewer.project.project_id, form)
    except (BadRequest, Conflict) as error:
        return await _all_shown(request, viewer, fields=fields, problem=problem_of(error, FIELDS))
    return _to(request, f"/{form.name}")


@get(ONE, include_in_schema=False)
async def dataset_page(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str]
) -> Response[str]:
    """Show one dataset: its runs, its items, and how to add to it."""
    return await _shown(request, viewer, dataset)


@post(ONE, include_in_schema=False, status_code=200)
async def describe_dataset(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str]
) -> Response[Any]:
    """Change what is said of a dataset."""
    change = DatasetChange(description=(await fields_of(request)).get("description", "").strip())
    database, project_id = services(request).database, viewer.project.project_id
    try:
        await change_dataset(database, project_id, dataset, change)
    except BadRequest as error:
        return await _shown(request, viewer, dataset, problem=problem_of(error, FIELDS))
    return _to(request, f"/{dataset}")


@post(
    f"{ONE}/items",
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MOST_BODY_BYTES,
)
async def upload_items(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str]
) -> Response[Any]:
    """Take a file of items: JSON lines, or CSV."""
    sent = (await request.form()).get("file")
    if not isinstance(sent, UploadFile):
        raise BadRequest("The form must be sent as multipart/form-data, with a file")
    content, name = await sent.read(), sent.filename
    database, project_id = services(request).database, viewer.project.project_id
    try:
        forms = await known_callers(request, viewer.project, read_items(content, name))
        for first in range(0, len(forms), MOST_AT_ONCE):
            some = forms[first : first + MOST_AT_ONCE]
            await write_items(database, project_id, dataset, some)
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, dataset, problem=Problem(error.message, "file"))
    return _to(request, f"/{dataset}")


@post(f"{ONE}/remove", include_in_schema=False, status_code=200)
async def unmake_dataset(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str]
) -> Response[Any]:
    """Remove a dataset, whose name the form repeats."""
    if await typed_word(request) != dataset:
        problem = Problem(f"Nothing was removed: type the name, {dataset}, to remove it.")
        return await _shown(request, viewer, dataset, problem=problem)
    await remove_dataset(services(request).database, viewer.project.project_id, dataset)
    return _to(request)


@get(ITEM, include_in_schema=False)
async def item_page(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str], item_id: FromPath[str]
) -> Response[str]:
    """Show one item, to change."""
    item = await _item(request, viewer, dataset, item_id)
    return await _item_shown(request, dataset, item)


@post(ITEM, include_in_schema=False, status_code=200, request_max_body_size=MOST_BODY_BYTES)
async def alter_item(
    request: AnyRequest, viewer: Viewed, dataset: FromPath[str], item_id: FromPath[str]
) -> Response[Any]:
    """Change an item to what the form says; each request makes a version."""
    fields = await fields_of(request)
    database, project_id = services(request).database, viewer.project.project_id
    try:
        change = ItemChange(
            input=json_in(fields.get("input", ""), "input"),
            expected_output=json_in(fields.get("expected_output", "") or "null", "expected_output"),
            metadata=msgspec.convert(
                msgspec.json.decode(json_in(fields.get("metadata", "") or "{}", "metadata")),
                dict[str, Any],
            ),
            archived="archived" in fields,
        )
        await change_item(database, project_id, dataset, item_id, change)
    except (BadRequest, Conflict, msgspec.ValidationError) as error:
        item = await _item(request, viewer, dataset, item_id)
        return await _item_shown(
            request, dataset, item, fields=fields, problem=problem_in_item(error)
        )
    return _to(request, f"/{dataset}")


HANDLERS = (
    *(datasets_page, make_dataset, dataset_page, describe_dataset),
    *(upload_items, unmake_dataset, item_page, alter_item),
)


def json_in(text: str, field: str) -> Raw:
    """Returns a field that holds JSON, or else a text as JSON; raises `BadRequest` for NULs."""
    if "\0" in text:
        raise BadRequest(f"[0].{field}: expected a text")
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        if field == "metadata":
            raise BadRequest("[0].metadata: expected a JSON object") from None
        return Raw(msgspec.json.encode(text))
    return Raw(text.encode())


def problem_in_item(error: ControlPlaneError | msgspec.ValidationError) -> Problem:
    """Returns what is wrong with the form of an item."""
    if isinstance(error, msgspec.ValidationError):
        return Problem("Expected a JSON object", "metadata")
    return problem_of(error, FIELDS)


async def _all_shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    found = await list_datasets(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "llm/datasets.html",
        status_code=400 if problem else 200,
        datasets=found,
        fields=fields or {},
        problem=problem,
        snippets=[] if found else await dataset_snippets(request, viewer),
    )


async def _shown(
    request: AnyRequest, viewer: Viewer, name: str, *, problem: Problem | None = None
) -> Response[str]:
    database, project = services(request).database, viewer.project
    dataset = await find_dataset(database, project.project_id, name)
    values = values_of(request)
    after = _place(values.get("after", ""), -1)
    asked = Asked(archived=values.get("archived") == "1", limit=SHOWN, after=after)
    items = await list_items(database, project.project_id, name, asked)
    first = _place(values.get("runs", ""))
    async with reader_of(request, project).turn() as store:
        found = experiments(request, store, project, name)
        names = await found.run_names()
        runs = await found.runs_of(names[first : first + SHOWN])
    return await page(
        request,
        "llm/dataset.html",
        status_code=400 if problem else 200,
        dataset=dataset,
        items=[(one, cut(one.input), cut(one.expected_output)) for one in items.items],
        next_cursor=items.next_cursor,
        is_first=after < 0,
        runs=runs,
        first_run=first,
        following_runs=first + SHOWN if first + SHOWN < len(names) else None,
        run_names=names[:MOST_CHOICES],
        problem=problem,
        made=_place(values["made"]) if "made" in values else None,
        left_out=_place(values.get("left_out", "")),
        snippets=[] if dataset.items else await dataset_snippets(request, viewer, name),
    )


def _place(text: str, usual: int = 0) -> int:
    """Returns a place in a list that an address has; the usual one where it has none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else usual


async def _item(request: AnyRequest, viewer: Viewer, dataset: str, item_id: str) -> Item:
    database, project_id = services(request).database, viewer.project.project_id
    return await find_item(database, project_id, dataset, item_id, Asked())


async def _item_shown(
    request: AnyRequest,
    dataset: str,
    item: Item,
    *,
    fields: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    return await page(
        request,
        "llm/dataset_item.html",
        status_code=400 if problem else 200,
        dataset=dataset,
        item=item,
        fields=item_texts(item) if fields is None else fields,
        problem=problem,
    )


def item_texts(item: Item | ItemForm) -> dict[str, str]:
    """Returns what the form of an item shows."""
    expected = laid_out(item.expected_output)
    details = item.metadata
    encoded = details if isinstance(details, Raw) else Raw(msgspec.json.encode(details))
    return {
        "input": laid_out(item.input),
        "expected_output": "" if expected == "null" else expected,
        "metadata": laid_out(encoded),
        **({"archived": "1"} if item.archived else {}),
    }


def laid_out(raw: Raw) -> str:
    """Returns JSON as people read it."""
    return msgspec.json.format(bytes(raw), indent=2).decode()


def cut(raw: Raw) -> str:
    """Returns how JSON begins; empty for null. A text is shown without its quotes."""
    text = bytes(raw).decode()
    return "" if text == "null" else plain(text)[:300]


def plain(text: str) -> str:
    """Returns JSON as it is shown in a line: a text without its quotes, also where it is cut."""
    if not text.startswith('"'):
        return text
    for whole in (text, f'{text}"'):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(whole, type=str)
    return text


def _to(request: AnyRequest, rest: str = "") -> Redirect:
    return Redirect(address_of(request).page(f"llm/datasets{rest}"), status_code=303)
