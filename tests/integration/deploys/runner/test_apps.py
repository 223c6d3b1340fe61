"""An app under its supervisor: what it prints, how it starts again, and how it ends whole."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from deploys.drivers.driver import Instance, StartFailed
from deploys.settings import DeployerSettings
from deploys.supervision.kin import is_alive, look_at, send
from deploys.supervision.orders import read_state
from tests.integration.deploys.runner.test_steps import DAEMON
from tests.integration.deploys.runner.workshop import (
    Workshop,
    an_open_file,
    command_lines,
    contents,
    environment_of,
    open_files,
    plain,
    resident_kib,
    until,
)

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


class TestEveryDriver:
    async def test_an_app_runs_until_it_is_stopped(self, each_workshop: Workshop) -> None:
        instance = await each_workshop.start("echo ready; exec sleep 600")
        await until(lambda: b"ready\n" in each_workshop.output(), "it prints")
        running = await each_workshop.driver.adopt(instance)
        assert running is not None
        assert running.state().status == "running"

        await each_workshop.driver.stop(instance, 5)

        assert running.state().status == "stopped"
        assert each_workshop.living() == []
        assert await each_workshop.driver.adopt(instance) is None

    async def test_it_is_asked_to_end_and_may_take_its_time(self, each_workshop: Workshop) -> None:
        program = (
            "import signal, sys, time\n"
            "def end(*_):\n"
            "    time.sleep(0.3); print('saved', flush=True); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, end)\n"
            "print('ready', flush=True)\n"
            "while True: signal.pause()\n"
        )
        (each_workshop.work / "app.py").write_text(program)
        instance = await each_workshop.start("python3 app.py")
        await until(lambda: b"ready\n" in each_workshop.output(), "it prints")

        await each_workshop.driver.stop(instance, 20)

        assert each_workshop.output() == b"ready\nsaved\n"

    async def test_one_that_ignores_it_is_killed(self, each_workshop: Workshop) -> None:
        instance = await each_workshop.start(STUBBORN)
        await until(lambda: b"ready\n" in each_workshop.output(), "it prints")

        await each_workshop.driver.stop(instance, 0.3)

        assert each_workshop.living() == []

    async def test_a_daemon_of_an_app_ends_with_it(self, each_workshop: Workshop) -> None:
        (each_workshop.work / "daemon.py").write_text(DAEMON)
        instance = await each_workshop.start("python3 daemon.py; echo ready; exec sleep 600")
        daemon = each_workshop.work / "daemon"
        await until(lambda: daemon.exists() and daemon.read_text(), "the daemon runs")

        await each_workshop.driver.stop(instance, 0.5)

        assert each_workshop.living() == []

    async def test_an_app_that_dies_is_started_again_and_given_up(
        self, each_workshop: Workshop
    ) -> None:
        instance = await each_workshop.start("echo try; exit 7")

        await until(lambda: each_workshop.state(instance).status == "crash_loop", "it is given up")

        state = each_workshop.state(instance)
        assert (state.restarts, state.code) == (3, 7)
        assert each_workshop.output() == b"try\n" * 4
        assert each_workshop.output(notes=True).splitlines() == [
            b"The app ended with exit code 7. It starts again in 0.05 s.",
            b"The app ended with exit code 7. It starts again in 0.1 s.",
            b"The app ended with exit code 7. It starts again in 0.2 s.",
            b"The app ended with exit code 7. It was started again too often, and is given up.",
        ]
        await until(lambda: not each_workshop.living(), "its supervisor has ended")

    async def test_secrets_are_in_no_command_line_and_no_file(
        self, each_workshop: Workshop
    ) -> None:
        secret = "canary-7d1f"
        app = each_workshop.app("echo $TOKEN; exec sleep 600")
        environment = {**app.environment, "TOKEN": secret, "LD_PRELOAD": "/no/such.so"}

        instance = await each_workshop.start(app.text, environment=environment)
        await until(lambda: secret.encode() in each_workshop.output(), "it finds its secret")
        state = read_state(instance.folder)
        assert state is not None
        lines = command_lines()
        files = contents(each_workshop.settings.folder).replace(each_workshop.raw_output(), b"")
        outside = environment_of(instance.pid)
        if each_workshop.driver.name == "bubblewrap":
            # What makes the sandbox is outside of it: a project has no say in how it is loaded.
            outside += environment_of(state.app_pid)
        await each_workshop.driver.stop(instance, 5)

        assert b"supervisor" in lines
        assert secret.encode() not in lines + files + outside
        assert b"LD_PRELOAD" not in outside

    @pytest.mark.parametrize(("name", "value"), [("A", "x\0--bind\0/\0/"), ("A=B", ""), ("", "x")])
    async def test_what_no_environment_can_hold_is_refused(
        self, each_workshop: Workshop, name: str, value: str
    ) -> None:
        with pytest.raises(StartFailed, match="the environment cannot hold"):
            await each_workshop.start("true", environment={name: value})


class TestRestarts:
    @pytest.mark.parametrize(
        ("restart", "code", "runs"),
        [("no", 1, 1), ("on-failure", 0, 1), ("on-failure", 1, 4), ("unless-stopped", 0, 4)],
    )
    async def test_the_policy_says_who_is_started_again(
        self, workshop: Workshop, restart: str, code: int, runs: int
    ) -> None:
        instance = await workshop.start(f"echo run; exit {code}", restart=restart)

        await until(lambda: not is_alive(instance.pid, instance.started), "it is given up")

        assert workshop.output().count(b"run\n") == runs
        assert workshop.state(instance).status == ("exited" if runs == 1 else "crash_loop")

    async def test_an_app_may_not_go_to_the_background(self, workshop: Workshop) -> None:
        (workshop.work / "daemon.py").write_text(DAEMON)

        # The daemon closes the gap in which nothing of the app runs.
        instance = await workshop.start(
            "python3 daemon.py; while [ ! -s daemon ]; do sleep 0.01; done", restart="no"
        )
        await until(lambda: workshop.state(instance).status == "exited", "it has ended")

        assert "must stay in front" in workshop.state(instance).reason
        await until(lambda: not workshop.living(), "the daemon has ended")

    async def test_one_that_waits_for_its_next_start_can_be_stopped(
        self, workshop: Workshop
    ) -> None:
        workshop.change(backoff_first_s=600, backoff_max_s=600)
        instance = await workshop.start("exit 1")
        await until(lambda: workshop.state(instance).status == "waiting", "it waits")

        await workshop.driver.stop(instance, 5)

        assert workshop.state(instance).status == "stopped"

    async def test_a_command_that_is_not_there_says_so(self, workshop: Workshop) -> None:
        instance = await workshop.start("no-such-command", restart="no")

        await until(lambda: workshop.state(instance).status == "exited", "it has ended")

        assert workshop.state(instance).code == 127
        assert b"no-such-command: not found" in workshop.output()

    async def test_a_supervisor_that_cannot_begin_says_why(self, workshop: Workshop) -> None:
        (workshop.settings.folder / "instances" / "app-1").mkdir(parents=True)
        workshop.places.spool("app-1").write_text("a file, where a folder has to be")

        with pytest.raises(StartFailed, match="FileExistsError"):
            await workshop.start("true")


class TestOutput:
    async def test_a_spool_is_bounded_and_keeps_the_newest(self, workshop: Workshop) -> None:
        workshop.change(spool_file_bytes=10_000, spool_files=3)
        instance = await workshop.start("seq 1 100000; echo end", restart="no")
        await until(lambda: workshop.state(instance).status == "exited", "it has ended")

        files = list(workshop.places.spool("app-1").iterdir())

        assert len(files) <= 3
        # What one read from a pipe brings goes into one file.
        assert sum(file.stat().st_size for file in files) < 3 * (10_000 + 64 * 1024 * 5)
        assert workshop.output().endswith(b"100000\nend\n")

    async def test_each_stream_and_its_lines_are_kept_whole(self, workshop: Workshop) -> None:
        instance = await workshop.start(
            "echo out; echo err >&2; printf 'no end'; sleep 0.5; echo ' yet'; printf last",
            restart="no",
        )
        await until(lambda: workshop.state(instance).status == "exited", "it has ended")

        assert workshop.output().replace(b"err\n", b"") == b"out\nno end yet\nlast"

    async def test_a_supervisor_is_small_and_holds_no_file_of_ours(
        self, workshop: Workshop
    ) -> None:
        with an_open_file():
            instance = await workshop.start("exec sleep 600")
        state = read_state(instance.folder)
        assert state is not None

        files = list(open_files(instance.pid).values())
        # Between its fork and its own program it has the supervisor's.
        await until(
            lambda: set(open_files(state.app_pid)) == {"0", "1", "2"}, "it has its own files alone"
        )
        memory_kib = resident_kib(instance.pid)
        await workshop.driver.stop(instance, 5)

        known = ("pipe:", "/dev/null", "anon_inode:", str(workshop.settings.folder))
        assert [file for file in files if not file.startswith(known)] == []
        assert files.count("/dev/null") == 3
        assert memory_kib < 25_000


class TestAdoption:
    async def test_an_app_outlives_the_deployer_and_is_adopted(self, workshop: Workshop) -> None:
        said = workshop.work / "instance.json"
        program = (
            "import asyncio, os, signal, sys\n"
            "from pathlib import Path\n"
            "import msgspec\n"
            "from deploys.drivers.driver import AppCommand, Limits\n"
            "from deploys.settings import DeployerSettings\n"
            "from tests.integration.deploys.runner.workshop import LIMITS, plain\n"
            f"folder = Path({str(workshop.settings.folder)!r})\n"
            "driver = plain(DeployerSettings(folder=folder))\n"
            "app = AppCommand(name='app-1', text='while :; do echo tick; sleep 0.1; done',\n"
            f"    folder=Path({str(workshop.work)!r}), environment={{'PATH': '/usr/bin:/bin'}},\n"
            "    limits=LIMITS, port=20200, restart='always', grace_s=5)\n"
            "instance = asyncio.run(driver.start(app, folder / 'instances/app-1/spool'))\n"
            f"Path({str(said)!r}).write_bytes(msgspec.json.encode(instance))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        deployer = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        assert await deployer.wait() == -signal.SIGKILL
        instance = msgspec.json.decode(said.read_bytes(), type=Instance)
        workshop.started.append(instance)

        running = await workshop.driver.adopt(instance)
        before = workshop.output().count(b"tick\n")
        await until(lambda: workshop.output().count(b"tick\n") > before + 2, "it prints on")

        assert running is not None
        assert running.state().status == "running"
        assert running.state().restarts == 0
        await workshop.driver.stop(instance, 5)
        assert workshop.living() == []

    async def test_a_pid_that_another_process_has_now_is_not_adopted(
        self, workshop: Workshop
    ) -> None:
        instance = await workshop.start("exec sleep 600")
        other = look_at(os.getpid())
        assert other is not None
        wrong = msgspec.structs.replace(instance, pid=other.pid)

        assert await workshop.driver.adopt(wrong) is None
        # Were the pid enough, this would end the process that runs this test.
        await workshop.driver.stop(wrong, 0)
        await workshop.driver.stop(instance, 5)

    async def test_an_app_ends_when_its_supervisor_is_killed(self, workshop: Workshop) -> None:
        instance = await workshop.start("exec sleep 600")
        state = read_state(instance.folder)
        supervisor = look_at(instance.pid)
        assert state is not None
        assert supervisor is not None

        send(supervisor, signal.SIGKILL)

        await until(lambda: not is_alive(state.app_pid, state.app_started), "the app has ended")
        assert workshop.state(instance).status == "gone"

    async def test_what_a_killed_supervisor_left_is_ended_by_stop(self, workshop: Workshop) -> None:
        instance = await workshop.start("setsid sleep 600 & echo ready; exec sleep 600")
        await until(lambda: b"ready" in workshop.output(), "it prints")
        supervisor = look_at(instance.pid)
        assert supervisor is not None
        send(supervisor, signal.SIGKILL)
        await until(lambda: not is_alive(instance.pid, instance.started), "it is gone")

        await workshop.driver.stop(instance, 5)

        assert workshop.living() == []


class TestSweep:
    async def test_what_is_not_kept_is_ended_and_nothing_else(self, workshop: Workshop) -> None:
        kept = await workshop.start("exec sleep 600", name="kept")
        lost = await workshop.start("setsid sleep 600 & exec sleep 600", name="lost")
        stranger = await asyncio.create_subprocess_exec("sleep", "600")

        ended = await workshop.driver.sweep({"kept"})

        assert set(ended) == {"lost"}
        assert is_alive(kept.pid, kept.started)
        assert not is_alive(lost.pid, lost.started)
        assert stranger.returncode is None
        assert not workshop.places.instance("lost").exists()
        assert workshop.places.instance("kept").exists()
        stranger.kill()
        await stranger.wait()
        await workshop.driver.stop(kept, 5)

    async def test_another_deployer_ends_nothing_of_ours(
        self, workshop: Workshop, tmp_path: Path
    ) -> None:
        instance = await workshop.start("exec sleep 600")
        other = plain(DeployerSettings(folder=tmp_path / "other"))

        assert await other.sweep(()) == []

        assert is_alive(instance.pid, instance.started)
        await workshop.driver.stop(instance, 5)
