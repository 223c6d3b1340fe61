"""Error events of Sentry's SDKs, in every shape that these send.

Source: Sentry's developer documentation, "Event Payloads", and the legacy names of interfaces that
Sentry Relay still takes. Nothing in an event is refused: what is wrong is left out and named in
`problems`.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from processors.errors.around import Contexts, contexts_of, origin_of, sdk_of
from processors.errors.breadcrumbs import breadcrumbs_of
from processors.errors.frames import Stack, read_stack
from processors.errors.levels import level_of
from processors.errors.messages import Message, message_of
from processors.errors.moments import settle
from processors.errors.parts import (
    Problems,
    any_of,
    array_of,
    decode_any,
    encode_any,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    object_of,
    text_of,
)
from processors.errors.people import person_of
from processors.errors.requests import asked_of
from processors.errors.tags import tags_of
from processors.errors.thrown import exceptions_of, threads_of
from schemas.errors.event import EMPTY, ErrorEvent, Thread, Thrown
from schemas.errors.sent import Head

MAX_FINGERPRINT = 100
DEFAULT = ("{{ default }}", "{{default}}")
"""A fingerprint that is this alone leaves grouping to us."""


class SentEvent(Struct, gc=False):
    """An event as it came: texts may be anything, and the rest is decoded part by part."""

    timestamp: Any = None
    platform: Any = None
    level: Any = None
    logger: Any = None
    transaction: Any = None
    culprit: Any = None
    release: Any = None
    dist: Any = None
    environment: Any = None
    server_name: Any = None
    message: Any = None
    logentry: Any = None
    fingerprint: Any = None
    exception: Raw = EMPTY
    stacktrace: Raw = EMPTY
    threads: Raw = EMPTY
    tags: Raw = EMPTY
    user: Raw = EMPTY
    request: Raw = EMPTY
    contexts: Raw = EMPTY
    extra: Raw = EMPTY
    modules: Raw = EMPTY
    breadcrumbs: Raw = EMPTY
    sdk: Raw = EMPTY
    debug_meta: Raw = EMPTY
    csp: Raw = EMPTY
    old_exception: Raw = field(default=EMPTY, name="sentry.interfaces.Exception")
    old_stacktrace: Raw = field(default=EMPTY, name="sentry.interfaces.Stacktrace")
    old_message: Any = field(default=None, name="sentry.interfaces.Message")
    old_request: Raw = field(default=EMPTY, name="sentry.interfaces.Http")
    old_user: Raw = field(default=EMPTY, name="sentry.interfaces.User")


decode_event = msgspec.json.Decoder(SentEvent).decode


def read_sentry_error(item: bytes, head: Head, *, item_id: str, received_at_us: int) -> ErrorEvent:
    """Reads an error event. Raises what msgspec does where the item is no JSON object."""
    sent = decode_event(item)
    problems: Problems = []
    moment = settle(sent.timestamp, head.sent_at, received_at_us, problems)
    tags = tags_of(sent.tags, problems)
    contexts = contexts_of(sent.contexts, problems)
    exceptions, threads = _stacks(sent, problems)
    # By position: naming so many fields takes 3 us.
    return ErrorEvent(
        item_id,
        moment.at_us,
        "sentry",
        text_of(sent.platform, "platform", problems),
        level_of(sent.level, problems) or "error",
        text_of(sent.logger, "logger", problems) or ("" if is_absent(sent.csp) else "csp"),
        text_of(sent.transaction or sent.culprit, "transaction", problems),
        *origin_of(sent, tags, head, problems),
        *sdk_of(sent.sdk, head, problems),
        exceptions,
        *_message(sent, problems),
        threads,
        _fingerprint(sent.fingerprint, problems),
        person_of(_either(sent.user, sent.old_user), head.client_ip, problems),
        asked_of(_either(sent.request, sent.old_request), problems),
        tags,
        _with_report(contexts, sent.csp),
        object_of(sent.extra, "extra", problems),
        object_of(sent.modules, "modules", problems),
        breadcrumbs_of(sent.breadcrumbs, problems, moment.shift_us),
        contexts.trace_id,
        contexts.span_id,
        _images(sent.debug_meta, problems),
        tuple(problems),
    )


def _stacks(sent: SentEvent, problems: Problems) -> tuple[tuple[Thrown, ...], tuple[Thread, ...]]:
    """Returns exceptions and threads; a stack of the event itself goes where it is looked for."""
    exceptions = exceptions_of(_either(sent.exception, sent.old_exception), problems)
    threads = threads_of(sent.threads, problems)
    own = _either(sent.stacktrace, sent.old_stacktrace)
    stack = Stack() if is_absent(own) else read_stack(decode_any(own), problems)
    if not stack.frames:
        return exceptions, threads
    if len(exceptions) == 1 and not exceptions[0].frames:
        given = msgspec.structs.replace(
            exceptions[0], frames=stack.frames, frames_left_out=stack.left_out
        )
        return (given,), threads
    return exceptions, (*threads, Thread(current=True, frames=stack.frames))


def _message(sent: SentEvent, problems: Problems) -> Message:
    logentry = sent.old_message if sent.logentry is None else sent.logentry
    message = message_of(logentry, sent.message, problems)
    if message.text or is_absent(sent.csp):
        return message
    report = mapping_of(decode_any(sent.csp), "csp", problems)
    directive = report.get("effective_directive") or report.get("violated_directive")
    blocked = lenient_text(report.get("blocked_uri"), "csp.blocked_uri", problems) or "inline"
    return Message(f"Blocked {lenient_text(directive, 'csp', problems) or '?'} from {blocked}")


def _fingerprint(value: object, problems: Problems) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    parts = [lenient_text(one, "fingerprint", problems) for one in values[:MAX_FINGERPRINT]]
    found = tuple([part for part in parts if part is not None])
    return () if len(found) == 1 and found[0] in DEFAULT else found


def _images(raw: Raw, problems: Problems) -> Raw:
    if is_absent(raw):
        return EMPTY
    meta = mapping_of(decode_any(raw), "debug_meta", problems)
    images = meta.get("images")
    if images is None:
        return EMPTY
    return array_of(
        Raw(encode_any(list_of(images, "debug_meta", problems))), "debug_meta", problems
    )


def _with_report(contexts: Contexts, csp: Raw) -> Raw:
    """Puts a report of a Content-Security-Policy among the contexts, where pages show it."""
    report = any_of(csp, "csp", [])
    if report is EMPTY:
        return contexts.raw
    known = {} if contexts.raw is EMPTY else decode_any(contexts.raw)
    return Raw(encode_any({**known, "csp": report}))


def _either(first: Raw, second: Raw) -> Raw:
    return second if is_absent(first) else first
