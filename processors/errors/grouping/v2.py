"""Grouping `v2`, the default: by stack, else by exception, else by message. Pure.

1. The stacks of the last exceptions of the chain, each with the type of its exception. A type that
   the SDK made up does not count, nor does what an exception says. Where no frame has a name (a
   minified bundle), what it says counts too. An exception without a stack has that of the thread.
2. Without a stack: the types and what they say, without what varies.
3. Without an exception: the stack of a thread that crashed; the message's template, else the
   message, without what varies; the stack of the thread that sent.
"""

import re
from collections.abc import Sequence
from itertools import chain as joined

from msgspec import Struct

from processors.errors.grouping.found import Found
from processors.errors.grouping.functions import JAVASCRIPT
from processors.errors.grouping.parametrise import parametrise
from processors.errors.grouping.stacks import (
    NO_STACK,
    Stack,
    judge,
    look_at,
    overflowed,
)
from schemas.errors.event import ErrorEvent, Frame, Thrown
from schemas.errors.grouping import Basis, Component

MAX_CHAIN = 10
"""Exceptions of a chain that count: the last, which the application saw."""
MAX_TYPE_CHARS = 200
MADE_UP = "made up by the SDK"
MINIFIED = "a minified name"
STACK_DECIDES = "the stack decides"
SAME = "the same as an exception before it"
SAYS_NOTHING = "says neither type nor value nor stack"
TOO_LONG = f"before the last {MAX_CHAIN} of the chain"
NOTHING_LEFT = "no frame counts"

_PLACEHOLDERS = re.compile(r"%\(?\w*\)?[a-z]?|\{[^}]{0,100}\}|\$\w+|\W+")


class Weighed(Struct, gc=False):
    """One exception with what counts of it."""

    type: str
    value: str
    stack: Stack
    thrown: Thrown
    left_out: str = ""
    """Why nothing of it counts."""


def find(event: ErrorEvent, explained: bool) -> Found:
    """Returns the group of an event."""
    weighed = _weigh(event)
    basis: Basis = "stack" if any(one.stack.keys for one in weighed) else "exception"
    if blocks := _blocks(weighed):
        components = _components(event, weighed) if explained else ()
        return _found(basis, blocks, components)
    if text := message_of(event):
        return _found("message", [f"message {text}"], (Component("message", text),))
    return _found("nothing", [f"logger {event.logger}"], (Component("logger", event.logger),))


def message_of(event: ErrorEvent) -> str:
    """The message without what varies: its template, where that says anything."""
    if event.template and _PLACEHOLDERS.sub("", event.template):
        return parametrise(event.template)
    return parametrise(event.message)


def _found(basis: Basis, lines: list[str], components: tuple[Component, ...]) -> Found:
    return Found(basis, "\n".join(("v2", *lines)), components)


def _weigh(event: ErrorEvent) -> list[Weighed]:
    chain, stacks = _chain(event)
    judged = _judge(chain, stacks, event.platform)
    stackless = not any(stack.keys for stack in judged)
    weighed = []
    for thrown, stack in zip(chain, judged, strict=True):
        type_ = "" if thrown.synthetic and stack.keys else plain_type(thrown.type, event.platform)
        # Frames without a name say which file it was; what was said tells one error of it from
        # another.
        told = stackless or (stack.keys and not stack.named)
        value = parametrise(thrown.value) if told and thrown.value else ""
        weighed.append(Weighed(type_, value, stack, thrown))
    return weighed


def _chain(event: ErrorEvent) -> tuple[tuple[Thrown, ...], list[tuple[Frame, ...]]]:
    """The exceptions that count, each with its stack; that of a thread where there is none."""
    chain = () if _is_message(event) else event.exceptions[-MAX_CHAIN:]
    stacks = [thrown.frames for thrown in chain]
    if any(stacks):
        return chain, stacks
    said = any(thrown.type or thrown.value for thrown in chain)
    for thread in event.threads:
        counts = thread.crashed or (thread.current and (said or not message_of(event)))
        if counts and thread.frames:
            return (chain or (Thrown(),)), [*stacks[:-1], thread.frames]
    return (chain, stacks) if said else ((), [])


def _is_message(event: ErrorEvent) -> bool:
    """Whether the exception is only where SDKs for JavaScript put the stack of a message."""
    if len(event.exceptions) != 1 or not event.message:
        return False
    (thrown,) = event.exceptions
    return thrown.synthetic and not thrown.type and thrown.value in (None, "", event.message)


def _judge(
    chain: Sequence[Thrown], stacks: Sequence[tuple[Frame, ...]], platform: str
) -> list[Stack]:
    looked = [look_at(frames, platform) for frames in stacks]
    ours = any(own and not part.machinery for _, part, own in joined.from_iterable(looked))
    return [
        judge(frames, ours=ours, overflow=overflowed(thrown.type, thrown.value))
        if frames
        else NO_STACK
        for thrown, frames in zip(chain, looked, strict=True)
    ]


def plain_type(name: str, platform: str) -> str:
    """The type of an exception; empty where a minifier named it."""
    if len(name) <= 2 and platform in JAVASCRIPT:
        return ""
    name = name[:MAX_TYPE_CHARS]
    if "@anonymous" in name:
        return name.partition("@")[0] + "@anonymous"
    return name if name.isidentifier() else parametrise(name) if " " in name else name.strip()


def _blocks(weighed: Sequence[Weighed]) -> list[str]:
    """What is hashed of each exception. One that is like one before it says nothing new."""
    blocks: dict[str, Weighed] = {}
    for one in weighed:
        block = [f"type {one.type}"] if one.type else []
        if one.value:
            block.append(f"value {one.value}")
        block += [f"frame {key}" for key in one.stack.keys]
        first = blocks.setdefault("\n".join(block), one)
        one.left_out = SAME if first is not one else "" if block else SAYS_NOTHING
    blocks.pop("", None)
    return list(blocks)


def _components(event: ErrorEvent, weighed: Sequence[Weighed]) -> tuple[Component, ...]:
    shown = tuple(_exception_component(one) for one in weighed)
    if (before := len(event.exceptions) - MAX_CHAIN) > 0:
        return (_component("exceptions", str(before), TOO_LONG), *shown)
    return shown


def _exception_component(one: Weighed) -> Component:
    thrown = one.thrown
    parts = []
    if thrown.type:
        why = "" if one.type else MADE_UP if thrown.synthetic else MINIFIED
        parts.append(_component("type", one.type or thrown.type, why or one.left_out))
    if thrown.value:
        why = "" if one.value else STACK_DECIDES
        parts.append(
            _component("value", one.value or parametrise(thrown.value), why or one.left_out)
        )
    if one.stack.frames:
        frames = tuple(
            _component("frame", frame.key, frame.left_out or one.left_out)
            for frame in one.stack.frames
        )
        parts.append(_component("stack", "", "" if one.stack.keys else NOTHING_LEFT, frames))
    return _component("exception", "", one.left_out, tuple(parts))


def _component(name: str, value: str, why: str, parts: tuple[Component, ...] = ()) -> Component:
    return Component(name, value, contributes=not why, reason=why, parts=parts)
