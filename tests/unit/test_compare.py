"""`make compare`: what it computes and draws, and what it does when a server does not go along."""

import asyncio
import re
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from aiohttp import web

from benchmarks.compare import chosen, write
from benchmarks.peers.chart import COLOURS, STYLE, svg
from benchmarks.peers.peer import Peer, Place, nothing_to_prepare
from benchmarks.peers.report import (
    BEGIN,
    END,
    MEASURES,
    Setting,
    bytes_of,
    markdown,
    put_between,
    setting,
    shown,
    significant,
)
from benchmarks.peers.rounds import Bounds, Figures, wait_stored
from benchmarks.peers.started import PeerFailed, Started
from benchmarks.peers.work import ERRORS, SPANS, Work, send
from benchmarks.server import free_port

BOUNDS = Bounds(8, 2, 60, 5)
WHEN = Setting("2026-11-30", "2 cores & 24 GiB", BOUNDS)
FIRST = Figures(
    *("Sluice", "1.0", 1_200, 0, 1_200, 2.0, 3.0, [float(one) for one in range(1, 101)]),
    *(2.4, 512.4, 6_000_000, 500, 500),
)
SECOND = Figures("Bugsink", "2.6.2", 100, 7, 0, 2.0, 60.0, [], 1.0, 0.0, 0, 80, 60)
FOUND = {ERRORS: [FIRST, SECOND], SPANS: [FIRST]}
NO_PEER = Peer(
    *("Nobody", "1", "", (), nothing_to_prepare, lambda _: [], lambda _: {}, "/", {}),
    lambda place, work: 0,
)
CHILD = (
    "import http.server, subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)\n"
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]),"
    " bind='127.0.0.1')"
)


def texts(measure_name: str, of: Figures) -> str:
    (measure,) = (one for one in MEASURES if one.name == measure_name)
    return shown(measure, of)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("accepted a second", "600", "50.0"),
        ("stored a second", "400", "0.00"),
        ("lost after kill -9", "0 of 500", "20 of 80 (25 %)"),
        ("answer, p50", "51.0 ms", "–"),
        ("answer, p99", "100 ms", "–"),
        ("processor time an event", "2.00 ms", "–"),
        ("memory at most", "512 MB", "–"),
        ("disk an event", "5.0 kB", "–"),
    ],
)
def test_each_measure_is_computed_and_unknown_where_nothing_was_stored(
    name: str, first: str, second: str
) -> None:
    assert texts(name, FIRST) == first
    assert texts(name, SECOND) == second


@pytest.mark.parametrize(
    ("value", "text"), [(12_345.6, "12,346"), (100.0, "100"), (99.94, "99.9"), (1.234, "1.23")]
)
def test_numbers_have_the_digits_that_say_something(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(("value", "text"), [(999, "999 B"), (5_900, "5.9 kB"), (2e6, "2.0 MB")])
def test_bytes_have_the_unit_that_fits(value: float, text: str) -> None:
    assert bytes_of(value) == text


def test_the_table_names_day_machine_versions_and_every_measure() -> None:
    table = markdown(FOUND, WHEN)

    assert "2026-11-30: 2 cores & 24 GiB. Sent for 8 s, and for 2 s before" in table
    heads = [line for line in table.splitlines() if line.startswith("| Errors")]
    assert heads == ["| Errors of 11 KB, one a request | Sluice 1.0 | Bugsink 2.6.2 |"]
    for measure in MEASURES:
        assert len(re.findall(rf"^\| {measure.name} \|", table, re.MULTILINE)) == len(FOUND)
    assert "| not accepted | 0 | 7 |" in table
    assert "| of them stored when patience was over | 1,200 | 0 |" in table


def test_the_machine_is_named_by_cores_memory_kernel_and_python() -> None:
    found = setting(BOUNDS)

    assert re.match(r"\d+ cores, \d+ GiB, \w+ [\d.]+, Python 3\.", found.machine)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found.day)


def test_only_what_is_between_the_marks_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    assert put_between(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="has no"):
        put_between("nothing", "new")


def test_the_page_of_the_docs_and_the_chart_are_written(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    docs = Path(__file__).resolve().parents[2] / "docs"
    (tmp_path / "compare.md").write_text((docs / "compare.md").read_text("utf-8"), "utf-8")

    write(FOUND, WHEN, tmp_path)

    assert markdown(FOUND, WHEN) in (tmp_path / "compare.md").read_text("utf-8")
    assert (tmp_path / "pictures" / "compare.svg").read_text("utf-8") == svg(FOUND, WHEN)


def bars(picture: str) -> list[Mapping[str, str]]:
    root = ElementTree.fromstring(picture)  # noqa: S314 - it is our own
    found = [dict(one.attrib) for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    return [one for one in found if one["class"] != "page"]


def test_bars_are_as_long_as_their_values_and_stay_within_the_picture() -> None:
    picture = svg(FOUND, WHEN)
    root = ElementTree.fromstring(picture)  # noqa: S314

    found = bars(picture)

    assert len(found) == len(MEASURES) * 3
    first, second = (float(one["width"]) for one in found[:2])
    assert second / first == pytest.approx(50 / 600, abs=0.01)
    lost = next(place for place, one in enumerate(MEASURES) if one.whole)
    none, quarter = (float(one["width"]) for one in found[2 * lost : 2 * lost + 2])
    assert none == 0
    assert quarter / first == pytest.approx(0.25, abs=0.01)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    assert all(float(one["x"]) + float(one["width"]) < width for one in found)
    assert all(float(one["y"]) + float(one["height"]) < height for one in found)
    told = "".join(root.itertext())
    assert "2026-11-30" in told
    assert "2 cores & 24 GiB" in told
    assert "Bugsink 2.6.2" in told


def test_a_server_has_one_colour_which_is_drawn_in_light_and_in_dark() -> None:
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")

    assert {one["class"] for one in bars(svg(FOUND, WHEN))} == {"s0", "s1"}
    assert set(COLOURS) == {
        "Sluice",
        *(one.name for one in chosen(["bugsink", "phoenix", "mlflow"])),
    }
    for style in (light, dark):
        assert all(f".{colour} {{" in style for colour in COLOURS.values())


@pytest.mark.parametrize(
    ("names", "works"),
    [
        (["sluice"], [ERRORS, SPANS]),
        (["phoenix"], [SPANS]),
        (["bugsink", "mlflow"], [ERRORS, SPANS]),
    ],
)
def test_sluice_does_the_work_of_those_that_are_chosen(names: list[str], works: list[str]) -> None:
    own, *others = chosen(names)

    assert own.name == "Sluice"
    assert list(own.works) == works
    assert [one.name.lower() for one in others] == [one for one in names if one != "sluice"]


def test_waiting_goes_on_over_a_count_that_fails_and_ends_when_all_is_there() -> None:
    answers: list[int | Exception] = [3, sqlite3.OperationalError("locked"), OSError("gone"), 10]

    def count() -> int:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert wait_stored(count, 10, patience_s=60)[0] == 10
    assert not answers


@pytest.mark.parametrize(("patience_s", "still_s"), [(0.0, 60.0), (60.0, 0.0)])
def test_waiting_ends_with_patience_or_when_nothing_comes(
    patience_s: float, still_s: float
) -> None:
    assert wait_stored(lambda: 4, 10, patience_s, still_s)[0] == 4


async def test_what_is_not_answered_200_in_time_is_not_accepted() -> None:
    turns = iter(range(100))
    never = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["x-own"] == "yes"
        assert await request.read() == b"body"
        turn = next(turns)
        if turn == 0:
            return web.Response(status=503)
        if turn == 1:
            await never.wait()
        return web.Response()

    application = web.Application()
    application.router.add_post("/in", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    work = Work("w", "/in", {}, 10, 1, lambda number: b"body" if number < 5 else None)

    sent = await send(port, work, {"x-own": "yes"}, seconds=60, patience_s=0.5)
    never.set()
    await runner.cleanup()

    assert (sent.answered, sent.rejected, len(sent.latencies_ms)) == (30, 20, 3)


def test_a_server_that_ends_is_told_of_with_what_it_printed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    place = Place(Path(sys.executable).parent, tmp_path / "data", free_port())
    ends = NO_PEER._replace(
        commands=lambda _: [[sys.executable, "-c", "print('no space'); exit(3)"]]
    )

    with pytest.raises(PeerFailed, match="no space"):
        Started(ends, place)


def test_nothing_is_left_running_where_a_second_program_is_missing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    place = Place(tmp_path, tmp_path / "data", free_port())
    commands = [[sys.executable, "-c", CHILD, str(place.port)], [str(tmp_path / "missing")]]

    with pytest.raises(FileNotFoundError):
        Started(NO_PEER._replace(commands=lambda _: commands), place)

    left = [
        one for one in psutil.Process().children(recursive=True) if str(place.port) in one.cmdline()
    ]
    assert not left


def test_killing_ends_every_process_even_one_in_a_session_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    place = Place(Path(sys.executable).parent, tmp_path / "data", free_port())
    command = [sys.executable, "-c", CHILD, str(place.port)]
    started = Started(NO_PEER._replace(commands=lambda _: [command]), place)
    # Beside them there may be processes of other tests.
    (server,) = (one for one in psutil.Process().children() if CHILD in one.cmdline())
    every = [server, *server.children(recursive=True)]
    used = started.cpu_s()

    started.kill()
    started.kill()

    assert len(every) >= 2
    assert used > 0
    deadline = time.monotonic() + 10
    while any(one.is_running() and one.status() != "zombie" for one in every):
        assert time.monotonic() < deadline
        time.sleep(0.01)
