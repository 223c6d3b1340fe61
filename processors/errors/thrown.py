"""Exceptions and threads as Sentry's SDKs write them."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from processors.errors.frames import Name, SentStack, Stack, read_stack, stack_of
from processors.errors.parts import (
    MAX_TEXT,
    Problems,
    decode_any,
    flag_of,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    note,
    text_of,
)
from schemas.errors.event import MAX_EXCEPTIONS, Thread, Thrown

MAX_THREADS = 256
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
# Some SDKs write all in `value`; split as Sentry Relay does.
TYPE_IN_VALUE = re.compile(r"(\w+):(.*)", re.DOTALL)


class SentMechanism(Struct, gc=False):
    """How an exception was caught."""

    type: Name | None = None
    handled: bool | None = None
    synthetic: bool | None = None


class SentThrown(Struct, gc=False):
    """An exception as the protocol has it, within our bounds."""

    type: Name | None = None
    value: Text | None = None
    module: Name | None = None
    mechanism: SentMechanism | None = None
    stacktrace: SentStack | None = None


class SentChain(Struct, gc=False):
    """A chain of exceptions as the protocol has it."""

    values: list[SentThrown]


class SentThread(Struct, gc=False):
    """A thread as the protocol has it."""

    id: int | Name | None = None
    name: Name | None = None
    crashed: bool | None = None
    current: bool | None = None
    stacktrace: SentStack | None = None


class SentThreads(Struct, gc=False):
    """The threads of a process as the protocol has them."""

    values: list[SentThread]


_chain = msgspec.json.Decoder(SentChain)
_threads = msgspec.json.Decoder(SentThreads)


def exceptions_of(raw: Raw, problems: Problems) -> tuple[Thrown, ...]:
    """Returns the chain of exceptions, from any of the shapes that SDKs give it."""
    if is_absent(raw):
        return ()
    try:
        found = [_thrown(one, problems) for one in _newest(_chain.decode(raw).values, problems)]
    except (msgspec.ValidationError, RecursionError):
        values = _newest(list_of(decode_any(raw), "exception", problems), problems)
        found = [_read_thrown(one, problems) for one in values]
    return tuple([one for one in found if one.type or one.value or one.frames])


def threads_of(raw: Raw, problems: Problems) -> tuple[Thread, ...]:
    """Returns the threads of the process, from any of their shapes."""
    if is_absent(raw):
        return ()
    try:
        return tuple(
            [_thread(one, problems) for one in _first(_threads.decode(raw).values, problems)]
        )
    except (msgspec.ValidationError, RecursionError):
        values = _first(list_of(decode_any(raw), "threads", problems), problems)
        return tuple([_read_thread(one, problems) for one in values])


def make_thrown(type_: str, value: str | None, stack: Stack, **more: Any) -> Thrown:
    """Returns an exception; a type that stands in the value is taken out of it."""
    if not type_ and value:
        found = TYPE_IN_VALUE.fullmatch(value)
        if found is not None:
            type_, value = found[1], found[2].strip()
    return Thrown(type_, value, frames=stack.frames, frames_left_out=stack.left_out, **more)


def _thrown(sent: SentThrown, problems: Problems) -> Thrown:
    stack = stack_of(sent.stacktrace, problems)
    caught = sent.mechanism
    more: dict[str, Any] = {"module": sent.module or ""}
    if caught is not None:
        more["mechanism"] = caught.type or ""
        more["handled"] = caught.handled
        more["synthetic"] = caught.synthetic or False
    return make_thrown(sent.type or "", sent.value, stack, **more)


def _read_thrown(value: object, problems: Problems) -> Thrown:
    thrown = mapping_of(value, "exception", problems)
    caught = thrown.get("mechanism")
    if isinstance(caught, str):
        caught = {"type": caught}
    caught = mapping_of(caught, "exception.mechanism", problems)
    return make_thrown(
        text_of(thrown.get("type"), "exception.type", problems),
        lenient_text(thrown.get("value"), "exception.value", problems),
        read_stack(thrown.get("stacktrace"), problems),
        module=text_of(thrown.get("module"), "exception.module", problems),
        mechanism=text_of(caught.get("type"), "exception.mechanism", problems),
        handled=flag_of(caught.get("handled"), "exception.mechanism.handled", problems),
        synthetic=bool(flag_of(caught.get("synthetic"), "exception.mechanism.synthetic", problems)),
    )


def _thread(sent: SentThread, problems: Problems) -> Thread:
    return Thread(
        "" if sent.id is None else str(sent.id),
        sent.name or "",
        sent.crashed or False,
        sent.current or False,
        stack_of(sent.stacktrace, problems).frames,
    )


def _read_thread(value: object, problems: Problems) -> Thread:
    thread = mapping_of(value, "thread", problems)
    return Thread(
        text_of(thread.get("id"), "thread.id", problems),
        text_of(thread.get("name"), "thread.name", problems),
        bool(flag_of(thread.get("crashed"), "thread.crashed", problems)),
        bool(flag_of(thread.get("current"), "thread.current", problems)),
        read_stack(thread.get("stacktrace"), problems).frames,
    )


def _newest(values: list[Any], problems: Problems) -> list[Any]:
    if len(values) <= MAX_EXCEPTIONS:
        return values
    note(problems, f"exception: the last {MAX_EXCEPTIONS} of {len(values)} kept")
    return values[-MAX_EXCEPTIONS:]


def _first(values: list[Any], problems: Problems) -> list[Any]:
    if len(values) <= MAX_THREADS:
        return values
    note(problems, f"threads: {MAX_THREADS} of {len(values)} kept")
    # The crashed ones first: sorting keeps the order of the others.
    return sorted(values, key=_is_calm)[:MAX_THREADS]


def _is_calm(thread: Any) -> bool:
    crashed = thread.get("crashed") if isinstance(thread, dict) else getattr(thread, "crashed", 0)
    return not crashed
