"""The stream as a part of a process: the sink, the Faust app, and how both are watched."""

import asyncio
from typing import Any

from clickhouse.client import Warehouse
from eventlog.log import ProgressStore
from processors.block_write import watch_from_zero
from processors.pipeline import build_steps
from processors.sink import Sink
from processors.writer import BlockLimits
from schemas import metrics
from sluice.parts import Parts
from sluice.process import Process


def open_sink(
    process: Process,
    warehouse: Warehouse,
    systems: Parts,
    checkpoints: ProgressStore,
    *,
    block_interval_ms: int,
) -> Sink:
    """Adds the sink, which stores what the stream will deliver."""
    settings = process.settings
    steps = build_steps(
        warehouse.urgent,
        systems.steps,
        window_s=settings.dedup_window_hours * 3600,
        log2_filter_bits=settings.dedup_filter_bits,
    )
    limits = BlockLimits(
        max_bytes=settings.block_max_bytes,
        min_interval_s=block_interval_ms / 1000,
        max_in_hand_bytes=3 * settings.block_max_bytes,
    )
    watch_from_zero(step.name for step in steps.values())
    sink = Sink(steps, checkpoints, warehouse, limits)
    process.gauges.append(lambda: metrics.OLDEST_UNACKED_SECONDS.set(sink.lag_s()))
    process.stack.push_async_callback(sink.stop)
    return sink


async def start_stream(process: Process, stream: Any, sink: Sink) -> None:
    """Starts the Faust app, whose agents deliver to the sink. How it stops, its owner adds."""
    await stream.start()

    async def failed() -> str:
        # Shielded: who waits for it no more must not end it for others.
        return f"a writer was stopped by a bug: {await asyncio.shield(sink.failed)!r}"

    async def ended() -> str:
        await stream.wait_until_stopped()
        return f"the stream has ended: {stream.crash_reason!r}"

    async def check() -> None:
        if sink.failed.done():
            raise RuntimeError("a writer was stopped by a bug; see the log lines")
        if not stream.started or stream.crashed:
            raise RuntimeError("the Faust app is not running")

    process.faults += [failed, ended]
    process.ready["stream"] = check
