"""The forms of requests with scores: one, many, a page's, Langfuse's, and that one is taken away.

A score that breaks a rule is rejected by itself; those beside it are taken. An item's id in the log
says which score it is and which sending of it: `SCORE:SENDING`. Where the sender tells when its
word is of (`updated_at`), or names the request (`Idempotency-Key`), the same sending has the same
id and is stored once. Else each is one: what was up, down and up again is up.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import NAMESPACE_OID, uuid4, uuid5

import msgspec
from msgspec import Raw, Struct, structs

from eventlog.producer import Items
from ingest.forms import Counted, Form, Split
from ingest.json_texts import check_utf8, repaired_json
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.encodings import wrong_encoding
from schemas.issues import Checked, Issue, RuleBroken, issue_of
from schemas.kinds import SCORE
from schemas.llm.scores import (
    ID_PATTERN,
    MAX_PUBLIC_SCORES,
    MAX_SCORES,
    LangfuseScore,
    PublicScore,
    SentScore,
    check_score,
    check_senders_id,
    score_name_of,
)
from schemas.llm.wire import ABSENT

MANY, PUBLIC, LANGFUSE, TAKEN_AWAY = "score", "public_score", "langfuse_score", "score_deletion"
REQUEST = "idempotency-key"
"""Under which the form is told the name that the sender gave the request."""
SCORE_ID = "score-id"
LIST = "list"
"""What the form of Langfuse names a request by whose scores are in a list, also where it is one."""
OPENS_OBJECT = ord("{")
BLANKS = b" \t\r\n"
IDS = re.compile(ID_PATTERN)
SENDING_BYTES, REST_BYTES = 8, 6
# One more than there may be: the decoder steps over the surplus without allocating it.
_Items = msgspec.defstruct(
    "Items", [(f"i{n}", Raw, ABSENT) for n in range(MAX_SCORES + 1)], array_like=True
)
_split_array = msgspec.json.Decoder(_Items).decode
_encode = msgspec.json.Encoder().encode
S = TypeVar("S", bound=Struct)


class Bad(NamedTuple):
    """Why one score of a request was not taken."""

    number: int
    path: tuple[str | int, ...]
    message: str


class _Received(SentScore, frozen=True, kw_only=True):
    """A score with what only the log says: of a sender it is an unknown key, and is dropped."""

    deleted: Raw = ABSENT


class Named(NamedTuple):
    """A score as the log keeps it, and which score it is."""

    body: bytes
    score_id: str
    is_dated: bool
    """Whether the sender says which of two sendings is the newer one."""


Read = Callable[[Raw, str], Named]
"""Reads one score; the text is the id of one that names none. Raises what `issue_of` takes."""


def forms() -> dict[str, Form]:
    """Returns them by name."""
    return {
        MANY: Form(SCORE.name, partial(_split, _sent, MAX_SCORES)),
        PUBLIC: Form(SCORE.name, partial(_split, _of_page, MAX_PUBLIC_SCORES)),
        LANGFUSE: Form(SCORE.name, _split_of_langfuse),
        TAKEN_AWAY: Form(SCORE.name, _taken_away),
    }


def score_ids(items: Sequence[Items]) -> list[str]:
    """Returns which scores items are, in order."""
    return [item_id.rpartition(":")[0] for one in items for item_id in one.ids]


def checked(item: bytes, max_item_bytes: int) -> Checked:
    """Returns one item as ingest would keep it, or what is wrong with it."""
    if len(item) > max_item_bytes:
        return Checked(item, [Issue([], f"Expected at most {max_item_bytes} bytes")])
    try:
        _own(Raw(item), "")
    except (msgspec.DecodeError, UnicodeDecodeError, RuleBroken, RecursionError) as error:
        return Checked(item, [issue_of(error, SentScore)])
    return Checked(item, [])


def _split(
    read: Read, most: int, body: bytes, told: Mapping[str, str], max_item_bytes: int
) -> Split:
    found = _taken(read, most, body, told, max_item_bytes)
    if found.rejected and not found.items[0].ids:
        details = [Issue([one.number, *one.path], one.message) for one in found.rejected]
        raise BadItems("Validation failed", items=len(found.rejected), details=details)
    return found


def _split_of_langfuse(body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    """Splits one score, or a list of them (from version 5 of the SDK for Python on).

    Of a list the answer says what was rejected also where nothing was taken: of a 400 the SDK
    shows no reason.
    """
    if _is_one(body):
        return _split(of_langfuse, 1, body, told, max_item_bytes)
    found = _taken(of_langfuse, MAX_SCORES, body, told, max_item_bytes)
    return structs.replace(found, answer_id=LIST)


def _taken(
    read: Read, most: int, body: bytes, told: Mapping[str, str], max_item_bytes: int
) -> Split:
    raws = _raws(body)
    if len(raws) > most:
        rule = f"Expected at most {most} scores in one request; send the others in another"
        raise BadItems("Validation failed", items=len(raws), details=[Issue([], rule)])
    request = told.get(REQUEST, "")
    bodies, ids, bad = [], [], []
    for index, raw in enumerate(raws):
        if memoryview(raw).nbytes > max_item_bytes:
            rule = f"Request body too large: score {index} is beyond {max_item_bytes} bytes"
            raise ItemTooLarge(rule, items=len(raws))
        try:
            named = read(raw, _given_id(request, index))
        except (msgspec.DecodeError, RuleBroken, RecursionError) as error:
            found = issue_of(error, _shape_of(read))
            bad.append(Bad(index, tuple(found.path), found.message))
            continue
        bodies.append(named.body)
        ids.append(f"{named.score_id}:{sending_of(named, request, index)}")
    counted = [Counted(SCORE.name, "invalid", BadItems.reason, len(bad))] if bad else []
    return Split([Items(SCORE, bodies, ids)], counted, rejected=dict.fromkeys(bad, 1))


def _is_one(body: bytes) -> bool:
    return body.lstrip(BLANKS)[:1] == b"{"


def _raws(body: bytes) -> list[Raw]:
    try:
        check_utf8(body)
        if _is_one(body):
            return [msgspec.json.decode(body, type=Raw)]
        items = structs.astuple(_split_array(body))
        return [raw for raw in items if raw is not ABSENT]
    except msgspec.ValidationError as error:
        rule = "Expected a score, or an array of scores"
        raise BadItems("Validation failed", details=[Issue([], rule)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = repaired_json(body, error)
        if repaired is not None:
            return _raws(repaired)
        wrong = wrong_encoding(body)
        details = None if wrong is None else [Issue([], wrong)]
        raise BadJson("Invalid JSON body", details=details) from error


def _given_id(request: str, index: int) -> str:
    """Returns the id of a score that has none: for the same request the same."""
    return str(uuid5(NAMESPACE_OID, f"{request}\0{index}") if request else uuid4())


def sending_of(named: Named, request: str, index: int) -> str:
    """Returns the name of a sending. Of one request the later one counts: the greater name."""
    if named.is_dated and not request:
        return hashlib.blake2b(named.body, digest_size=SENDING_BYTES).hexdigest()
    said = f"{index}\0{request}\0".encode() + named.body
    own = hashlib.blake2b(said, digest_size=REST_BYTES).hexdigest() if request else uuid4().hex
    return f"{index:04x}{own[: 2 * REST_BYTES]}"


def _sent(raw: Raw, given: str) -> Named:
    named = _own(raw, given)
    check_senders_id(named.score_id)
    return named


def _own(raw: Raw, given: str) -> Named:
    score = msgspec.json.decode(raw, type=_Received)
    check_score(score)
    body = bytes(raw) if score.deleted is ABSENT else _encode(_said(score, but="deleted"))
    return Named(body, score.id or given, score.updated_at is not None)


def _of_page(raw: Raw, given: str) -> Named:
    score = msgspec.json.decode(raw, type=PublicScore)
    check_score(score)
    # Whoever looks at a page has its key. It reaches no score but those that pages have sent of the
    # same thing under the same name.
    about = (score.trace_id, score.span_id, score.session_id, score.name, score.id or given)
    score_id = f"user-{uuid5(NAMESPACE_OID, repr(about)).hex}"
    body = _encode({**_said(score), "id": score_id, "source": "user"})
    return Named(body, score_id, False)


def of_langfuse(raw: Raw, given: str, at: str | None = None) -> Named:
    """Reads a score of Langfuse that was given `at` a time. Raises what `issue_of` takes.

    One that names no id gets the `given` one, or a new one where that is empty.
    """
    score = msgspec.json.decode(raw, type=LangfuseScore)
    if score.dataset_run_id is not None:
        rule = "Expected none: Sluice adds up the scores of a run's items, and takes none of a run"
        raise RuleBroken(rule, "datasetRunId")
    name = score_name_of(score.name)
    if not name:
        raise RuleBroken("Expected one of A-Z, a-z and 0-9 in it", "name")
    kind: Any = None if score.data_type is None else score.data_type.lower()
    own = SentScore(
        id=score.id or _id_of(given),
        name=name,
        value=score.value,
        data_type=kind,
        trace_id=score.trace_id,
        span_id=score.observation_id,
        session_id=score.session_id,
        comment=score.comment,
        environment=score.environment,
        metadata=score.metadata,
        timestamp=score.timestamp or at,
    )
    check_score(own)
    check_senders_id(own.id)
    return Named(_encode(_said(own)), own.id or "", False)


def _id_of(given: str) -> str:
    if not given:
        return str(uuid4())
    return given if IDS.match(given) else str(uuid5(NAMESPACE_OID, given))


def _said(score: Struct, but: str = "") -> dict[str, Any]:
    """Returns the fields that a score has, but for one."""
    fields = structs.asdict(score).items()
    return {
        name: value
        for name, value in fields
        if name != but and value is not None and value is not ABSENT
    }


def _shape_of(read: Read) -> type[Struct]:
    shapes: Mapping[Read, type[Struct]] = {
        _sent: SentScore,
        _of_page: PublicScore,
        of_langfuse: LangfuseScore,
    }
    return shapes[read]


def _taken_away(_: bytes, told: Mapping[str, str], __: int) -> Split:
    score_id = told[SCORE_ID]
    body = _encode({"id": score_id, "deleted": True})
    return Split([Items(SCORE, [body], [f"{score_id}:{uuid4().hex[: 2 * SENDING_BYTES]}"])])
