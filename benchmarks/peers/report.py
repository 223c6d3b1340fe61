"""The figures of a comparison as a table in Markdown, and in which form each is shown."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psutil

from benchmarks.peers.rounds import Bounds, Figures
from benchmarks.peers.work import ERRORS, SPANS

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TITLES = {
    ERRORS: "Errors of 11 KB, one a request",
    SPANS: "Spans of OTLP of 1.6 KB, 200 a request",
}


class Measure(NamedTuple):
    """One thing that is measured."""

    name: str
    value: Callable[[Figures], float | None]
    """None where it is unknown."""
    show: Callable[[float, Figures], str]
    is_less_better: bool = True
    whole: float | None = None
    """What a bar of full length stands for; None where that is the greatest value."""


class Setting(NamedTuple):
    """When, where and how it was measured."""

    day: str
    machine: str
    bounds: Bounds


def setting(bounds: Bounds) -> Setting:
    """Returns today and this machine, with its load before anything is started."""
    memory = psutil.virtual_memory().total / 2**30
    kernel = platform.release().partition("-")[0]
    machine = (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {kernel},"
        f" Python {platform.python_version()}, load before it {os.getloadavg()[0]:.1f}"
    )
    return Setting(f"{datetime.now(UTC):%Y-%m-%d}", machine, bounds)


def quantile(values: Sequence[float], part: float) -> float | None:
    """Returns a quantile; None where there are no values."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * part)] if ordered else None


def significant(value: float) -> str:
    """Returns a number with three digits that say something, and thousands with a comma."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bytes_of(value: float) -> str:
    """Returns bytes in the unit that fits."""
    if value < 1_000:
        return f"{value:.0f} B"
    return f"{value / 1e3:,.1f} kB" if value < 1e6 else f"{value / 1e6:,.1f} MB"


def _a_second(events: int, seconds: float) -> float | None:
    return events / seconds if seconds > 0 else None


def _an_event(amount: float, of: Figures) -> float | None:
    return amount / of.stored if of.stored else None


def _lost(of: Figures) -> float | None:
    if not of.killed_answered:
        return None
    return 100 * (of.killed_answered - of.killed_kept) / of.killed_answered


def _show_lost(value: float, of: Figures) -> str:
    lost = of.killed_answered - of.killed_kept
    return f"{lost:,} of {of.killed_answered:,}" + (f" ({value:.0f} %)" if lost else "")


def _ms(value: float, _: Figures) -> str:
    return f"{significant(value)} ms"


MEASURES = (
    Measure(
        "accepted a second",
        lambda of: _a_second(of.answered, of.send_s),
        lambda value, _: significant(value),
        is_less_better=False,
    ),
    Measure(
        "stored a second",
        lambda of: _a_second(of.stored, of.store_s),
        lambda value, _: significant(value),
        is_less_better=False,
    ),
    Measure("lost after kill -9", _lost, _show_lost, whole=100),
    Measure("answer, p50", lambda of: quantile(of.latencies_ms, 0.50), _ms),
    Measure("answer, p99", lambda of: quantile(of.latencies_ms, 0.99), _ms),
    Measure("processor time an event", lambda of: _an_event(of.cpu_s * 1e3, of), _ms),
    Measure("memory at most", lambda of: of.peak_mb or None, lambda value, _: f"{value:,.0f} MB"),
    Measure(
        "disk an event",
        lambda of: _an_event(of.disk_bytes, of),
        lambda value, _: bytes_of(value),
    ),
)


def shown(measure: Measure, of: Figures) -> str:
    """Returns one figure as text; a dash where it is unknown."""
    value = measure.value(of)
    return "–" if value is None else measure.show(value, of)


def markdown(found: Mapping[str, Sequence[Figures]], when: Setting) -> str:
    """Returns a table for each work, by its name, and what they were measured with."""
    parts = [
        f"Measured on {when.day}: {when.machine}. Sent for {when.bounds.send:g} s, and for"
        f" {when.bounds.kill_send:g} s before the kill; patience {when.bounds.patience:g} s."
    ]
    for work, figures in found.items():
        head = [TITLES[work], *(f"{one.peer} {one.version}" for one in figures)]
        rows = [
            ["accepted", *(f"{one.answered:,}" for one in figures)],
            ["of them stored when patience was over", *(f"{one.stored:,}" for one in figures)],
            ["not accepted", *(f"{one.rejected:,}" for one in figures)],
            *([one.name, *(shown(one, of) for of in figures)] for one in MEASURES),
        ]
        parts.append("\n".join(map(_row, [head, ["---"] * len(head), *rows])))
    return "\n\n".join(parts)


def put_between(page: str, text: str) -> str:
    """Returns the page with the text between the two marks. Raises ValueError without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
