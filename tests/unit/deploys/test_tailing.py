"""What an app prints is read from its files into a log, whatever becomes of who reads."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from deploys.supervision.spools import SpoolWriter
from deploys.tailing import Tail
from tests.unit.deploys.test_writing import Sent, until, writer


class App:
    """An instance's folder, into which its supervisor writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self._writer = SpoolWriter(str(self.spool), max_file_bytes=1 << 20, max_files=2)

    def print(self, content: bytes) -> None:
        self._writer.write("stdout", content, at_us=1, now_s=0)
        self._writer.flush(at_us=1, now_s=None)

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


async def follow(app: App, sent: Sent, *, first_seq: int, texts: list[str]) -> None:
    """Reads until the log has these lines and that is noted, and is gone without a word."""
    log = await writer(sent, first_seq=first_seq).__aenter__()
    following = asyncio.create_task(Tail(app.folder, app.spool, log).follow())
    await until(lambda: sent.texts == texts)
    await until(lambda: is_noted(app))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await log.close()


def is_noted(app: App) -> bool:
    """Tell whether no number of a line is kept for another try: the log is known to have all."""
    file = app.folder / "read.json"
    return file.exists() and not msgspec.json.decode(file.read_bytes())["runs"]


async def kill(app: App, sent: Sent, *, says: str = "", prints: bytes = b"") -> None:
    """Reads, and is killed when the log has all lines, and nobody has noted yet that it has."""

    class Killed(Tail):
        async def keep(self) -> None:
            await asyncio.Event().wait()

    log = await writer(sent).__aenter__()
    tail = Killed(app.folder, app.spool, log)
    await tail.catch_up()
    if says:
        await log.say("info", says)
        app.print(prints)
        await tail.catch_up()
    await log.written()
    await log.close()


def numbered(sent: Sent) -> list[tuple[int, str]]:
    return [(line.seq, line.message) for line in sent.lines]


async def test_what_the_log_does_not_have_yet_is_read_again(app: App) -> None:
    sent = Sent()
    sent.open.clear()
    app.print(b"one\ntwo\n")
    log = await writer(sent).__aenter__()
    lost = asyncio.create_task(Tail(app.folder, app.spool, log).follow())
    await until(lambda: (app.folder / "read.json").exists())
    lost.cancel()

    sent = Sent()
    await follow(app, sent, first_seq=1_001, texts=["one", "two"])

    await log.close(within_s=0)
    app.close()


async def test_lines_that_the_log_may_have_get_the_numbers_that_they_had(app: App) -> None:
    app.print(b"one\ntwo\nno line's")
    before, again = Sent(), Sent()
    await kill(app, before, says="The deployer", prints=b" end\nfour\n")

    app.print(b"five\n")
    texts = ["one", "two", "no line's end", "four", "five"]
    await follow(app, again, first_seq=1_001, texts=texts)

    assert numbered(before)[2] == (3, "The deployer")
    assert numbered(again)[:4] == [one for one in numbered(before) if one[0] != 3]
    assert numbered(again)[4] == (1_001, "five")
    app.close()


async def test_who_is_killed_twice_gives_no_other_numbers(app: App) -> None:
    app.print(b"one\ntwo\n")
    before, between, again = Sent(), Sent(), Sent()
    await kill(app, before)
    app.print(b"three\n")
    await kill(app, between)

    await follow(app, again, first_seq=1_001, texts=["one", "two", "three"])

    assert numbered(again) == numbered(between)
    assert numbered(again)[:2] == numbered(before)
    app.close()


async def test_other_lines_get_no_number_of_lines_that_are_gone(app: App) -> None:
    app.print(b"one\ntwo\n")
    await kill(app, Sent())
    app.close()
    (app.spool / "00000002.spool").write_bytes(b"1 o three\n")
    (app.spool / "00000001.spool").unlink()

    sent = Sent()
    log = await writer(sent, first_seq=1_001).__aenter__()
    tail = Tail(app.folder, app.spool, log)
    await tail.catch_up()
    await log.close()

    assert [seq for seq, _ in numbered(sent)] == [1_001, 1_002]
    assert sent.texts[1] == "three"


async def test_a_line_that_had_begun_goes_on_behind_a_restart(app: App) -> None:
    sent = Sent()
    app.print(b"one\ntw")
    await follow(app, sent, first_seq=1, texts=["one"])

    app.print(b"o\nthree\n")
    await follow(app, sent, first_seq=2, texts=["one", "two", "three"])

    app.close()


async def test_a_line_that_never_ends_is_told_at_the_end_of_the_app(app: App) -> None:
    sent = Sent()
    app.print(b"one\nno line's end")
    async with writer(sent) as log:
        tail = Tail(app.folder, app.spool, log)
        assert await tail.catch_up()
        assert not await tail.catch_up()
        await tail.finish()

    assert sent.texts == ["one", "no line's end"]
    app.close()
