"""Keeps what serves running, whatever restarts, until something newer serves."""

import asyncio
import time
from collections.abc import Collection

import structlog

from controlplane.deploys.instances import (
    Started,
    end_instance,
    list_instances,
    move_instance,
    note_restarts,
    release_of_instance,
    retire_deleted,
)
from deploys.apps import (
    App,
    details_of,
    discard_instance,
    find_release,
    instance_in,
    open_app,
    open_log,
    start_app,
)
from deploys.bench import Bench
from deploys.drivers.driver import State
from deploys.environments import hidden_values
from deploys.failures import DeployFailed
from deploys.lines.masking import Masker
from schemas.deploys.deployments import Instance
from schemas.deploys.states import InstanceState

LONGEST_DRAIN_S = 30.0
LIVE: tuple[InstanceState, ...] = ("starting", "serving", "draining")

log = structlog.get_logger(__name__)


class Keeper:
    """The apps of one deployer, by the id of their instance."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._apps: dict[str, App] = {}
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._draining_since: dict[str, float] = {}

    def take(self, app: App) -> None:
        """Keeps an app that was just started."""
        self._apps[app.name] = app

    async def begin(self) -> None:
        """Finds what ran before, and ends all else that this deployer ever started."""
        found = await list_instances(self._bench.at.database, self._bench.name, LIVE)
        keep = [one for one in found if one.state != "starting"]
        self._bench.ports.hold([one.port for one in keep])
        ended = await self._bench.driver.sweep([one.id for one in keep])
        if ended:
            log.warning("ended what an earlier deployer left behind", count=len(ended))
        for one in found:
            if one.state == "starting":
                await self._end(one, "stopped", "never served")
            elif one.id not in self._apps:  # This is called again where the database was away.
                await self._adopt(one)

    async def look(self, under_way: Collection[str]) -> None:
        """Does what is due: drains, notes what has crashed, stops what nobody knows.

        `under_way` are the deployments that have yet to give their apps to `take`.
        """
        await retire_deleted(self._bench.at.database)
        # Noted before: an app that is taken while we ask is known too, but not to the answer.
        taken = tuple(self._apps)
        found = await list_instances(self._bench.at.database, self._bench.name, LIVE)
        known = {one.id for one in found}
        for name in taken:
            if name not in known and name in self._apps:
                # Its project was purged.
                await self._apps.pop(name).end()
        for one in found:
            if one.state == "draining":
                self._drain(one)
            elif one.state == "serving" and one.id in self._apps:
                await self._look_at(one, self._apps[one.id])
            elif one.state == "serving" and one.deployment_id not in under_way:
                # The control plane was away when it was to be started anew, or said to be over.
                await self._adopt(one)

    async def leave(self) -> None:
        """Lets all apps run, and reads them no more."""
        for drain in self._drains.values():
            drain.cancel()
        await asyncio.gather(*self._drains.values(), return_exceptions=True)
        await asyncio.gather(*(app.leave() for app in self._apps.values()))
        self._apps.clear()

    async def _adopt(self, one: Instance) -> None:
        """Goes on with an app; what serves and has gone is started anew."""
        held = await release_of_instance(self._bench.at.database, self._bench.at.vault, one)
        if held is None:
            await discard_instance(self._bench, instance_in(one.details))
            await self._end(one, "crashed", "its release is gone")
            return
        masker = await asyncio.to_thread(Masker, hidden_values(held[1]))
        out = await open_log(self._bench, one.project_id, one.deployment_id, masker)
        app = await open_app(self._bench, instance_in(one.details), out)
        if app is not None:
            self._apps[one.id] = app
            return
        await out.close()
        if one.state == "serving":
            await self._start_anew(one, "it was gone when the deployer began")
        else:
            await discard_instance(self._bench, instance_in(one.details))
            await self._end(one, "stopped")

    async def _look_at(self, one: Instance, app: App) -> None:
        state = app.running.state()
        if state.status == "gone":
            self._apps.pop(one.id)
            await app.leave()
            await self._start_anew(one, state.reason)
        elif state.status in ("crash_loop", "exited"):
            self._apps.pop(one.id)
            last = "\n".join(app.last_lines(50))
            await app.say(f"The app ended: {state.reason or state.status}")
            await app.end()
            reason = f"The app ended with exit code {state.code} ({state.status}). {state.reason}"
            masked = await self._masked(one, f"{reason}\nWhat it printed last:\n{last}")
            ended = "stopped" if state.status == "exited" and not state.code else "crashed"
            await self._end(
                one,
                "stopped" if ended == "stopped" else "crashed",
                masked,
            )
        elif (told := _restarts_of(state)) != one.reason:
            await note_restarts(self._bench.at.database, one.id, told)

    async def _start_anew(self, one: Instance, why: str) -> None:
        bench = self._bench
        held = await release_of_instance(bench.at.database, bench.at.vault, one)
        local = None if held is None else await find_release(bench, held[0].place)
        if held is None or local is None:
            await self._end(one, "crashed", f"{why}; its release is gone")
            return
        _, variables, config = held
        masker = await asyncio.to_thread(Masker, hidden_values(variables))
        out = await open_log(bench, one.project_id, one.deployment_id, masker)
        await out.say("warn", f"The app is started anew: {why}")
        try:
            # By the same name: its output goes on where it was.
            instance = await start_app(bench, one.id, local, variables, config)
        except DeployFailed as error:
            await out.say("error", str(error))
            await out.close()
            await self._end(one, "crashed", str(error))
            return
        app = await open_app(bench, instance, out)
        bench.ports.give_back(one.port)
        if app is None:
            bench.ports.give_back(instance.port)
            await out.close()
            await self._end(one, "crashed", f"{why}; its supervisor ended at once")
            return
        started = Started(address=instance.host, port=instance.port, details=details_of(instance))
        try:
            serves = await move_instance(bench.at.database, one.id, started)
        except BaseException:
            await app.end()  # Nobody would find it again.
            raise
        if serves:
            self._apps[one.id] = app
        else:
            await app.end()

    def _drain(self, one: Instance) -> None:
        if one.id in self._drains and not self._drains[one.id].done():
            return
        self._draining_since.setdefault(one.id, time.monotonic())
        self._drains[one.id] = asyncio.create_task(self._drained(one))

    async def _drained(self, one: Instance) -> None:
        """Waits until no request is on its way to an instance, and stops it."""
        at, since = self._bench.at, self._draining_since[one.id]
        await asyncio.sleep(since + at.drain_least_s - time.monotonic())
        await at.drain(one.id, since + LONGEST_DRAIN_S - time.monotonic())
        app = self._apps.pop(one.id, None)
        if app is not None:
            await app.end()
        else:
            # Nobody here reads it: it has to end all the same.
            await discard_instance(self._bench, instance_in(one.details))
        await self._end(one, "stopped")
        self._draining_since.pop(one.id, None)

    async def _end(self, one: Instance, state: InstanceState, reason: str = "") -> None:
        at = self._bench.at
        await end_instance(at.database, at.vault, one.id, state, reason)

    async def _masked(self, one: Instance, text: str) -> str:
        held = await release_of_instance(self._bench.at.database, self._bench.at.vault, one)
        masker = await asyncio.to_thread(Masker, [] if held is None else hidden_values(held[1]))
        return masker.mask(text.encode()).decode(errors="replace")


def _restarts_of(state: State) -> str:
    """Returns how often an app was started again, and why the last time; empty for never."""
    if not state.restarts:
        return ""
    times = "once" if state.restarts == 1 else f"{state.restarts:,} times"
    why = f": {state.reason}" if state.reason else ""
    return f"started again {times}; its last run ended with exit code {state.code}{why}"
