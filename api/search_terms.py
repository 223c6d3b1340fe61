"""What people look for: words, and phrases in quotes; and conditions on attributes."""

import re
from typing import Annotated, Any

from litestar import Request
from msgspec import Meta

from api.parameters import given_of, invalid, prefixed_of
from clickhouse.attribute_filters import Attribute, read_attribute
from clickhouse.texts import Term, words_of

MOST_TERMS = 10
TERM = re.compile(r'"([^"]*)"|(\S+)')
SearchWords = Annotated[str, Meta(min_length=2, max_length=200)]
ATTRIBUTE = "attr."
RESOURCE = "resource."


def read_terms(text: str, name: str = "q") -> tuple[Term, ...]:
    """Reads words and quoted phrases. Raises `InvalidParameters` where there are none, or many."""
    found = [(phrase or word).strip('"') for phrase, word in TERM.findall(text)]
    terms = [term for term in dict.fromkeys(found) if words_of(term)]
    if not terms:
        raise invalid(name, "Expected a word, in any script")
    if len(terms) > MOST_TERMS:
        raise invalid(name, f"Expected at most {MOST_TERMS} words and phrases")
    return tuple(terms)


def read_attributes(request: Request[Any, Any, Any], prefix: str) -> tuple[Attribute, ...]:
    """Reads the conditions of all parameters that begin with a prefix, repeated ones too.

    Raises `InvalidParameters`.
    """
    found = []
    for key, value in prefixed_of(given_of(request), prefix):
        try:
            found.append(read_attribute(key, value))
        except ValueError as error:
            raise invalid(prefix + key, str(error)) from error
    return tuple(found)
