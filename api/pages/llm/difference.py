"""What a call asks that the call before it in its session did not. Pure, and bounded in time.

An agent sends again what was said before, and a little more. Rules:
    1. Messages are compared by what they say, whatever shape they are sent in: Anthropic's clients
       move `cache_control`, and make a list of a text, from call to call
    2. A message that takes the place of another of its side, and is like it, is changed
    3. Where the provider keeps the messages before, none of them is dropped
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from api.pages.llm.conversation import ASKED, SYSTEMS, asked
from api.pages.parts.against import Difference, Setting, Tools
from api.pages.parts.messages import Message, Part, Said
from api.pages.parts.trees import laid_out
from api.pages.parts.wording import Effort, Stretch, aligned, words_of

MARK = rb'"cache_control":\{[^{}]*\}'
CACHE = re.compile(rb",%b|%b,?" % (MARK, MARK))
MOST_SETTINGS = 40
MOST_CHARS = 120
"""Of a setting, as it is shown."""
MOST_CHANGED = 300
"""In one place; what comes after them counts as dropped and new."""
MOST_WORDED = 10
"""Changed messages whose words are compared."""
LIKE = 0.3
"""Share of words that two messages have in common, of which one is the other, changed."""
LIKE_CHARS = 20_000
TOOLS = ("tools", "functions")
KEPT_THERE = ("previous_response_id", "conversation")
NO_SETTING = frozenset(
    {*ASKED, *SYSTEMS, *TOOLS, *KEPT_THERE, "model", "metadata", "prompt_cache_key"}
)
NESTED = ("generationConfig", "generation_config", "options")
"""Objects of settings: each counts by itself."""


class Request(Struct, frozen=True):
    """What a call asked."""

    model: str
    body: Any


def difference_of(before: Request, now: Request) -> Difference:
    """Returns what changed."""
    said = list(_said(asked(before.body), asked(now.body), is_continued=_is_continued(now.body)))
    counts = Counter(one.state for one in said)
    return Difference(
        said=said,
        counts={name: counts[name] for name in ("same", "new", "changed", "dropped")},
        settings=_settings(before, now),
        tools=_tools(_named_tools(before.body), _named_tools(now.body)),
        is_system_changed=any(
            one.message.role == "system" and one.state not in ("", "same") for one in said
        ),
    )


def _said(
    before: Sequence[Message], now: Sequence[Message], *, is_continued: bool
) -> Iterator[Said]:
    effort, worded = Effort(), MOST_WORDED
    for stretch in _stretches(before, now):
        old, new = before[stretch.old], now[stretch.new]
        if stretch.kind == "same":
            yield from (Said(one, "same") for one in new)
            continue
        pairs = _pairs(old, new)
        if not is_continued:
            yield from (Said(one, "dropped") for at, one in enumerate(old) if at >= pairs)
        for at, one in enumerate(new):
            if at >= pairs:
                yield Said(one, "new")
                continue
            worded -= 1
            words = words_of(_text(old[at]), _text(one), effort) if worded >= 0 else ()
            yield Said(one, "changed", words)


def _stretches(before: Sequence[Message], now: Sequence[Message]) -> Iterator[Stretch]:
    old, new = [_sign(one) for one in before], [_sign(one) for one in now]
    yield from aligned(old, new, Effort())


def _sign(message: Message) -> str:
    return _packed(message).decode()


def _packed(value: Any) -> bytes:
    text = msgspec.json.encode(value)
    return CACHE.sub(b"", text) if b'"cache_control"' in text else text


def _pairs(old: Sequence[Message], new: Sequence[Message]) -> int:
    """Returns how many messages from the first on are the same ones, changed."""
    most = min(len(old), len(new), MOST_CHANGED)
    return next((at for at in range(most) if not _is_like(old[at], new[at])), most)


def _is_like(old: Message, new: Message) -> bool:
    if old.role != new.role:
        return False
    if old.role == "system" or _ids(old) & _ids(new):
        return True
    was, now = (set(_text(one)[:LIKE_CHARS].split()) for one in (old, new))
    return len(was & now) >= LIKE * max(len(was | now), 1)


def _ids(message: Message) -> set[str]:
    return {part.id for part in message.parts if part.id}


def _text(message: Message) -> str:
    return "\n\n".join(map(_part_text, message.parts))


def _part_text(part: Part) -> str:
    if part.kind in ("text", "reasoning", "refusal"):
        return part.text
    if part.parts:
        return "\n\n".join(map(_part_text, part.parts))
    shown = part.value if isinstance(part.value, str) else _written(part.value)
    return f"{part.name}\n{part.text[:MOST_CHARS]}{shown}"


def _settings(before: Request, now: Request) -> list[Setting]:
    old, new = _flat(before.body), _flat(now.body)
    names = [name for name in {**old, **new} if old.get(name, ...) != new.get(name, ...)]
    found = [Setting(name, _short(old, name), _short(new, name)) for name in sorted(names)]
    if before.model != now.model:
        found.insert(0, Setting("model", before.model, now.model))
    return found[:MOST_SETTINGS]


def _flat(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in NESTED and isinstance(value, dict):
            found |= value
        elif name not in NO_SETTING and value is not None:
            found[name] = value
    return found


def _short(values: dict[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"


def _named_tools(body: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    given = [body.get(name) for name in TOOLS] if isinstance(body, dict) else []
    for one in (tool for tools in given if isinstance(tools, list) for tool in tools):
        if not isinstance(one, dict):
            continue
        declared = one.get("functionDeclarations") or one.get("function_declarations")
        for tool in declared if isinstance(declared, list) else [one]:
            if isinstance(tool, dict):
                found[_tool_name(tool)] = _packed(tool)
    return found


def _tool_name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    name = named.get("name") or tool.get("server_label") or tool.get("type") or next(iter(tool), "")
    return str(name)[:MOST_CHARS]


def _tools(old: dict[str, bytes], new: dict[str, bytes]) -> Tools:
    return Tools(
        added=[name for name in new if name not in old][:MOST_SETTINGS],
        removed=[name for name in old if name not in new][:MOST_SETTINGS],
        changed=[name for name in new if old.get(name, new[name]) != new[name]][:MOST_SETTINGS],
    )


def _is_continued(body: Any) -> bool:
    return isinstance(body, dict) and any(body.get(name) for name in KEPT_THERE)


def _written(value: Any) -> str:
    if value is None:
        return ""
    return laid_out(msgspec.json.encode(value), value)
