"""The page on grouping names what there is."""

from pathlib import Path

import msgspec
import pytest

from processors.errors.grouping import groups, stacks, v2
from processors.errors.grouping.parametrise import FAMILIES, MAX_CHARS, parametrise
from processors.errors.grouping.rules import MAX_TEXT_CHARS
from schemas.errors.event import Thrown
from schemas.errors.grouping import (
    DEFAULT_CONFIG,
    MAX_RULES,
    RULE_FIELDS,
    VERSIONS,
    Explanation,
    FingerprintRule,
)
from tests.unit.processors.errors.grouping.events import event, frame

PAGE = (Path(__file__).resolve().parents[5] / "docs" / "errors-grouping.md").read_text("utf-8")
REASONS = (
    *(stacks.NOT_OURS, stacks.MACHINERY, stacks.REPEATED, stacks.NOT_RECURSIVE, stacks.NAMELESS),
    stacks.FILE_ONLY,
    *(v2.STACK_DECIDES, v2.MADE_UP, v2.MINIFIED, groups.OVERRIDDEN),
)


@pytest.mark.parametrize("name", [*VERSIONS, *RULE_FIELDS, *REASONS])
def test_it_names(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "kept"])
def test_it_names_each_family(family: str) -> None:
    assert f"`<{family}>`" in PAGE


def test_it_names_the_bounds() -> None:
    assert f"up to {MAX_RULES} rules" in PAGE
    assert f"first {MAX_CHARS:,} characters" in PAGE
    assert f"first {MAX_TEXT_CHARS:,} characters" in PAGE


def test_it_names_each_field_of_an_explanation() -> None:
    for field in msgspec.structs.fields(Explanation):
        assert f"`{field.encode_name}`" in PAGE


def test_its_rule_can_be_read() -> None:
    (shown,) = [part.partition("```")[0] for part in PAGE.split("```json\n")[1:]]

    rule = msgspec.json.decode(shown, type=FingerprintRule)

    assert rule.fingerprint == ("payment provider does not answer",)


def test_its_hash_input_is_that_of_such_an_event() -> None:
    frames = (
        frame("checkout", module="shop.views"),
        frame("total", module="shop.cart"),
    )
    why = groups.explain(event(Thrown("KeyError", "'a'", frames=frames)), DEFAULT_CONFIG)

    assert f"```text\n{why.hash_input}\n```" in PAGE


def test_its_examples_of_texts_are_so() -> None:
    assert parametrise("[1, 2, 3]") == "[<number>]"
    assert parametrise("status code 404") != parametrise("status code 500")
