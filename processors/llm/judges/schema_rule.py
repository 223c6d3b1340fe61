"""Whether an output is JSON that fits a schema, in bounded time. Pure.

`jsonschema` does the work. Four things of it are replaced: `$ref` leads nowhere but to the schema
itself, patterns are those of RE2, `uniqueItems` is linear, and all that is done counts as steps: a
schema of a few lines may apply more keywords than there are seconds.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import re2
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from schemas.llm.judges import NoVerdict, Verdict

MOST_STEPS = 200_000
"""Applied keywords, or some ten microseconds of other work."""
CHARS_A_STEP = 100
MAX_PATTERN_MEMORY = 4 << 20
MAX_COMMENT_CHARS = 500
UNTAKEN = ("$dynamicRef", "unevaluatedProperties", "unevaluatedItems")
"""Their cost is not counted. No schema has them, but a $ref may lead to a property of that name."""
Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class _TooMuch(Exception):
    """Raised when a schema takes more steps than are allowed."""


class _Untaken(Exception):
    """Raised where a $ref makes a keyword of a name that is none of those taken."""


class SchemaCheck:
    """One schema, compiled; not to be used by two threads at a time."""

    def __init__(self, schema: dict[str, Any], *, most_steps: int = MOST_STEPS) -> None:
        self._most = most_steps
        self._left = 0
        self._patterns: dict[str, Any] = {}
        self._sizes: dict[int, int] = {}
        """Bytes of values to compare with, by the identity of what is a part of the schema."""
        own: dict[str, Keyword] = {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional,
            "uniqueItems": self._unique,
            **dict.fromkeys(UNTAKEN, _untaken),
        }
        keywords = dict(Draft202012Validator.VALIDATORS) | own
        counted = {name: self._counted(one) for name, one in keywords.items()}
        validator = extend(Draft202012Validator, counted)
        self._validator = validator(schema, registry=Registry())

    def judge(self, output: str) -> Verdict | NoVerdict:
        """Says whether an output fits, with the first failure."""
        try:
            value = msgspec.json.decode(output)
        except (msgspec.DecodeError, UnicodeError) as error:
            return Verdict(False, f"no JSON: {error}"[:MAX_COMMENT_CHARS])
        except RecursionError:
            return NoVerdict("the output is nested too deeply")
        self._left = self._most
        try:
            failure = best_match(self._first(value))
        except _Untaken:
            return NoVerdict("the schema has a $ref to a keyword that is not taken")
        except _TooMuch:
            return NoVerdict("the schema takes too many steps for this output")
        except RecursionError:
            return NoVerdict("the schema leads to itself without an end")
        except Unresolvable:
            return NoVerdict("the schema has a $ref that leads nowhere")
        except Exception as error:
            # Of the library, or RE2: a $ref may lead to what is no schema, and numbers overflow.
            return NoVerdict(f"the schema does not work with it ({type(error).__name__})")
        if failure is None:
            return Verdict(True)
        return Verdict(False, f"{failure.json_path}: {failure.message}"[:MAX_COMMENT_CHARS])

    def _first(self, value: Any) -> Iterator[ValidationError]:
        for error in self._validator.iter_errors(value):
            yield error
            return

    def _counted(self, keyword: Keyword) -> Keyword:
        def applied(
            validator: Any, value: Any, instance: Any, schema: Any
        ) -> Iterator[ValidationError]:
            self._spend(1 + self._size(value) // CHARS_A_STEP)
            for error in keyword(validator, value, instance, schema) or ():
                # It shows the whole value, and each branch of `anyOf` has its own.
                self._spend(len(error.message) // CHARS_A_STEP)
                error.message = error.message[:MAX_COMMENT_CHARS]
                yield error

        return applied

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooMuch

    def _size(self, value: Any) -> int:
        """Returns how much of the schema a keyword goes through by itself."""
        if not isinstance(value, (list, dict)):
            return 0
        if id(value) not in self._sizes:
            self._sizes[id(value)] = len(msgspec.json.encode(value))
        return self._sizes[id(value)]

    def _finds(self, pattern: str, text: str) -> bool:
        self._spend(1 + len(text) // CHARS_A_STEP)
        compiled = self._patterns.get(pattern)
        if compiled is None:
            options = re2.Options()
            options.log_errors = False
            options.max_mem = MAX_PATTERN_MEMORY
            compiled = self._patterns[pattern] = re2.compile(pattern, options)
        return compiled.search(text) is not None

    def _pattern(
        self, validator: Any, pattern: str, instance: Any, _: Any
    ) -> Iterator[ValidationError]:
        if validator.is_type(instance, "string") and not self._finds(pattern, instance):
            yield ValidationError(f"the text does not match {pattern!r}")

    def _pattern_properties(
        self, validator: Any, patterns: dict[str, Any], instance: Any, _: Any
    ) -> Iterator[ValidationError]:
        if not validator.is_type(instance, "object"):
            return
        for pattern, below in patterns.items():
            for key, value in instance.items():
                if self._finds(pattern, key):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)

    def _additional(
        self, validator: Any, allowed: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        if not validator.is_type(instance, "object"):
            return
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key, value in instance.items():
            if key in known or any(self._finds(one, key) for one in patterns):
                continue
            if allowed is False:
                yield ValidationError(f"{key!r:.100} is none of the properties")
            else:
                yield from validator.descend(value, allowed, path=key)

    def _unique(
        self, validator: Any, wanted: bool, instance: Any, _: Any
    ) -> Iterator[ValidationError]:
        if not wanted or not validator.is_type(instance, "array"):
            return
        forms = {msgspec.json.encode(one, order="deterministic") for one in instance}
        self._spend(sum(map(len, forms)) // CHARS_A_STEP)
        if len(forms) < len(instance):
            yield ValidationError("two items are the same")


def _untaken(*_: Any) -> Iterator[ValidationError]:
    raise _Untaken
