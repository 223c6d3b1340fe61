"""What a step of a build may do, how it is ended, and that nothing of it stays."""

import asyncio
import signal
import sys
from contextlib import suppress

import pytest

from deploys.supervision.kin import is_alive, look_at
from tests.integration.deploys.runner.workshop import Workshop, an_open_file, until

DAEMON = (
    "import os, sys, time\n"
    "if os.fork(): sys.exit()\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    "open('daemon', 'w').write(str(os.getpid()))\n"
    "os.execve('/bin/sleep', ['sleep', '600'], {})\n"
)
"""Forks twice, into a session of its own, and forgets its environment."""


def write(workshop: Workshop, name: str, text: str) -> None:
    (workshop.work / name).write_text(text)


class TestEveryDriver:
    async def test_a_step_gives_its_exit_code_and_what_it_prints(
        self, each_workshop: Workshop
    ) -> None:
        ended = await each_workshop.run("echo made; echo careful >&2; exit 3")

        assert ended == (3, "")
        assert each_workshop.printed == {"stdout": b"made\n", "stderr": b"careful\n"}

    async def test_a_step_writes_in_its_folder(self, each_workshop: Workshop) -> None:
        assert await each_workshop.run('echo x > made && echo y > "$TMPDIR"/z') == (0, "")

        assert (each_workshop.work / "made").read_text() == "x\n"
        assert list(each_workshop.places.temporary.iterdir()) == []

    async def test_a_daemon_that_a_step_leaves_behind_ends_with_it(
        self, each_workshop: Workshop
    ) -> None:
        write(each_workshop, "daemon.py", DAEMON)

        ended = await each_workshop.run(
            "python3 daemon.py; while [ ! -s daemon ]; do sleep 0.01; done"
        )

        assert ended == (0, "")
        assert each_workshop.living() == []

    async def test_a_step_that_takes_too_long_is_ended(self, each_workshop: Workshop) -> None:
        ended = await each_workshop.run("sleep 600", seconds=0.3)

        assert ended.reason == "time"

    async def test_cancelling_asks_first(self, each_workshop: Workshop) -> None:
        cancel = asyncio.Event()
        step = asyncio.create_task(
            each_workshop.run(
                "python3 -c '"
                'import signal, sys; signal.signal(15, lambda *_: (print("bye"), sys.exit(9)));'
                'print("ready", flush=True); signal.pause()\'',
                cancel=cancel,
            )
        )
        await until(lambda: each_workshop.printed["stdout"], "the step has begun")

        cancel.set()

        assert (await step).reason == "cancelled"
        assert each_workshop.printed["stdout"] == b"ready\nbye\n"

    async def test_a_step_that_prints_too_much_is_ended(self, each_workshop: Workshop) -> None:
        ended = await each_workshop.run("yes", output_bytes=1 << 16)

        assert ended.reason == "output"
        assert len(each_workshop.printed["stdout"]) <= 1 << 16

    async def test_the_environment_is_what_was_given(
        self, each_workshop: Workshop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OUR_SECRET", "canary")

        await each_workshop.run("env")

        names = {line.partition(b"=")[0] for line in each_workshop.printed["stdout"].splitlines()}
        known = {b"PATH", b"TMPDIR", b"DEPLOYED_AS"}
        # Shells add the second, and Python in a sandbox the third, where nobody has set a language.
        assert (
            known
            <= names
            <= known
            | {
                *(b"PWD", b"OLDPWD", b"SHLVL", b"_", b"LC_CTYPE"),
                *(b"HOSTNAME", b"HOME"),  # Docker
            }
        )

    async def test_no_file_of_ours_is_open_in_it(self, each_workshop: Workshop) -> None:
        with an_open_file():
            await each_workshop.run("ls /proc/self/fd | tr '\\n' ' '")

        # The fourth is the folder that `ls` reads.
        assert each_workshop.printed["stdout"] == b"0 1 2 3 "


class TestLimits:
    async def test_who_ignores_being_asked_is_killed(
        self, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deploys.drivers.processes.GRACE_S", 0.2)

        ended = await workshop.run("trap '' TERM; while :; do sleep 0.05; done", seconds=0.3)

        assert ended == (128 + signal.SIGKILL, "time")

    async def test_a_large_file_is_refused(self, workshop: Workshop) -> None:
        ended = await workshop.run("head -c 3000000 /dev/zero > large", disk_bytes=1 << 20)

        assert ended.code == 128 + signal.SIGXFSZ
        assert (workshop.work / "large").stat().st_size == 1 << 20

    async def test_a_folder_that_fills_is_noticed(
        self, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deploys.drivers.processes.DISK_EVERY_S", 0.1)

        ended = await workshop.run(
            "for n in 1 2 3; do head -c 900000 /dev/zero > part$n; done; sleep 600",
            disk_bytes=1 << 20,
        )

        assert ended.reason == "disk"

    async def test_more_processes_than_allowed_are_noticed(self, workshop: Workshop) -> None:
        ended = await workshop.run(
            "for n in 1 2 3 4 5 6 7 8 9 10; do sleep 600 & done; wait", processes=5
        )

        assert ended.reason == "processes"

    async def test_memory_is_counted_over_all_processes(self, workshop: Workshop) -> None:
        one = "python3 -c 'import time; x = bytearray(40 << 20); time.sleep(600)'"

        ended = await workshop.run(f"{one} & {one} & {one} & wait", memory_bytes=80 << 20)

        assert ended.reason == "memory"

    async def test_one_process_cannot_take_much_more_at_once(self, workshop: Workshop) -> None:
        ended = await workshop.run("python3 -c 'bytearray(600 << 20)'", memory_bytes=100 << 20)

        assert ended == (1, "")
        assert b"MemoryError" in workshop.printed["stderr"]

    async def test_a_reader_that_waits_makes_the_step_wait(self, workshop: Workshop) -> None:
        taken = 0
        goes_on = asyncio.Event()

        async def slow(stream: str, content: bytes) -> None:
            nonlocal taken
            await goes_on.wait()
            taken += len(content)

        command = workshop.command("head -c 700000 /dev/zero; echo done > done", True, {})
        step = asyncio.create_task(workshop.driver.run(command, slow, asyncio.Event()))
        await asyncio.sleep(0.3)
        was_done = (workshop.work / "done").exists()
        goes_on.set()

        assert (await step).code == 0
        assert not was_done
        assert taken == 700_000


class TestEnds:
    async def test_one_that_is_cancelled_before_it_begins_does_not_begin(
        self, workshop: Workshop
    ) -> None:
        cancel = asyncio.Event()
        cancel.set()

        async with asyncio.timeout(30):
            ended = await workshop.run("echo x > made", cancel=cancel)

        assert ended.reason == "cancelled"
        assert not (workshop.work / "made").exists()

    async def test_a_task_that_is_cancelled_leaves_nothing(self, workshop: Workshop) -> None:
        step = asyncio.create_task(workshop.run("echo begun; sleep 600 & sleep 600"))
        await until(lambda: workshop.printed["stdout"], "the step has begun")

        step.cancel()
        with suppress(asyncio.CancelledError):
            await step

        assert workshop.living() == []

    async def test_a_reader_that_fails_ends_the_step(self, workshop: Workshop) -> None:
        async def broken(stream: str, content: bytes) -> None:
            raise RuntimeError("the log is away")

        command = workshop.command("echo begun; sleep 600", True, {})

        with pytest.raises(RuntimeError, match="the log is away"):
            await workshop.driver.run(command, broken, asyncio.Event())
        assert workshop.living() == []

    async def test_a_step_ends_when_the_deployer_is_killed(self, workshop: Workshop) -> None:
        program = (
            "import asyncio\n"
            "from pathlib import Path\n"
            "from tests.integration.deploys.runner.workshop import Workshop, plain\n"
            f"other = Workshop(Path({str(workshop.folder)!r}), plain)\n"
            "asyncio.run(other.run('setsid sleep 600 & echo $$ > begun; sleep 600'))\n"
        )
        deployer = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        begun = workshop.work / "begun"
        await until(lambda: begun.exists() and begun.read_text().strip(), "the step has begun")
        shell = look_at(int(begun.read_text()))
        assert shell is not None

        deployer.kill()
        await deployer.wait()

        await until(lambda: not is_alive(shell.pid, shell.started), "its shell has ended")
        await until(lambda: not workshop.living(), "all of it has ended")
