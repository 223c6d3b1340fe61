"""An error event in our own words: one form for what every SDK and protocol sends.

`processors.errors` reads what came into it, masks and groups it, and stores it. The whole event is
kept as JSON of this form in the column `body` of table `errors`, so that whoever reads an event
needs to know no protocol. Frames are in the order of Sentry: oldest call first, crash last.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

Level = Literal["fatal", "error", "warning", "info", "debug"]
LEVELS: tuple[Level, ...] = ("fatal", "error", "warning", "info", "debug")
MAX_EXCEPTIONS = 50
MAX_FRAMES = 250
"""Of a stack; of a longer one the oldest and the newest halves are kept."""
MAX_BREADCRUMBS = 100
MAX_TAGS = 200
EMPTY = Raw(b"")


class Original(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """Where a frame was before a source map said where it is in the source."""

    filename: str = ""
    abs_path: str = ""
    function: str = ""
    lineno: int | None = None
    colno: int | None = None
    by: str = ""
    """What it was mapped by: a debug id, or the address of the map."""


class Frame(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One call of a stack."""

    filename: str = ""
    abs_path: str = ""
    module: str = ""
    function: str = ""
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    """Whether the frame is the application's own code; `None` where the sender did not say."""
    pre_context: tuple[str, ...] = ()
    context_line: str = ""
    post_context: tuple[str, ...] = ()
    vars: Raw = EMPTY
    """A JSON object; empty where none came."""
    package: str = ""
    """Of native frames: the library."""
    instruction_addr: str = ""
    """Of native frames, hexadecimal."""
    original: Original | None = None
    """Of frames that a source map was applied to: how they came."""


class Thrown(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One exception of a chain."""

    type: str = ""
    value: str | None = None
    """`None` where the sender gave none, which grouping tells from an empty one."""
    module: str = ""
    mechanism: str = ""
    """What caught it: `generic`, `onerror`, `logging`, ..."""
    handled: bool | None = None
    synthetic: bool = False
    """Whether the type was made up by the SDK, so that it says nothing."""
    frames: tuple[Frame, ...] = ()
    frames_left_out: int = 0
    """How many of the middle were left out."""


class Breadcrumb(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """What happened before."""

    timestamp_us: int | None = None
    """Microseconds since 1970 UTC; `None` where it cannot be read."""
    type: str = ""
    category: str = ""
    level: str = ""
    message: str = ""
    data: Raw = EMPTY
    """A JSON object."""


class Person(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """Who met the error."""

    id: str = ""
    email: str = ""
    username: str = ""
    ip: str = ""
    other: Raw = EMPTY
    """What else the sender says of them: a JSON object."""

    @property
    def key(self) -> str:
        """What the person is counted by: the first that is known of id, email, name, address."""
        return self.id or self.email or self.username or self.ip


class Asked(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """The HTTP request that was being answered."""

    method: str = ""
    url: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookies: Raw = EMPTY
    data: Raw = EMPTY
    env: Raw = EMPTY


class Thread(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One thread of the process, where the sender gives them."""

    id: str = ""
    name: str = ""
    crashed: bool = False
    current: bool = False
    frames: tuple[Frame, ...] = ()


class ErrorEvent(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One error, message or crash."""

    event_id: str
    """32 hex digits in lower case."""
    timestamp_us: int
    """When it happened: microseconds since 1970 UTC."""
    protocol: Literal["open_sentry", "sentry"] = "sentry"
    platform: str = ""
    level: Level = "error"
    logger: str = ""
    transaction: str = ""
    """The name of the route or job in which it happened."""
    release: str = ""
    dist: str = ""
    environment: str = ""
    server_name: str = ""
    sdk_name: str = ""
    sdk_version: str = ""
    exceptions: tuple[Thrown, ...] = ()
    """A chain: the cause first, what was raised last."""
    message: str = ""
    """As people read it, parameters filled in."""
    template: str = ""
    """The message before its parameters were filled in; empty where there were none."""
    threads: tuple[Thread, ...] = ()
    fingerprint: tuple[str, ...] = ()
    """What the sender groups by; empty where it leaves that to us."""
    user: Person = Person()
    request: Asked | None = None
    tags: dict[str, str] = {}
    contexts: Raw = EMPTY
    """A JSON object: browser, os, runtime, device, and the application's own."""
    extra: Raw = EMPTY
    modules: Raw = EMPTY
    """Installed packages by name, with their versions."""
    breadcrumbs: tuple[Breadcrumb, ...] = ()
    """The newest, oldest first."""
    trace_id: str = ""
    span_id: str = ""
    debug_images: Raw = EMPTY
    """What source maps and symbols are found by: `debug_meta.images`, a JSON array."""
    problems: tuple[str, ...] = ()
    """What could not be read as it came, and what was done: shown beside the event."""


event_encoder = msgspec.json.Encoder()
event_decoder = msgspec.json.Decoder(ErrorEvent)
_any_decoder = msgspec.json.Decoder(float_hook=float)


def frames_of(event: ErrorEvent) -> tuple[Frame, ...]:
    """Returns the stack that people look at: of what was raised, else of the crashed thread."""
    for thrown in reversed(event.exceptions):
        if thrown.frames:
            return thrown.frames
    for thread in event.threads:
        if thread.frames and (thread.crashed or thread.current):
            return thread.frames
    return ()


def json_of(raw: Raw) -> Any:
    """Decodes a part that is kept as JSON; `None` where there is none.

    What no float holds, as 1e400, is infinite: valid JSON has no bounds for numbers.
    """
    return None if raw is EMPTY or not memoryview(raw).nbytes else _any_decoder.decode(raw)
