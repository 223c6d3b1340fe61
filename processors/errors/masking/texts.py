"""What is masked within one text."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from processors.errors.masking.assignments import Assignments
from processors.errors.masking.forms import (
    Form,
    account_forms,
    card_forms,
    compiled_own,
    email_forms,
    ip_forms,
    token_forms,
)
from processors.errors.masking.names import Names, names_in_text
from schemas.errors.masking import MaskRules

MOST_FOUND = 100
"""In one text, by a pattern of a project's own. A text that holds more is masked as a whole."""


class Texts:
    """Masks texts by the rules of one project."""

    def __init__(self, rules: MaskRules, names: Names) -> None:
        pattern = names_in_text(rules)
        self._assignments = Assignments(names, pattern) if pattern else None
        self._tokens = token_forms() if rules.tokens else ()
        self._numbers = (
            *(card_forms() if rules.cards else ()),
            *(account_forms() if rules.accounts else ()),
        )
        self._addresses = (
            *(email_forms() if rules.emails else ()),
            *(ip_forms() if rules.ips else ()),
        )
        self._own = tuple(_own_forms(rules))

    def mask(self, text: bytes, *, in_source: bool = False) -> bytes:
        """Returns a text in UTF-8, masked; the same object where nothing was found.

        In lines of source code names say nothing: `token = get_token()` stays.
        """
        for form in self._tokens:
            text = _replaced(form, text)
        if self._assignments is not None and not in_source:
            text = self._assignments.mask(text)
        for form in (*self._numbers, *self._addresses):
            text = _replaced(form, text)
        for form in self._own:
            text = _own_replaced(form, text)
        return text


def _own_forms(rules: MaskRules) -> Iterable[Form]:
    for own in rules.own_patterns:
        yield Form(compiled_own(own.pattern), f"[{own.name}]".encode())


def _own_replaced(form: Form, text: bytes) -> bytes:
    """As `_replaced`, for patterns that may read to the end for each that they find."""
    found = list(islice(form.pattern.finditer(text), MOST_FOUND + 1))
    if len(found) > MOST_FOUND:
        return form.mark
    return _replaced(form, text) if found else text


def _replaced(form: Form, text: bytes) -> bytes:
    pattern: Any = form.pattern
    group = min(1, pattern.groups) if form.check is not None or form.mark == b"[Filtered]" else 0
    pieces: list[bytes] = []
    done = at = 0
    while at < len(text) and (found := pattern.search(text, at)) is not None:
        start, end = found.span(group)
        meant = end if form.check is None else form.check(text, start, end)
        if not meant or start == end or text[start:meant] == form.mark:
            at = max(found.start() + 1, at + 1) if not meant else max(meant, at + 1)
            continue
        pieces += (text[done:start], form.mark)
        done = at = meant
    return b"".join((*pieces, text[done:])) if pieces else text
