"""Stacks as Sentry's SDKs write them, oldest call first.

Most stacks are as the protocol says: those are decoded by type. Any other is read value by value.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Raw, Struct

from processors.errors.parts import (
    MAX_LINE,
    MAX_NAME,
    MAX_SMALL_JSON,
    Problems,
    encoded,
    flag_of,
    list_of,
    mapping_of,
    note,
    small_object_of,
    text_of,
    whole_of,
)
from schemas.errors.event import EMPTY, MAX_FRAMES, Frame

MAX_CONTEXT_LINES = 20
Name = Annotated[str, Meta(max_length=MAX_NAME)]
Line = Annotated[str, Meta(max_length=MAX_LINE)]
Lines = Annotated[tuple[Line, ...], Meta(max_length=MAX_CONTEXT_LINES)]
Whole = Annotated[int, Meta(lt=1 << 53)]


class SentFrame(Struct, gc=False):
    """A frame as the protocol has it, within our bounds."""

    filename: Name | None = None
    abs_path: Name | None = None
    module: Name | None = None
    function: Name | None = None
    lineno: Whole | None = None
    colno: Whole | None = None
    in_app: bool | None = None
    pre_context: Lines | None = None
    context_line: Line | None = None
    post_context: Lines | None = None
    vars: Raw = EMPTY
    package: Name | None = None
    instruction_addr: Name | None = None


class SentStack(Struct, gc=False):
    """A stack as the protocol has it."""

    frames: list[SentFrame] | None = None


class Stack(NamedTuple):
    """Frames within bounds, and how many of the middle were left out."""

    frames: tuple[Frame, ...] = ()
    left_out: int = 0


def stack_of(sent: SentStack | None, problems: Problems) -> Stack:
    """Returns the frames of a stack that was decoded by type."""
    if sent is None or not sent.frames:
        return Stack()
    kept, left_out = _bounded(sent.frames)
    return Stack(tuple([_frame(one, problems) for one in kept]), left_out)


def read_stack(value: object, problems: Problems) -> Stack:
    """Reads a stack of any shape: an object with frames, or a list of frames."""
    if isinstance(value, dict):
        value = value.get("frames")
    kept, left_out = _bounded(list_of(value, "stacktrace", problems))
    return Stack(tuple([read_frame(one, problems) for one in kept]), left_out)


def read_frame(value: object, problems: Problems) -> Frame:
    """Reads a frame of any shape, by the names of Sentry."""
    frame = mapping_of(value, "frame", problems)
    return Frame(
        filename=text_of(frame.get("filename"), "frame.filename", problems),
        abs_path=text_of(frame.get("abs_path"), "frame.abs_path", problems),
        module=text_of(frame.get("module"), "frame.module", problems),
        function=text_of(frame.get("function"), "frame.function", problems),
        lineno=whole_of(frame.get("lineno"), "frame.lineno", problems),
        colno=whole_of(frame.get("colno"), "frame.colno", problems),
        in_app=flag_of(frame.get("in_app"), "frame.in_app", problems),
        pre_context=read_lines(frame.get("pre_context"), "frame.pre_context", problems),
        context_line=text_of(frame.get("context_line"), "frame.context_line", problems, MAX_LINE),
        post_context=read_lines(frame.get("post_context"), "frame.post_context", problems),
        vars=_vars(frame, problems),
        package=text_of(frame.get("package"), "frame.package", problems),
        instruction_addr=_address(frame.get("instruction_addr"), problems),
    )


def read_lines(value: object, name: str, problems: Problems) -> tuple[str, ...]:
    """Reads lines of source around a frame; an unreadable one is empty, so that numbers hold."""
    lines = list_of(value, name, problems)
    if len(lines) > MAX_CONTEXT_LINES:
        note(problems, f"{name}: {MAX_CONTEXT_LINES} lines kept")
    return tuple([text_of(line, name, problems, MAX_LINE) for line in lines[:MAX_CONTEXT_LINES]])


def _frame(sent: SentFrame, problems: Problems) -> Frame:
    line = sent.lineno
    # By position: naming so many fields costs more than reading them.
    return Frame(
        sent.filename or "",
        sent.abs_path or "",
        sent.module or "",
        sent.function or "",
        line if line is None or line >= 0 else None,  # Java has -2 for native code.
        sent.colno,
        sent.in_app,
        sent.pre_context or (),
        sent.context_line or "",
        sent.post_context or (),
        small_object_of(sent.vars, "frame.vars", problems),
        sent.package or "",
        sent.instruction_addr or "",
    )


def _bounded(frames: Sequence[Any]) -> tuple[Sequence[Any], int]:
    left_out = len(frames) - MAX_FRAMES
    if left_out <= 0:
        return frames, 0
    half = MAX_FRAMES // 2
    return [*frames[:half], *frames[-half:]], left_out


def _vars(frame: Mapping[str, Any], problems: Problems) -> Raw:
    return encoded(frame.get("vars"), "frame.vars", problems, MAX_SMALL_JSON)


def _address(value: object, problems: Problems) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return hex(value)
    return text_of(value, "frame.instruction_addr", problems)
