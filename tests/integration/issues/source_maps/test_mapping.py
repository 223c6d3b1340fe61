import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from msgspec import Raw

from controlplane.database import Database
from controlplane.errors.source_maps.bundles import drop_bundle, list_bundles
from processors.columns import SentChunk
from processors.errors.grouping.groups import group_of
from processors.errors.masking.mask import mask
from processors.errors.source_maps.explaining import Stored, explain_frames
from processors.errors.source_maps.mapping import SourceMaps
from processors.errors.steps import Meaning, steps
from schemas.errors.event import ErrorEvent, Frame, event_decoder
from schemas.errors.grouping import DEFAULT_CONFIG
from schemas.errors.masking import MaskRules, OwnPattern
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.errors.source_maps import EventMapping
from schemas.kinds import ERROR
from schemas.projects import ProjectId
from tests.integration.issues.seen import make_project
from tests.integration.issues.source_maps.uploading import (
    DEBUG_ID,
    SCRIPT,
    SOURCE_MAP,
    bundle_of,
    cli_of,
    node_event,
    shop_bundle,
)

RULES = MaskRules()


def meaning_of(_: ProjectId, rules: MaskRules = RULES) -> Meaning:
    return Meaning(partial(mask, rules=rules), partial(group_of, config=DEFAULT_CONFIG))


async def stored(
    maps: SourceMaps,
    project: ProjectId,
    event: Mapping[str, Any],
    rules: MaskRules = RULES,
) -> ErrorEvent:
    """Returns an event as the stream stores it."""
    step = steps(lambda: partial(meaning_of, rules=rules), mapper=maps)[ERROR.name]
    body = encode_sent(SentItem("sentry", Head(), Raw(json.dumps(event).encode())))
    sent = [SentChunk(project, time.time_ns() // 1000, [body], ["5" * 32])]
    ready = step.prepare(sent)
    columns = (step.build if ready is None else await ready)(sent)
    assert not columns.dead
    (kept,) = columns.tables["errors"].arrays["body"].to_pylist()
    return event_decoder.decode(kept)


@pytest.fixture
async def maps(database: Database) -> SourceMaps:
    return SourceMaps(database)


def shop_frames(event: ErrorEvent) -> tuple[Frame, ...]:
    return event.exceptions[0].frames[-4:]


def browser_event(release: str = "", dist: str = "", file: str = "") -> dict[str, Any]:
    frame = {"filename": file, "abs_path": file, "function": "d", "lineno": 3, "colno": 552}
    given = {"platform": "javascript", "release": release, "dist": dist}
    thrown = {"type": "RangeError", "stacktrace": {"frames": [{**frame, "in_app": True}]}}
    return {**given, "exception": {"values": [thrown]}}


async def why(
    database: Database, maps: SourceMaps, project: ProjectId, event: ErrorEvent, at_us: int = 0
) -> EventMapping:
    given = Stored(event, at_us or time.time_ns() // 1000, mask)
    return (await explain_frames(database, maps, project, given)).mapping


class TestFrames:
    async def test_a_node_event_is_mapped_by_its_debug_id(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()

        event = await stored(maps, project, node_event())

        shown = [(one.filename, one.function, one.lineno) for one in shop_frames(event)]
        assert shown == [
            ("src/main.ts", "buy", 7),
            ("src/cart.ts", "Cart.checkout", 11),
            ("src/prices.ts", "totalOf", 9),
            ("src/prices.ts", "withTax", 16),
        ]
        last = shop_frames(event)[-1]
        assert (
            last.context_line
            == "    throw new RangeError(`the price of ${item.name} is negative`);"
        )
        assert (last.pre_context[-1], last.post_context[0]) == ("  if (item.price < 0) {", "  }")
        assert last.in_app is True
        came = last.original
        assert came is not None
        assert (came.filename, came.function, came.lineno, came.colno, came.by) == (
            *("/srv/shop/app.js", "d", 3, 552),
            DEBUG_ID,
        )
        first = event.exceptions[0].frames[0]
        assert (first.filename, first.original) == ("node:internal/modules/run_main", None)

    async def test_grouping_sees_the_source(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()
        minified = await stored(maps, await make_project(database), node_event())
        mapped = await stored(maps, project, node_event())

        groups = [group_of(one, DEFAULT_CONFIG) for one in (minified, mapped)]

        assert groups[0].fingerprint != groups[1].fingerprint
        assert groups[1].culprit == "src/prices.ts in withTax"

    async def test_a_browser_event_is_mapped_by_its_release_and_address(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        files = {
            "~/static/app.js": ("minified_source", SCRIPT, {"sourcemap": "maps/app.js.map"}),
            "~/static/maps/app.js.map": ("source_map", SOURCE_MAP, {}),
        }
        await (await cli_of(database, project)).upload(bundle_of(files), version="1.2", dist="b")
        await maps.refresh()
        url = "https://shop.example.com/static/app.js?v=3"

        event = await stored(maps, project, browser_event("1.2", "b", url))
        other = await stored(maps, project, browser_event("1.2", "", url))

        (frame,) = event.exceptions[0].frames
        assert (frame.filename, frame.lineno) == ("src/prices.ts", 16)
        assert other.exceptions[0].frames[0].original is None

    async def test_lines_of_source_are_masked_as_what_is_sent(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()
        rules = MaskRules(own_patterns=(OwnPattern("fruit", "pear"),))

        plain = await stored(maps, project, node_event())
        masked = await stored(maps, project, node_event(), rules)

        assert any("pear" in line for line in shop_frames(plain)[0].pre_context)
        assert not any("pear" in line for line in shop_frames(masked)[0].pre_context)
        assert shop_frames(masked)[0].filename == "src/main.ts"

    async def test_a_map_of_another_project_maps_nothing(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        other = await make_project(database)
        await (await cli_of(database, other)).upload(shop_bundle())
        own = shop_bundle(f"9{DEBUG_ID[1:]}")  # so that it is looked up at all
        await (await cli_of(database, project)).upload(own)
        await maps.refresh()

        event = await stored(maps, project, node_event())

        assert all(one.original is None for one in shop_frames(event))

    @pytest.mark.parametrize("broken", [b"{", b"[]", b'{"version":3}', b"\xff\x00" * 99])
    async def test_a_broken_map_leaves_the_event_as_it_came(
        self, database: Database, project: ProjectId, maps: SourceMaps, broken: bytes
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle(source_map=broken))
        await maps.refresh()

        event = await stored(maps, project, node_event())

        assert [one.function for one in shop_frames(event)] == ["a", "m.checkout", "c", "d"]

    async def test_a_position_outside_the_script_is_no_position(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()
        sent = node_event()
        frames = sent["exception"]["values"][0]["stacktrace"]["frames"]
        frames[-1] |= {"colno": 2**40}
        frames[-2] |= {"colno": 99_999}
        frames[-3] |= {"lineno": 4_000}

        event = await stored(maps, project, sent)

        assert [one.original is None for one in shop_frames(event)] == [False, True, True, True]

    async def test_a_small_cache_changes_nothing_but_speed(
        self, database: Database, project: ProjectId
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        small = SourceMaps(database, most_bytes=1)
        await small.refresh()

        events = [await stored(small, project, node_event()) for _ in range(2)]

        assert events[0].exceptions == events[1].exceptions
        assert shop_frames(events[1])[-1].function == "withTax"

    async def test_what_is_uploaded_after_a_look_up_is_found_with_the_next_refresh(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        cli = await cli_of(database, project)
        await cli.upload(shop_bundle(f"9{DEBUG_ID[1:]}"))
        await maps.refresh()
        before = await stored(maps, project, node_event())
        await cli.upload(shop_bundle())

        await maps.refresh()
        after = await stored(maps, project, node_event())

        assert shop_frames(before)[-1].original is None
        assert shop_frames(after)[-1].original is not None

    async def test_a_use_is_noted(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()

        await stored(maps, project, node_event())

        (bundle,) = await list_bundles(database, project)
        assert bundle.used_us is not None


class TestWhy:
    async def test_each_missing_piece_is_named(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        event = await stored(maps, project, node_event())
        nothing = await why(database, maps, project, event)
        cli = await cli_of(database, project)
        script = {"~/app.js": ("minified_source", SCRIPT, {"debug-id": DEBUG_ID})}
        await cli.upload(bundle_of(script))
        no_map = await why(database, maps, project, event)
        await cli.upload(shop_bundle(source_map=b"{"))
        broken = await why(database, maps, project, event)
        for one in await list_bundles(database, project):
            await drop_bundle(database, project, one.id)
        await cli.upload(shop_bundle())
        came_us = time.time_ns() // 1000 - 60_000_000
        late = await why(database, maps, project, event, came_us)

        reasons = [one.frames[0].reason for one in (nothing, no_map, broken, late)]
        assert reasons[0] == (
            f"Nothing with the debug id {DEBUG_ID} is uploaded to this project."
            " The project has no source maps at all."
        )
        assert "no source map with it" in reasons[1]
        assert "cannot be read" in reasons[2]
        assert "after this event" in reasons[3]
        assert (late.mapped_later, late.not_mapped) == (True, 4)
        readable = [one.reason for one in late.frames if one.state == "readable"]
        assert readable[0] == "Its sender gave the source, and no debug id."
        assert "runtime" in readable[1]

    async def test_a_mapped_frame_says_by_what(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        await (await cli_of(database, project)).upload(shop_bundle())
        await maps.refresh()
        event = await stored(maps, project, node_event())

        told = await why(database, maps, project, event)

        assert (told.mapped, told.not_mapped, told.mapped_later) == (4, 0, False)
        frame = told.frames[0]
        assert (frame.state, frame.reason) == ("mapped", f"Mapped by {DEBUG_ID}.")
        assert (frame.file, frame.line, frame.column) == ("/srv/shop/app.js", 3, 552)

    async def test_of_a_release_the_nearest_names_are_told(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        files = {
            "~/static/app.js": ("minified_source", SCRIPT, {"sourcemap": "app.js.map"}),
            "~/static/other.js": ("minified_source", b"1", {"sourcemap": "gone.js.map"}),
            "~/static/app.js.map": ("source_map", SOURCE_MAP, {}),
        }
        await (await cli_of(database, project)).upload(bundle_of(files), version="2", dist="x")
        base = "https://shop.example.com"
        asked = [
            browser_event("", "", f"{base}/app.js"),
            browser_event("1", "", f"{base}/app.js"),
            browser_event("2", "", f"{base}/app.js"),
            browser_event("2", "x", f"{base}/app.js"),
            browser_event("2", "x", f"{base}/static/other.js"),
        ]

        reasons = []
        for one in asked:
            event = await stored(maps, project, one)
            reasons.append((await why(database, maps, project, event)).frames[0].reason)

        assert reasons == [
            "The event has no debug id for this file, and no release.",
            "The event has no debug id for this file, and release '1' has no source maps."
            " Releases with source maps: '2'.",
            "The event has no debug id for this file, and release '2' has files for dist 'x' alone;"
            " the event has no dist.",
            "The event has no debug id for this file, and release '2' has no ~/app.js."
            " Nearest: ~/static/app.js.",
            "The script ~/static/other.js names gone.js.map, and the release has no"
            " ~/static/gone.js.map.",
        ]

    async def test_an_event_that_no_map_is_for_has_nothing_to_tell(
        self, database: Database, project: ProjectId, maps: SourceMaps
    ) -> None:
        event = await stored(maps, project, {"platform": "python", "message": "hi"})

        assert (await why(database, maps, project, event)).frames == ()
