"""One event as its page shows it. Pure: an event in, what is shown out; bounded, whatever it is."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from api.pages.errors.issues.crumbs import Crumbs, crumbs_of
from api.pages.errors.issues.cutting import (
    LEAST_CHARS,
    LONG,
    SHORT,
    USUAL,
    Budget,
    Cut,
    Pair,
    Pairs,
    as_text,
    object_of,
)
from api.pages.errors.issues.mapped import NO_NOTES, MapGlance, glance_of, notes_of
from api.pages.errors.issues.stack import Asked, Chain, chain_of
from api.pages.parts.filters import Term
from api.pages.parts.trees import Node, decoded, tree_of
from schemas.errors.event import Asked as Request
from schemas.errors.event import ErrorEvent, Person
from schemas.errors.source_maps import EventMapping

MOST_TAGS = 100
MOST_HEADERS = 60
MOST_CONTEXTS = 20
MOST_OF_CONTEXT = 30
MOST_MODULES = 500
MOST_PLAIN = 20
"""Values of an object that is no tree."""
MOST_NODES = 300
"""Of the values that an application gives with an event."""
MOST_OF_VALUE = 500
"""Characters of one of them."""
NAMEABLE = re.compile(r"[\w.$/][\w.$/-]{0,199}")
"""A tag's key that a filter can have."""
FIRST = ("browser", "client_os", "os", "runtime", "device", "app", "trace")
"""Contexts that most events have, in the order of their interest."""
NAMES = {"os": "Operating system", "client_os": "Client's system", "gpu": "GPU", "app": "App"}


class Tag(NamedTuple):
    """A tag, and how the events that have it are asked for."""

    key: str
    value: Cut
    where: str
    """The filter of a list that asks for it; empty where no filter can."""


class Context(NamedTuple):
    """A context: what an SDK says of one side of the event's surroundings."""

    title: str
    pairs: Pairs


class Held(NamedTuple):
    """A value of any shape: a text, an object of a few plain values, or a tree."""

    text: Cut | None = None
    pairs: Pairs | None = None
    tree: Node | None = None


class Shown(NamedTuple):
    """The request that was being answered."""

    method: str
    url: Cut
    query: Cut
    headers: Pairs
    parts: list[tuple[str, Held]]
    """What else its sender says of it, each with a title."""
    env: Pairs


class EventShown(NamedTuple):
    """Everything that is shown of one event, without what stands in the store alone."""

    event: ErrorEvent
    highlights: list[Pair]
    message: Cut | None
    """Where it says more than the exception."""
    template: Cut
    chain: Chain
    maps: MapGlance | None
    """What source maps made of it; `None` where none is for it."""
    crumbs: Crumbs
    request: Shown | None
    person: list[Pair]
    person_other: Held | None
    tags: list[Tag]
    tags_left: int
    contexts: list[Context]
    contexts_left: int
    extra: Held | None
    modules: Pairs
    problems: list[str]


def event_shown(event: ErrorEvent, asked: Asked, mapping: EventMapping | None = None) -> EventShown:
    """Returns what is shown of an event. What matters most is worked out first."""
    budget = Budget()
    notes = NO_NOTES if mapping is None else notes_of(mapping, event)
    raised = {one.value for one in event.exceptions}
    has_message = bool(event.message) and event.message not in raised
    contexts = _contexts(event)
    extra = object_of(event.extra)
    tags = list(event.tags.items())
    return EventShown(
        event=event,
        highlights=_highlights(event, budget),
        message=budget.cut(event.message, LONG) if has_message else None,
        template=budget.cut(event.template if event.template != event.message else ""),
        chain=chain_of(event, asked, budget, notes),
        maps=None if mapping is None or not mapping.frames else glance_of(mapping),
        crumbs=crumbs_of(event, budget),
        request=None if event.request is None else _request(event.request, budget),
        person=_person(event.user, budget),
        person_other=_held(object_of(event.user.other), budget),
        tags=[_tag(key, value, budget) for key, value in tags[:MOST_TAGS]],
        tags_left=max(0, len(tags) - MOST_TAGS),
        contexts=[
            Context(_titled(name), budget.pairs(value, most=MOST_OF_CONTEXT, chars=USUAL))
            for name, value in contexts[:MOST_CONTEXTS]
        ],
        contexts_left=max(0, len(contexts) - MOST_CONTEXTS),
        extra=_held(extra, budget),
        modules=budget.pairs(object_of(event.modules), most=MOST_MODULES, chars=SHORT),
        problems=[budget.cut(one).text for one in event.problems[:20]],
    )


def _highlights(event: ErrorEvent, budget: Budget) -> list[Pair]:
    contexts = object_of(event.contexts)
    named = [(name.replace("_", " "), _version(contexts.get(name))) for name in FIRST[:5]]
    given = (
        ("user", event.user.key),
        ("transaction", event.transaction),
        ("environment", event.environment),
        ("release", event.release),
        *named,
        ("server", event.server_name),
        ("logger", event.logger),
        ("sdk", f"{event.sdk_name} {event.sdk_version}".strip()),
    )
    return [Pair(name, budget.cut(value, SHORT)) for name, value in given if value]


def _version(context: Any) -> str:
    """Returns what a context is in a few words: `Chrome 120`."""
    if not isinstance(context, dict):
        return ""
    name = context.get("name") or context.get("model") or context.get("family")
    version = context.get("version")
    return " ".join(as_text(one) for one in (name, version) if one) if name else ""


def _contexts(event: ErrorEvent) -> list[tuple[str, dict[str, Any]]]:
    given = object_of(event.contexts)
    ordered = sorted(given, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    found = []
    for name in ordered:
        value = given[name]
        inner = value if isinstance(value, dict) else {"value": value}
        found.append(
            (name, {key: one for key, one in inner.items() if key != "type" and one is not None})
        )
    return [(name, inner) for name, inner in found if inner]


def _titled(name: str) -> str:
    return NAMES.get(name) or name[:SHORT].replace("_", " ").capitalize()


def _tag(key: str, value: str, budget: Budget) -> Tag:
    where = str(Term(key, value)) if NAMEABLE.fullmatch(key) and len(value) <= SHORT else ""
    return Tag(budget.cut(key, SHORT).text, budget.cut(value, SHORT), where)


def _person(user: Person, budget: Budget) -> list[Pair]:
    given = (("id", user.id), ("email", user.email), ("name", user.username), ("address", user.ip))
    return [Pair(name, budget.cut(value, SHORT)) for name, value in given if value]


def _request(request: Request, budget: Budget) -> Shown:
    return Shown(
        method=budget.cut(request.method, SHORT).text,
        url=budget.cut(request.url, USUAL),
        query=budget.cut(request.query, USUAL),
        headers=_headers(request.headers, budget),
        parts=[
            (title, held)
            for title, name in (("Body", "data"), ("Cookies", "cookies"))
            if (held := _held(decoded(getattr(request, name)), budget)) is not None
        ],
        env=budget.pairs(object_of(request.env), most=MOST_HEADERS, chars=USUAL),
    )


def _headers(headers: Iterable[tuple[str, str]], budget: Budget) -> Pairs:
    """Returns headers, of which one name may come twice."""
    given = list(headers)
    shown = [
        Pair(budget.cut(name, SHORT).text, budget.cut(value, USUAL))
        for name, value in given[:MOST_HEADERS]
    ]
    return Pairs(shown, len(given) - len(shown))


def _held(value: Any, budget: Budget) -> Held | None:
    if value is None or value in ("", {}, []):
        return None
    if isinstance(value, dict) and len(value) <= MOST_PLAIN and all(map(_is_plain, value.values())):
        return Held(pairs=budget.pairs(value, most=MOST_PLAIN))
    if isinstance(value, dict | list):
        return Held(tree=_tree(value, budget))
    return Held(text=budget.cut(as_text(value), LONG))


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _tree(value: Any, budget: Budget) -> Node | None:
    """Returns an object as a tree, `None` where the page is full; the page counts what it shows."""
    if budget.chars <= 0:
        return None
    tree = _shortened(tree_of(value, most=MOST_NODES), MOST_OF_VALUE)
    if _chars(tree) > budget.chars:
        tree = _shortened(tree, LEAST_CHARS)
    budget.chars -= _chars(tree)
    return tree


def _chars(node: Node) -> int:
    return len(node.key) + len(node.text) + sum(map(_chars, node.children))


def _shortened(node: Node, most: int) -> Node:
    """Returns a tree with shorter texts. A name that is cut can lead nowhere: it has no path."""
    is_long = len(node.key) > most
    return node._replace(
        key=f"{node.key[:most]}…" if is_long else node.key,
        path="" if is_long else node.path,
        text=node.text[:most],
        children=[_shortened(child, most) for child in node.children],
    )
