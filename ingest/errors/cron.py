"""A check-in that comes as a plain request, as `curl` in a crontab sends it. Pure.

Sources: https://docs.sentry.io/product/monitors-and-alerts/monitors/crons/getting-started/http/ and
Sentry Relay's `endpoints/monitor.rs`, read in November 2026. Its rules, and ours:

1. The path names the monitor, whatever the body says.
2. Parameters of the URL say the rest. A body that is JSON counts before them.
3. Only `status` is required. A word that is none of Sentry's is taken, as in an envelope.
4. A parameter that is empty, as where a variable of a shell is, means the same as none.

It becomes the item that an envelope would have brought, and goes the same way.
"""

import math
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec

from ingest.errors.sentry import id_of, split_envelope
from ingest.forms import Form, Split
from ingest.json_texts import check_utf8, decode_repaired
from ingest.rejections import BadItems, BadJson
from schemas.errors.cron import CronBody
from schemas.errors.slugs import slug_of
from schemas.issues import Issue
from schemas.kinds import CHECK_IN

CRON = "sentry_cron"
SLUG, QUERY, CONTENT_TYPE = "monitor_slug", "query", "content_type"
"""Under which the form is told of the path, the URL's parameters and the type of the body."""
PARAMETERS = ("status", "check_in_id", "environment", "duration")
MAX_BODY_BYTES = 64 << 10
"""What a check-in says is short."""
MAX_PARAMETERS = 100
INVALID = "Invalid check-in"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def cron_form() -> Form:
    """Returns the form of the route."""
    return Form(CHECK_IN.name, split_check_in, MAX_BODY_BYTES)


def split_check_in(body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    """Takes one check-in; its answer is named by the id of its run.

    Raises `BadJson`, `BadItems` and `ItemTooLarge`.
    """
    slug = slug_of(told.get(SLUG, ""))
    if not slug:
        _reject("monitor_slug", "Expected a name of a-z, 0-9, _ or -")
    said = _read({**_parameters(told.get(QUERY, "")), **_body(body, told.get(CONTENT_TYPE, ""))})
    if said.duration is not None and not math.isfinite(said.duration):
        _reject("duration", "Expected seconds")
    run = id_of(said.check_in_id or "")
    if said.check_in_id and not run:
        _reject("check_in_id", "Expected a UUID")
    item = msgspec.json.encode({"monitor_slug": slug, **msgspec.to_builtins(said)})
    envelope = b'{}\n{"type":"check_in","length":%d}\n%b' % (len(item), item)
    split = split_envelope(envelope, told, max_item_bytes)
    given = run if run.strip("0") else split.items[0].ids[0]
    return msgspec.structs.replace(split, answer_id=given)


def _read(fields: Mapping[str, Any]) -> CronBody:
    try:
        # Parameters of a URL are texts: "1.5" is a number.
        return msgspec.convert(fields, CronBody, strict=False)
    except msgspec.ValidationError as error:
        raise BadItems(INVALID, details=[Issue([], str(error))]) from error


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, errors="replace", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        _reject("query", f"Expected at most {MAX_PARAMETERS} parameters")
    # Of two of one name the first counts.
    return {name: value for name, value in reversed(pairs) if name in PARAMETERS}


def _body(body: bytes, content_type: str) -> Mapping[str, Any]:
    is_json = content_type.strip().lower().startswith("application/json")
    if not body.strip() or not (is_json or body.lstrip()[:1] == b"{"):
        return {}
    try:
        check_utf8(body)
        return decode_repaired(_decode, body)
    except msgspec.ValidationError as error:
        raise BadItems(INVALID, details=[Issue([], "Expected `object`")]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson(INVALID, details=[Issue([], "Not JSON, or nested too deeply")]) from error


def _reject(field: str, rule: str) -> NoReturn:
    raise BadItems(INVALID, details=[Issue([field], f"{field}: {rule}")])
