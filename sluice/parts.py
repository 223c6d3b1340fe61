"""What a system gives to the processes of Sluice; `sluice.systems` lists the systems."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from litestar import Router
from litestar.types import AnyCallable
from msgspec import Struct

from api.exports.lists import ListFilter
from api.pages.navigation import Section
from clickhouse.client import Warehouse
from clickhouse.queries.parts import Table
from controlplane.database import Database
from ingest.forms import Form
from processors.blocks import KindStep, StoredLog
from processors.errors.settings import ErrorsSettings
from processors.llm.cost.cache import load_book
from processors.llm.judges.candidates import Candidates
from processors.llm.known_templates import KnownTemplates
from processors.llm.pricing import Pricing
from processors.thinning import Keepers, KeepSums
from schemas.issues import Checked
from schemas.retention import KeptKind
from schemas.settings import Settings

Work = Callable[[], Awaitable[object]]


class Resources(Struct, dict=True):
    """What a process lends to its systems."""

    cache: Path
    """A directory for files that can be made anew."""
    database: Database
    settings: Settings = Settings()

    @cached_property
    def pricing(self) -> Pricing:
        """What calls cost, for every system that has some. Raises `PriceTableError`."""
        return Pricing(load_book(self.cache), self.database)

    @cached_property
    def judged(self) -> Candidates:
        """Which calls wait for judges, for every system whose items become calls."""
        return Candidates(self.database)

    @cached_property
    def templates(self) -> KnownTemplates:
        """Which templates of prompts are stored, for every system that has calls of models."""
        return KnownTemplates()

    @cached_property
    def errors_settings(self) -> ErrorsSettings:
        """What projects set for their errors and logs, for every system that has some."""
        return ErrorsSettings(self.database)


class Parts(Struct, frozen=True):
    """What systems do in a process."""

    forms: Mapping[str, Form]
    """How requests become items."""
    steps: Mapping[str, KindStep]
    """How items become rows, by the name of their kind."""
    state: Mapping[str, Any]
    """What their routes find on the application."""
    refresh: Sequence[Work] = ()
    """Read what they go by from the control plane: before the first block, and every 2 seconds."""
    alone: Sequence[Callable[[Warehouse, StoredLog], Work]] = ()
    """What one process of an installation does beside its traffic, again and again."""
    keepers: Mapping[KeptKind, Callable[[Warehouse], KeepSums]] = {}
    """What has to be kept of the rows of a kind before they go."""

    def keep_in(self, warehouse: Warehouse) -> Keepers:
        """Returns the keepers, by kind, over one store."""
        return {kind: start(warehouse) for kind, start in self.keepers.items()}


class System(Struct, frozen=True):
    """One system: its routes, and how its parts are made."""

    open: Callable[[Resources], Parts]
    """May read files and take a second: called once a process, in a thread."""
    routers: Callable[[AnyCallable, AnyCallable], Sequence[Router]]
    """The routes that take items in, from how a project is found by key and by session."""
    queries: Sequence[Any]
    """The handlers that read."""
    controls: Sequence[Any] = ()
    """The handlers below `/dashboard/api` by which people set things."""
    agents: Sequence[Any] = ()
    """The handlers below `/api/v1`, for programs that hold an API token."""
    sentry_cli: Sequence[Any] = ()
    """The handlers below `/api/0`, that `sentry-cli` calls with an API token."""
    own_routers: Callable[[], Sequence[Router]] = list
    """Its routes that ask for credentials, and answer errors, in a way of their own."""
    pages: Sequence[Section] = ()
    """Its pages of the dashboard, and how the navigation names them."""
    checks: Mapping[str, Callable[[bytes, int], Checked]] = {}
    """How one item of a kind is checked as ingest would, for who repairs a dead letter. Takes the
    item and the most bytes of one; what of a kind is not here is replayed unchecked."""
    tables: Mapping[str, Table] = {}
    """Where the rows of a kind are read back for the sender who waits for them."""
    exports: Mapping[str, ListFilter] = {}
    """What exports of a table are narrowed by, where its list has filters of its own."""
