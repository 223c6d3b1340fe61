"""Outcomes and reasons in words: what happened, what was kept, what to do. Pure."""

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

from api.pages.parts.charts import OTHER_COLOUR


class Word(NamedTuple):
    """One outcome, as pages show it."""

    title: str
    meaning: str
    colour: int
    is_loss: bool
    """Whether the sender believes that it is stored, or has to do something."""


OUTCOMES: Mapping[str, Word] = {
    "accepted": Word("Stored", "Stored, and can be read.", 2, False),
    "duplicate": Word("Duplicate", "Sent again. The first one is stored, and counts.", 5, False),
    "invalid": Word("Invalid", "Rejected: the sender has to change what it sends.", 6, True),
    "too_large": Word("Too large", "Rejected: beyond a bound in bytes.", 1, True),
    "rate_limited": Word("Rate limited", "Rejected for now: the sender tries again.", 4, True),
    "overloaded": Word("Overloaded", "Rejected for now: the sender tries again.", 7, True),
    "filtered": Word("Filtered", "Left out on purpose.", OTHER_COLOUR, False),
    "client_discard": Word(
        "Discarded by clients", "Not sent: an SDK reported it.", OTHER_COLOUR, False
    ),
    "dead": Word("Dead", "Taken in, and could not be stored. Kept to be repaired.", 3, True),
}
ORDER = tuple(OUTCOMES)

PARTIAL = "The rest of its request was taken. The exporter's log has the answer, with the reason."

REASONS: Mapping[str, tuple[str, str]] = {
    "resent_id": ("Its id was stored before", "Nothing: clients that got no answer send again."),
    "bad_json": (
        "The body is no JSON",
        "Nothing of it was kept. The answer to the sender was 400: look at its log.",
    ),
    "bad_items": (
        "An item breaks the contract",
        "One bad item rejects its request. The answer, 400, names each with its field.",
    ),
    "content_encoding": (
        "An encoding that is not known",
        "Send gzip, deflate, br, zstd or none.",
    ),
    "content_type": (
        "A Content-Type that is not taken",
        "Send application/x-protobuf or application/json.",
    ),
    "bad_form": ("A field of another type than OTLP says", PARTIAL),
    "bad_trace_id": ("No trace id, or none of 16 bytes", PARTIAL),
    "bad_span_id": ("No span id, or none of 8 bytes", PARTIAL),
    "bad_parent_id": ("A parent's id that is none of 8 bytes", PARTIAL),
    "bad_time": ("No time, or one that no clock shows", PARTIAL),
    "no_data": ("A metric without a name or without points", PARTIAL),
    "too_many_attributes": ("Too many attributes", PARTIAL),
    "too_many_events": ("Too many events of a span", PARTIAL),
    "too_many_links": ("Too many links of a span", PARTIAL),
    "too_many_buckets": ("Too many buckets, quantiles or exemplars", PARTIAL),
    "too_many_items": ("Too many items in a request", "Let the exporter send smaller batches."),
    "body_time": ("The body came too slowly", "Look at the network between sender and Sluice."),
    "body_bytes": ("The body is too large", "Send fewer items a request."),
    "item_bytes": ("One item is too large", "Leave files out of the bodies of calls."),
    "requests_per_minute": (
        "More requests a minute than its key may",
        "Send more items a request, or raise SLUICE_RATE_LIMIT.",
    ),
    "log_full": (
        "The log was full",
        "The store took nothing for long: see the state above. Senders try again by themselves.",
    ),
    "bodies_in_hand": (
        "Too many bodies at one moment",
        "Senders try again by themselves; fewer of them at once need less memory.",
    ),
    "unfit": ("The item does not fit its table", "Repair it and replay it."),
    "unsupported_item": (
        "A Sentry SDK sent a type of item that is not kept",
        "Turn the feature off in the SDK, if nobody needs it.",
    ),
    "sample_rate": ("The SDK sends only a sample", "As its sample rate has it."),
    "before_send": ("Its before_send left it out", "As the program has it."),
    "event_processor": ("A processor of the SDK left it out", "As the program has it."),
    "ratelimit_backoff": (
        "The SDK was waiting, as it was told",
        "Raise SLUICE_RATE_LIMIT, or look why the log was full.",
    ),
    "queue_overflow": ("The SDK had too much to send", "Have it send less, or sample."),
    "network_error": ("The SDK did not reach the server", "Look at the network between them."),
    "send_error": ("The server rejected what it sent", "Look at what was invalid at that time."),
}
NOT_KEPT = "Not kept: what is rejected is answered, counted and forgotten."

TYPES = {
    "float": "a number",
    "int": "a whole number",
    "str": "a text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
TYPE = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")
READING = re.compile(r"not an? \w+: (?P<rule>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
VALUE = re.compile(
    r"(?P<field>[a-z_]{1,40})(?: (?:'[^']*'|\"[^\"]*\"|…))?: (?P<rule>.+)", re.DOTALL
)
MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
GIVEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
DIGITS = re.compile(r"\d+")
MOST_REASON_CHARS = 200


class Told(NamedTuple):
    """Why an item is a dead letter."""

    field: str
    text: str
    advice: str


REPAIR = "Repair the body below and replay it. Have its sender send it right from now on."
UPDATE = "Replay it as it is once Sluice is up to date."


def told(reason: str) -> Told:
    """Returns a dead letter's reason in words, with what to do."""
    if reason.startswith("bug: "):
        text = f"Sluice itself failed on it: {reason.removeprefix('bug: ')}"
        return Told("", text, f"This is a fault of Sluice: report it. {UPDATE}")
    if reason.startswith("no kind has the form"):
        return Told("", "A newer version of Sluice took it in.", UPDATE)
    reading = READING.fullmatch(reason)
    if reading is not None:
        missing = MISSING.match(reading["rule"])
        if missing is not None:
            return Told(missing["field"], "It is missing.", REPAIR)
        return Told(reading["path"] or "", in_words(reading["rule"]), REPAIR)
    value = VALUE.fullmatch(reason)
    if value is not None:
        return Told(value["field"], in_words(value["rule"]), REPAIR)
    return Told("", reason, "Repair what the reason names and replay it, or discard it.")


def in_words(rule: str) -> str:
    """Returns a rule with the types of JSON as people call them."""

    def of(match: re.Match[str]) -> str:
        names = match[1].split(" | ")
        if "float" in names:
            names = [name for name in names if name != "int"]
        return " or ".join(TYPES.get(name, name) for name in names)

    return TYPE.sub(of, rule)


@functools.lru_cache(maxsize=4096)
def class_of(reason: str) -> str:
    """Returns what reasons of the same sort have in common: all but values and numbers."""
    text = " ".join(DIGITS.sub("#", without_values(reason)).split())
    return text[:MOST_REASON_CHARS]


def without_values(reason: str) -> str:
    """Returns a reason without the texts that a sender wrote."""
    return GIVEN.sub("…", reason)
