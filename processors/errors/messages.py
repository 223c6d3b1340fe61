"""Messages: what people read, and the template behind it.

Sentry: `logentry`, or `message` as an object, is `{message, params, formatted}`; `message` as a
text is what people read. Where only the template came, its parameters are filled in, in the three
ways that SDKs write them: `%s`, `%(name)s` and `{name}` or `{}`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from processors.errors.parts import MAX_TEXT, Problems, lenient_text, mapping_of

PLACES = re.compile(
    r"%%"
    r"|%\((?P<percent>[^)]{1,100})\)[-+ #0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]"
    r"|(?P<plain>%[-+ #0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z])"
    r"|\{(?P<curly>[A-Za-z0-9_.]{0,100})\}"
)


class Message(NamedTuple):
    """Both forms of a message."""

    text: str = ""
    template: str = ""
    """Empty where it is the text."""


def message_of(logentry: object, message: object, problems: Problems) -> Message:
    """Returns the message of an event, from any of its shapes."""
    if isinstance(message, dict) and logentry is None:
        logentry, message = message, None
    plain = lenient_text(message, "message", problems) or ""
    if logentry is None:
        return Message(plain)
    if isinstance(logentry, str):
        return Message(lenient_text(logentry, "logentry", problems) or plain)
    entry = mapping_of(logentry, "logentry", problems)
    template = lenient_text(entry.get("message"), "logentry.message", problems) or ""
    text = lenient_text(entry.get("formatted"), "logentry.formatted", problems) or ""
    if not text and template:
        text = fill_in(template, entry.get("params"))[:MAX_TEXT]
    text = text or plain
    return Message(text, "" if template == text else template)


def fill_in(template: str, params: object) -> str:
    """Fills parameters into a template; a place without one stays as it is."""
    if isinstance(params, Mapping):
        named, listed = params, iter(())
    elif isinstance(params, list):
        named, listed = {}, iter(params)
        named = {str(number): value for number, value in enumerate(params)}
    else:
        return template
    return PLACES.sub(lambda place: _filled(place, named, listed), template)


def _filled(place: re.Match[str], named: Mapping[str, Any], listed: Iterator[Any]) -> str:
    if place[0] == "%%":
        return "%"
    name = place["percent"] or place["curly"]
    if name:
        return _shown(named[name]) if name in named else place[0]
    for value in listed:
        return _shown(value)
    return place[0]


def _shown(value: Any) -> str:
    return lenient_text(value, "logentry.params", []) or ("" if value == "" else "null")
