"""The form of an annotation queue: from texts to values, and back. No I/O.

What is asked is one line for each score, `name (description): values`, where the values are
    1. `yes or no`
    2. `number`, or `0 to 100`
    3. categories with commas between them; one with a comma in it stands in double quotes
"""

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from controlplane.failures import BadRequest
from schemas.llm.annotation import QueueForm, Rule

FIELDS = {name: name for name in ("name", "description", "instructions", "reviewers", "scores")}
"""By how a message of what is wrong begins, the field of the form."""
MOST_FIELDS = 20
Texts = Mapping[str, Sequence[str]]
LINE = re.compile(r"(?P<name>[^(]+?)\s*(?:\((?P<description>.*)\))?\s*:\s+(?P<values>\S.*)")
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\s+to\s+({NUMBER})", re.ASCII)
EXAMPLE = "helpfulness (1 is useless): 1 to 5\ntone: kind, neutral, rude\ncorrect: yes or no"
NEW: Mapping[str, Any] = {"reviewers": "1", "scores": EXAMPLE}


def queue_in(texts: Texts) -> QueueForm:
    """Returns the queue that a form means; raises `BadRequest`."""
    reviewers = _text(texts, "reviewers")
    if not (reviewers.isascii() and reviewers.isdigit() and len(reviewers) < 4):
        raise BadRequest("reviewers: expected a number")
    lines = [line.strip() for line in _text(texts, "scores").splitlines()]
    rules = [_rule(number, line) for number, line in enumerate(lines, 1) if line]
    form = {
        "name": _text(texts, "name"),
        "description": _text(texts, "description"),
        "instructions": _text(texts, "instructions"),
        "reviewers": int(reviewers),
        "scores": rules,
    }
    try:
        return msgspec.convert(form, QueueForm)
    except msgspec.ValidationError as error:
        raise BadRequest(f"scores: {str(error).partition(' - at')[0]}") from error


def queue_texts(form: QueueForm) -> dict[str, Any]:
    """Returns the texts of a form for a queue.

    Without `scores` where lines cannot say them: then they are changed over HTTP alone.
    """
    texts = {
        "name": form.name,
        "description": form.description,
        "instructions": form.instructions,
        "reviewers": str(form.reviewers),
        "scores": "\n".join(map(line_of, form.scores)),
    }
    try:
        told = queue_in({name: [text] for name, text in texts.items()})
    except BadRequest:
        told = None
    if told is None or told.scores != form.scores:
        del texts["scores"]
    return texts


def shown_again(texts: Texts) -> dict[str, Any]:
    """Returns what was typed, to be shown with what is wrong."""
    return {name: _text(texts, name) for name in FIELDS}


def line_of(rule: Rule) -> str:
    """Returns the line that asks for a score."""
    head = f"{rule.name} ({rule.description})" if rule.description else rule.name
    return f"{head}: {values_of_rule(rule)}"


def values_of_rule(rule: Rule) -> str:
    """Returns which values a score may have, in words."""
    if rule.type == "boolean":
        return "yes or no"
    if rule.type == "categorical":
        return ", ".join(_in_quotes(one) for one in rule.categories)
    if rule.min is None and rule.max is None:
        return "number"
    least = "any" if rule.min is None else f"{rule.min:.17g}"
    most = "any" if rule.max is None else f"{rule.max:.17g}"
    return f"{least} to {most}"


def _in_quotes(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace('"', '""') + '"'


def _rule(number: int, line: str) -> dict[str, Any]:
    match = LINE.fullmatch(line)
    if match is None:
        raise BadRequest(f"scores: line {number}: expected name: values, as tone: kind, rude")
    rule: dict[str, Any] = {"name": match["name"].strip()}
    rule["description"] = (match["description"] or "").strip()
    values = match["values"].strip()
    bounds = RANGE.fullmatch(values)
    if values.lower() in ("yes or no", "true or false"):
        return {**rule, "type": "boolean"}
    if values.lower() == "number":
        return {**rule, "type": "numeric"}
    if bounds is not None:
        return {**rule, "type": "numeric", "min": float(bounds[1]), "max": float(bounds[2])}
    try:
        (words,) = csv.reader([values], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise BadRequest(f"scores: line {number}: expected values with commas between") from error
    return {**rule, "type": "categorical", "categories": [word.strip() for word in words]}


def _text(texts: Texts, name: str) -> str:
    values = texts.get(name)
    return values[-1].strip().replace("\r\n", "\n") if values else ""
