"""The systems that this installation has."""

from collections.abc import Callable, Mapping
from typing import Any

from litestar import Router

from api.exports.lists import ListFilter
from api.pages.navigation import Section
from clickhouse.queries.parts import Table
from schemas.issues import Checked
from sluice import deploys, errors, llm, otel, uptime
from sluice.parts import Parts, Resources

SYSTEMS = (llm.SYSTEM, errors.SYSTEM, uptime.SYSTEM, deploys.SYSTEM, otel.SYSTEM)
"""One each for those of `schemas.kinds`."""


def open_systems(resources: Resources) -> Parts:
    """Makes the parts of every system. Blocking."""
    every = [system.open(resources) for system in SYSTEMS]
    return Parts(
        forms={name: form for parts in every for name, form in parts.forms.items()},
        steps={name: step for parts in every for name, step in parts.steps.items()},
        state={name: value for parts in every for name, value in parts.state.items()},
        refresh=[work for parts in every for work in parts.refresh],
        alone=[start for parts in every for start in parts.alone],
        keepers={kind: start for parts in every for kind, start in parts.keepers.items()},
    )


def queries() -> list[Any]:
    """Returns the handlers of every system that read."""
    return [handler for system in SYSTEMS for handler in system.queries]


def controls() -> list[Any]:
    """Returns the handlers of every system that people set things by."""
    return [handler for system in SYSTEMS for handler in system.controls]


def agents() -> list[Any]:
    """Returns the handlers of every system for programs that hold an API token."""
    return [handler for system in SYSTEMS for handler in system.agents]


def sentry_cli() -> list[Any]:
    """Returns the handlers of every system that `sentry-cli` calls."""
    return [handler for system in SYSTEMS for handler in system.sentry_cli]


def own_routers() -> list[Router]:
    """Returns the routes of every system that are none of the others."""
    return [router for system in SYSTEMS for router in system.own_routers()]


def pages() -> list[Section]:
    """Returns the pages of every system, in the order of the navigation."""
    return [section for system in SYSTEMS for section in system.pages]


def checks() -> Mapping[str, Callable[[bytes, int], Checked]]:
    """Returns how one item of a kind is checked, by the kind's name."""
    return {name: check for system in SYSTEMS for name, check in system.checks.items()}


def exports() -> Mapping[str, ListFilter]:
    """Returns what exports of a table are narrowed by, where its list has filters of its own."""
    return {name: one for system in SYSTEMS for name, one in system.exports.items()}


def tables() -> Mapping[str, Table]:
    """Returns where the rows of each kind are read back."""
    return {name: table for system in SYSTEMS for name, table in system.tables.items()}
