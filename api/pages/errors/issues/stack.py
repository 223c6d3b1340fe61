"""A chain of exceptions with its stacks, as people read it. Pure: an event in, what is shown out.

Rules:
    1. the newest comes first, unless the order of the sender is asked for: then the causes do
    2. frames of libraries are folded between those of the application, unless all are asked for;
       of a stack without a frame of the application none is folded, and the last call never is
    3. equal calls in a row are one, with how often they came
    4. the newest frame of the application in what was raised last is open, with its source
    5. beyond so many frames only the call is shown, and beyond more only their number
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup

from api.pages.errors.issues.cutting import LONG, SHORT, Budget, Cut, Pairs, object_of
from api.pages.errors.issues.mapped import NO_NOTES, MapNote, Notes
from api.pages.parts.code import coloured
from schemas.errors.event import ErrorEvent, Frame, Thread, Thrown

Order = Literal["newest", "sent"]
ORDERS: tuple[Order, ...] = ("newest", "sent")
MOST_FRAMES = 240
"""Of a page."""
MOST_DETAILED = 48
"""Of a page with source and variables."""
MOST_THROWN = 20
MOST_THREADS = 20
MOST_VARS = 40
MOST_LINE = 240
LANGUAGES = {
    **{"py": "python", "pyw": "python", "rb": "ruby", "go": "go", "java": "java", "rs": "rust"},
    **{"js": "js", "mjs": "js", "cjs": "js", "jsx": "jsx", "ts": "ts", "tsx": "tsx", "vue": "ts"},
    **{"kt": "kotlin", "cs": "csharp", "swift": "swift", "dart": "dart", "ex": "elixir"},
    **{"c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "hpp": "cpp", "lua": "lua", "pl": "perl"},
}
"""By the end of a file's name. Not PHP: a line of it is HTML to what colours it."""
BY_MODULE = ("java", "kotlin", "scala", "groovy")
"""Platforms where a class says more than the name of its file."""


class Line(NamedTuple):
    """A line of source."""

    number: int | None
    html: Markup
    is_crash: bool


class Call(NamedTuple):
    """One frame."""

    where: Cut
    path: str
    """The whole path, where it says more."""
    function: Cut
    line: str
    """`12`, or `12:5`."""
    is_app: bool
    package: str
    address: str
    times: int
    source: list[Line]
    variables: Pairs
    is_open: bool
    note: MapNote | None = None
    """What source maps made of it."""

    @property
    def has_more(self) -> bool:
        """Whether there is anything to open."""
        return bool(
            self.source or self.variables.shown or self.variables.left or self.path or self.note
        )


class Fold(NamedTuple):
    """Calls in a row, of libraries where `is_library`; folded unless there is nothing else."""

    calls: list[Call]
    is_library: bool


class Stack(NamedTuple):
    """The frames of one exception or thread."""

    folds: list[Fold]
    left_out: int
    """Frames of the middle that are not kept."""
    not_shown: int
    """Frames that are kept and not on the page."""
    left_after: int
    """The fold after which those that are left out belong."""


class Raised(NamedTuple):
    """One exception of the chain."""

    type: Cut
    value: Cut | None
    module: str
    mechanism: str
    handled: bool | None
    is_cause: bool
    stack: Stack


class Running(NamedTuple):
    """A thread."""

    name: str
    crashed: bool
    stack: Stack


class Chain(NamedTuple):
    """All stacks of an event."""

    raised: list[Raised]
    not_shown: int
    threads: list[Running]
    threads_left: int
    has_libraries: bool
    """Whether there is anything to fold or unfold."""


class Asked(NamedTuple):
    """How the stacks are wanted."""

    order: Order = "newest"
    whole: bool = False
    """Whether frames of libraries are shown as all others."""


class _Page:
    """What the page may still show of frames, and whether one is open."""

    def __init__(self, event: ErrorEvent, asked: Asked, budget: Budget, notes: Notes) -> None:
        self.notes = notes
        self.asked, self.budget, self.platform = asked, budget, event.platform
        self.frames, self.detailed = MOST_FRAMES, MOST_DETAILED
        self.has_opened = False
        self.has_libraries = False


def chain_of(event: ErrorEvent, asked: Asked, budget: Budget, notes: Notes = NO_NOTES) -> Chain:
    """Returns what is shown of an event's stacks."""
    page = _Page(event, asked, budget, notes)
    # What was raised last is worked out first: it is what the budget is for.
    newest = event.exceptions[::-1]
    shown = [_raised(one, page, at > 0) for at, one in enumerate(newest[:MOST_THROWN])]
    threads = [one for one in event.threads if one.frames]
    threads.sort(key=lambda one: (not one.crashed, not one.current))
    running = [_running(one, page) for one in threads[:MOST_THREADS]]
    return Chain(
        raised=shown if asked.order == "newest" else shown[::-1],
        not_shown=len(newest) - len(shown),
        threads=running,
        threads_left=len(threads) - len(running),
        has_libraries=page.has_libraries,
    )


def is_app(frames: Sequence[Frame], frame: Frame) -> bool:
    """Tells whether a frame is the application's own; where nobody says so, all of them are."""
    if frame.in_app is not None:
        return frame.in_app
    return not any(one.in_app for one in frames)


def _raised(thrown: Thrown, page: _Page, is_cause: bool) -> Raised:
    cut = page.budget.cut
    return Raised(
        type=cut("" if thrown.synthetic and thrown.value else thrown.type, SHORT),
        value=None if thrown.value is None else cut(thrown.value, LONG),
        module=cut(thrown.module, SHORT).text,
        mechanism=cut(thrown.mechanism, SHORT).text,
        handled=thrown.handled,
        is_cause=is_cause,
        stack=_stack(thrown.frames, thrown.frames_left_out, page),
    )


def _running(thread: Thread, page: _Page) -> Running:
    name = thread.name or thread.id or "thread"
    return Running(
        page.budget.cut(name, SHORT).text, thread.crashed, _stack(thread.frames, 0, page)
    )


def _stack(frames: Sequence[Frame], left_out: int, page: _Page) -> Stack:
    """Returns a stack; `frames` are oldest first, as senders give them."""
    grouped = list(_grouped(frames))[::-1]
    kept = grouped[: max(0, page.frames)]
    page.frames -= len(kept)
    owned = [is_app(frames, frame) for frame, _ in kept]
    page.has_libraries |= any(owned) and not all(owned)
    whole = page.asked.whole or not any(owned)
    opened = _opened(kept, owned, page)
    calls = [
        _call(frame, times, page, is_app=own, is_open=at == opened)
        for at, ((frame, times), own) in enumerate(zip(kept, owned, strict=True))
    ]
    folds = _folded(calls, whole)
    not_shown = sum(times for _, times in grouped[len(kept) :])
    # Of a long stack the middle is missing: half of what was kept is on either side of it.
    middle = _fold_at(folds, len(calls) // 2) if left_out else -1
    if page.asked.order == "sent":
        folds = [Fold(one.calls[::-1], one.is_library) for one in folds[::-1]]
        middle = max(0, len(folds) - 2 - middle) if left_out else -1
    return Stack(folds, left_out, not_shown, middle)


def _grouped(frames: Iterable[Frame]) -> list[tuple[Frame, int]]:
    found: list[tuple[Frame, int]] = []
    for frame in frames:
        if found and _place(found[-1][0]) == _place(frame):
            found[-1] = (frame, found[-1][1] + 1)
        else:
            found.append((frame, 1))
    return found


def _place(frame: Frame) -> tuple[object, ...]:
    return (frame.filename, frame.module, frame.function, frame.lineno, frame.instruction_addr)


def _opened(kept: Sequence[tuple[Frame, int]], owned: Sequence[bool], page: _Page) -> int:
    """Returns the frame that is open, -1 for none: one of a page, the newest that has source."""
    if page.has_opened:
        return -1
    places = [at for at, own in enumerate(owned) if own or not any(owned)]
    for at in places:
        if kept[at][0].context_line:
            page.has_opened = True
            return at
    return -1


def _call(frame: Frame, times: int, page: _Page, *, is_app: bool, is_open: bool) -> Call:
    cut = page.budget.cut
    name = frame.filename or frame.abs_path
    if page.platform in BY_MODULE or not name:
        name = frame.module or name or frame.package
    is_detailed = page.detailed > 0 and page.budget.chars > 0
    has_detail = bool(frame.context_line) or len(frame.vars) > 0
    page.detailed -= has_detail
    path = frame.abs_path if is_detailed and frame.abs_path != name else ""
    line = "" if frame.lineno is None else str(frame.lineno)
    return Call(
        where=cut(name, SHORT),
        path=cut(path, SHORT).text if path else "",
        function=cut(frame.function, SHORT),
        line=f"{line}:{frame.colno}" if line and frame.colno is not None else line,
        is_app=is_app,
        package=cut(frame.package, SHORT).text if frame.package != name else "",
        address=cut(frame.instruction_addr, SHORT).text,
        times=times,
        source=_source(frame, page) if is_detailed else [],
        variables=page.budget.pairs(object_of(frame.vars), most=MOST_VARS, chars=SHORT)
        if is_detailed
        else Pairs([]),
        is_open=is_open,
        note=page.notes.get(id(frame)) if is_detailed else None,
    )


def _source(frame: Frame, page: _Page) -> list[Line]:
    if not frame.context_line:
        return []
    end = (frame.filename or frame.abs_path).rpartition(".")[2].lower()
    language = LANGUAGES.get(end, page.platform if page.platform in LANGUAGES.values() else "")
    lines = (*frame.pre_context, frame.context_line, *frame.post_context)
    crash = len(frame.pre_context)
    first = None if frame.lineno is None else frame.lineno - crash
    found = []
    for at, text in enumerate(lines):
        shown = page.budget.cut(text.rstrip("\r\n"), MOST_LINE)
        html = coloured(shown.text, language, page.budget.colours)
        number = None if first is None else first + at
        found.append(Line(number, html + ("…" if shown.left else ""), at == crash))
    return found


def _folded(calls: Sequence[Call], whole: bool) -> list[Fold]:
    """Returns calls, newest first, with those of libraries in a row as one that can be opened."""
    found: list[Fold] = []
    for at, call in enumerate(calls):
        is_library = not (whole or call.is_app or at == 0)
        if found and found[-1].is_library == is_library:
            found[-1].calls.append(call)
        else:
            found.append(Fold([call], is_library))
    return found


def _fold_at(folds: Sequence[Fold], place: int) -> int:
    seen = 0
    for at, fold in enumerate(folds):
        seen += len(fold.calls)
        if seen >= place:
            return at
    return len(folds) - 1
