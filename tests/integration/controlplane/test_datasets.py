"""Datasets: items in versions, their bounds, and what is left of a person, on both databases."""

from typing import Any

import pytest
from msgspec import Raw, json

from controlplane.accounts import SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.llm import dataset_erasing, dataset_items, datasets
from controlplane.llm.dataset_erasing import (
    Sources,
    erase_items,
    find_items,
    list_sources,
    read_rows,
)
from controlplane.llm.dataset_items import (
    Asked,
    change_item,
    count_items,
    find_item,
    list_items,
    list_versions,
    read_texts,
    version_at,
    write_items,
)
from controlplane.llm.datasets import (
    add_dataset,
    announce_run,
    change_dataset,
    find_dataset,
    list_datasets,
    list_known_runs,
    remove_dataset,
)
from controlplane.projects import create_project
from schemas.llm.datasets import DatasetChange, DatasetForm, ItemChange, ItemForm, ItemList, RunForm
from schemas.projects import ProjectId


async def new_project(database: Database, vault: Vault, email: str) -> ProjectId:
    person = await sign_up(database, vault, SignUp("Ann", email, "correct horse", "One"))
    return (await create_project(database, vault, person.user_id, "Shop")).project_id


@pytest.fixture
async def project_id(database: Database, vault: Vault) -> ProjectId:
    return await new_project(database, vault, "ann@example.com")


@pytest.fixture
async def own(database: Database, project_id: ProjectId) -> ProjectId:
    """The same project, with a dataset `d`."""
    await add_dataset(database, project_id, DatasetForm(name="d"))
    return project_id


def item(item_id: str, value: Any = 1, **fields: Any) -> ItemForm:
    return ItemForm(id=item_id, input=Raw(json.encode(value)), **fields)


def shown(found: ItemList) -> list[tuple[str, Any]]:
    return [(one.id, json.decode(one.input)) for one in found.items]


async def test_a_bad_name_is_rejected(database: Database, project_id: ProjectId) -> None:
    for name in ("", "a b", "a/b", "-a", "é", "a" * 101):
        with pytest.raises(BadRequest, match="name"):
            await add_dataset(database, project_id, DatasetForm(name=name))


WRONG = (
    ({"id": "a b"}, r"\[0\]\.id"),
    ({"id": ".."}, r"\[0\]\.id"),
    ({"input": Raw(b"null")}, r"\[0\]\.input"),
    ({"input": Raw(b"1e400")}, r"\[0\]\.input"),
    ({"expected_output": Raw(b"[1e400]")}, r"\[0\]\.expected_output"),
    ({"input": Raw(b'"' + b"x" * (256 << 10) + b'"')}, r"\[0\]\.input"),
    ({"metadata": {"a": "x" * (16 << 10)}}, r"\[0\]\.metadata"),
    ({"trace_id": "x" * 201}, r"\[0\]\.trace_id"),
    ({"user_id": "x" * 513}, r"\[0\]\.user_id"),
    ({"session_id": "a\0"}, r"\[0\]\.session_id"),
)


async def test_a_bad_item_is_rejected_with_its_number_and_field_and_nothing_is_written(
    database: Database, own: ProjectId
) -> None:
    for wrong, field in WRONG:
        made = ItemForm(**({"input": Raw(b"1")} | wrong))
        with pytest.raises(BadRequest, match=field):
            await write_items(database, own, "d", [made, item("fine")])

    assert (await find_dataset(database, own, "d")).version == 0


async def test_there_is_one_dataset_of_a_name_and_none_of_another_project(
    database: Database, own: ProjectId, vault: Vault
) -> None:
    other = await new_project(database, vault, "bob@example.com")

    with pytest.raises(Conflict):
        await add_dataset(database, own, DatasetForm(name="d"))
    with pytest.raises(NotFound):
        await write_items(database, other, "d", [item("a")])
    with pytest.raises(NotFound):
        await list_items(database, other, "d", Asked())
    assert await list_datasets(database, other) == []


async def test_each_request_that_changes_an_item_makes_a_version_that_can_be_read(
    database: Database, own: ProjectId
) -> None:
    first = await write_items(database, own, "d", [item("a"), item("b"), item("a", 2)])
    same = await write_items(database, own, "d", [item("a", 2)])
    await write_items(database, own, "d", [item("c"), item("a", {"q": "é"})])
    archived = await change_item(database, own, "d", "b", ItemChange(archived=True))

    assert (first.version, first.ids, first.changed) == (1, ["a", "b", "a"], 2)
    assert (same.version, same.changed) == (1, 0)
    assert (archived.version, archived.archived) == (3, True)
    assert shown(await list_items(database, own, "d", Asked(version=0))) == []
    assert shown(await list_items(database, own, "d", Asked(version=1))) == [("a", 2), ("b", 1)]
    now = [("a", {"q": "é"}), ("c", 1)]
    assert shown(await list_items(database, own, "d", Asked())) == now
    every = await list_items(database, own, "d", Asked(archived=True))
    assert [one.id for one in every.items] == ["a", "b", "c"]
    versions = (await list_versions(database, own, "d")).versions
    assert [(one.version, one.changed) for one in versions] == [(3, 1), (2, 2), (1, 2)]
    with pytest.raises(NotFound, match="newest is 3"):
        await list_items(database, own, "d", Asked(version=4))


async def test_a_change_leaves_what_is_not_given_as_it_is(
    database: Database, own: ProjectId
) -> None:
    given = item("a", expected_output=Raw(b' { "x" : 1 } '), metadata={"k": 1}, trace_id="T")
    await write_items(database, own, "d", [given])

    changed = await change_item(database, own, "d", "a", ItemChange(input=Raw(b"2")))

    assert bytes(changed.expected_output) == b'{"x":1}'
    assert (bytes(changed.metadata), changed.trace_id) == (b'{"k":1}', "T")
    before = await find_item(database, own, "d", "a", Asked(version=1))
    assert bytes(before.input) == b"1"
    with pytest.raises(NotFound):
        await change_item(database, own, "d", "none", ItemChange())


async def test_a_version_is_found_by_its_time(
    database: Database, own: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_s in (10, 20):
        monkeypatch.setattr(dataset_items.time, "time_ns", lambda at=at_s: at * 10**9)
        await write_items(database, own, "d", [item("a", at_s)])

    found = [await version_at(database, own, "d", at_s * 10**6) for at_s in (9, 10, 19, 20)]

    assert found == [1, 1, 1, 2]


async def test_pages_go_on_where_the_one_before_ended_and_bear_few_bytes(
    database: Database, own: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_items(database, own, "d", [item(f"i{n:04}", n) for n in range(1_000)])

    first = await list_items(database, own, "d", Asked(limit=600))
    assert first.next_cursor is not None
    second = await list_items(database, own, "d", Asked(limit=600, after=int(first.next_cursor)))
    monkeypatch.setattr(dataset_items, "PAGE_BYTES", 30)
    small = await list_items(database, own, "d", Asked(limit=600))

    assert [one.id for one in (*first.items, *second.items)] == [f"i{n:04}" for n in range(1_000)]
    assert second.next_cursor is None
    assert [one.id for one in small.items] == ["i0000", "i0001", "i0002", "i0003"]
    found = await read_texts(database, own, "d", ["i0007", "none"], 1)
    assert found == {"i0007": ("7", "null")}


@pytest.mark.parametrize(
    "bound",
    [
        ("MOST_ITEMS", 2, "at most 2 items"),
        ("MOST_REVISIONS", 2, "at most 2 changes"),
        ("MOST_BYTES", 5, "at most 0 MiB"),
    ],
)
async def test_beyond_a_bound_nothing_more_is_taken(
    database: Database, own: ProjectId, monkeypatch: pytest.MonkeyPatch, bound: tuple[str, int, str]
) -> None:
    await write_items(database, own, "d", [item("a")])
    name, most, says = bound
    monkeypatch.setattr(dataset_items, name, most)

    with pytest.raises(Conflict, match=says):
        await write_items(database, own, "d", [item("b"), item("c")])
    assert (await find_dataset(database, own, "d")).version == 1


async def test_too_many_datasets_runs_and_items_of_a_request_are_rejected(
    database: Database, own: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "MOST_DATASETS", 1)
    monkeypatch.setattr(datasets, "MOST_RUNS", 1)
    await announce_run(database, own, "d", RunForm(name="one"))

    with pytest.raises(Conflict):
        await add_dataset(database, own, DatasetForm(name="e"))
    with pytest.raises(Conflict):
        await announce_run(database, own, "d", RunForm(name="two"))
    with pytest.raises(BadRequest, match="at most 1000"):
        await write_items(database, own, "d", [item(f"i{n}") for n in range(1_001)])


async def test_a_run_that_is_announced_keeps_the_version_of_then(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a")])
    await announce_run(database, own, "d", RunForm(name="r / 1"))
    await write_items(database, own, "d", [item("b")])
    await announce_run(database, own, "d", RunForm(name="r / 1", description="better"))

    (run,) = await list_known_runs(database, own, "d")

    assert (run.name, run.version, run.description) == ("r / 1", 1, "better")


async def test_a_dataset_is_changed_and_removed_with_all_it_has(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a")])
    await announce_run(database, own, "d", RunForm(name="r"))

    changed = await change_dataset(database, own, "d", DatasetChange(metadata={"a": 1}))
    await remove_dataset(database, own, "d")

    assert (bytes(changed.metadata), changed.items, changed.description) == (b'{"a":1}', 1, "")
    assert await list_datasets(database, own) == []
    await add_dataset(database, own, DatasetForm(name="d"))
    assert (await list_items(database, own, "d", Asked(archived=True))).items == []
    assert await list_known_runs(database, own, "d") == []


async def test_items_of_an_erased_person_leave_every_version(
    database: Database, own: ProjectId, vault: Vault
) -> None:
    await write_items(
        database,
        own,
        "d",
        [
            item("made", trace_id="t1"),
            item("named", metadata={"userId": "ann"}),
            item("other", trace_id="t2", metadata={"userId": "anna", "user": "ann"}),
            item("known", user_id="ann"),
            item("session", session_id="s1"),
        ],
    )
    await write_items(database, own, "d", [item("made", "now of nobody")])

    (found,) = [part async for part in list_sources(database, own)]
    assert (found.calls, found.sessions) == (["t1", "t2"], ["s1"])
    theirs = Sources(["t1"], ["s1"])
    keys = await find_items(database, own, "ann", theirs)
    rows = [row async for row in read_rows(database, keys)]
    assert [(row["id"], row["version"]) for row in rows] == [
        *(("known", 1), ("made", 1), ("made", 2), ("named", 1), ("session", 1))
    ]
    assert (rows[0]["dataset"], rows[0]["user_id"], rows[0]["input"]) == ("d", "ann", Raw(b"1"))
    for _ in range(2):
        await erase_items(database, own, "ann", theirs)

    for version in (1, 2):
        left = await list_items(database, own, "d", Asked(version=version))
        assert [one.id for one in left.items] == ["other"]
    assert (await find_dataset(database, own, "d")).version == 2
    assert await find_items(database, own, "ann", theirs) == []


async def test_what_items_are_of_is_read_in_parts(
    database: Database, own: ProjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_erasing, "SOURCES_AT_ONCE", 2)
    await add_dataset(database, own, DatasetForm(name="e"))
    for dataset in ("d", "e"):
        await write_items(
            database,
            own,
            dataset,
            [item(f"i{n}", trace_id=f"{dataset}{n}", session_id=f"s{n}") for n in range(4)],
        )
        await write_items(database, own, dataset, [item("i1", 2, trace_id=f"{dataset}9")])

    parts = [part async for part in list_sources(database, own)]

    assert all(len(part.calls) <= 2 and len(part.sessions) <= 2 for part in parts)
    assert {call for part in parts for call in part.calls} == {
        f"{dataset}{n}" for dataset in "de" for n in (0, 1, 2, 3, 9)
    }
    assert {one for part in parts for one in part.sessions} == {f"s{n}" for n in range(4)}


async def test_whom_an_item_is_of_stays_until_it_is_said_otherwise(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a", user_id="ann", session_id="s")])

    changed = await change_item(database, own, "d", "a", ItemChange(input=Raw(b"2")))
    other = await change_item(database, own, "d", "a", ItemChange(user_id="bob"))

    assert (changed.user_id, changed.session_id) == ("ann", "s")
    assert (other.user_id, other.session_id, other.version) == ("bob", "s", 3)
    (one, *_) = await find_items(database, own, "ann", Sources((), ()))
    assert (one.item_id, one.since) == ("a", 1)  # what a version said counts


async def test_an_item_that_is_sent_again_when_its_call_is_gone_is_as_it_was(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a", trace_id="t", user_id="ann", session_id="s")])

    again = await write_items(database, own, "d", [item("a", trace_id="t"), item("b")])
    edited = await write_items(database, own, "d", [item("a", 2, trace_id="t")])
    other = await write_items(database, own, "d", [item("a", 2, trace_id="u")])

    assert (again.changed, edited.changed, other.changed) == (1, 1, 1)
    said = [await find_item(database, own, "d", "a", Asked(version=n)) for n in (2, 3, 4)]
    assert [(one.user_id, one.version) for one in said] == [("ann", 1), ("ann", 3), (None, 4)]


async def test_what_calls_and_addresses_say_may_be_no_name_at_all(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a")])

    for strange in ("a\0", "\udc80", "a/b", ""):
        with pytest.raises(NotFound):
            await find_item(database, own, strange, "a", Asked())
        with pytest.raises(NotFound):
            await find_item(database, own, "d", strange, Asked())
        assert list(await read_texts(database, own, "d", ["a", strange], 1)) == ["a"]


async def test_items_of_many_versions_are_counted_at_once(
    database: Database, own: ProjectId
) -> None:
    await write_items(database, own, "d", [item("a"), item("b")])
    await write_items(database, own, "d", [item("c"), item("a", 2)])
    await write_items(database, own, "d", [item("b", archived=True)])
    await write_items(database, own, "d", [item("b", 3)])

    counts = await count_items(database, own, "d", {0, 1, 2, 3, 4})

    assert counts == {0: 0, 1: 2, 2: 3, 3: 2, 4: 3}
