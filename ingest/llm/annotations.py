"""The form of what a person says of an item of an annotation queue: scores with ids that are made
of queue, item, name and person.

An item's id in the log also says which saving it is: the same saving sent again is stored once.
"""

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from eventlog.producer import Items
from ingest.forms import Form, Split
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.issues import Issue, RuleBroken, issue_of
from schemas.kinds import SCORE
from schemas.llm.annotation import Given, Rule, check_given, score_id_of, sending_prefix

ANNOTATED = "annotation"
ABOUT = "about"
"""Under which the form is told what is said of what, by whom."""
DIGEST_BYTES = 6
_encode = msgspec.json.Encoder().encode


class About(Struct, frozen=True, kw_only=True):
    """What a person says something about."""

    queue_id: str
    item_id: str
    user_id: str
    author: str
    rules: tuple[Rule, ...]
    target: dict[str, str]
    """The fields of a score that say it: `trace_id`, `span_id`, `session_id`."""
    revision: int
    """How often they saved it before."""


def forms() -> dict[str, Form]:
    """Returns it by name."""
    return {ANNOTATED: Form(SCORE.name, _split)}


def _split(body: bytes, told: Mapping[str, str], max_item_bytes: int) -> Split:
    about = msgspec.json.decode(told[ABOUT], type=About)
    given = _given(body, about)
    bodies, ids = [], []
    comment = given.comment.strip()
    for rule in about.rules:
        score_id = score_id_of(about.queue_id, about.item_id, rule.name, about.user_id)
        if rule.name in given.values:
            made = _score(about, rule, given, comment)
            comment = ""  # once: it is of the item, and not of each score
        else:
            # Also at the first saving: of one before it a crash may have kept the scores alone.
            made = {"deleted": True}
        item = _encode({"id": score_id, **made})
        if len(item) > max_item_bytes:
            raise ItemTooLarge("Request body too large")
        bodies.append(item)
        digest = hashlib.blake2b(item, digest_size=DIGEST_BYTES).hexdigest()
        ids.append(f"{score_id}:{sending_prefix(about.revision)}{digest}")
    return Split([Items(SCORE, bodies, ids)])


def _given(body: bytes, about: About) -> Given:
    try:
        given = msgspec.json.decode(body, type=Given)
        check_given(about.rules, given)
    except (msgspec.ValidationError, RuleBroken) as error:
        raise BadItems("Validation failed", details=[issue_of(error, Given)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson("Invalid JSON body", details=[Issue([], "Expected JSON")]) from error
    return given


def _score(about: About, rule: Rule, given: Given, comment: str) -> dict[str, object]:
    return {
        "name": rule.name,
        "value": given.values[rule.name],
        "data_type": rule.type,
        **about.target,
        **({"comment": comment} if comment else {}),
        "source": "annotation",
        "author": about.author,
        "metadata": {"queue": about.queue_id, "item": about.item_id},
    }
