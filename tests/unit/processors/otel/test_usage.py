"""What totals include: the rules in their order."""

from typing import Any

import pytest

from processors.otel.meaning import read_span
from processors.otel.names import Convention
from processors.otel.usage import Told, settle
from tests.unit.processors.otel.made import span
from tests.unit.processors.otel.senders import Told as Sent
from tests.unit.processors.otel.senders import claude_code_span

SAID = {"gen_ai.usage.cache_creation.input_tokens.ephemeral_1h": 96}


def told(
    declared: Convention | None,
    likely: Convention = "inclusive",
    *,
    trusts: bool = True,
    **counts: int,
) -> Told:
    return Told(counts, declared, likely, "inclusive", trusts)


class TestInput:
    @pytest.mark.parametrize(
        ("sent", "expected", "semantics"),
        [
            (told(None, input_tokens=5), 5, "declared"),
            # The total decides, whatever the flavour says.
            (
                told(
                    None, input_tokens=100, cache_read_tokens=60, output_tokens=10, total_tokens=110
                ),
                100,
                "inferred",
            ),
            (
                told(
                    None, input_tokens=100, cache_read_tokens=60, output_tokens=10, total_tokens=170
                ),
                160,
                "inferred",
            ),
            (
                told(
                    "inclusive",
                    input_tokens=100,
                    cache_read_tokens=60,
                    output_tokens=10,
                    total_tokens=170,
                ),
                160,
                "inferred",
            ),
            (
                told(
                    "inclusive",
                    input_tokens=100,
                    cache_read_tokens=60,
                    output_tokens=10,
                    total_tokens=110,
                ),
                100,
                "declared",
            ),
            # A total of the sender's own proves nothing, and neither does one that fits nothing.
            (
                told(
                    "exclusive",
                    trusts=False,
                    input_tokens=100,
                    cache_read_tokens=60,
                    output_tokens=10,
                    total_tokens=110,
                ),
                160,
                "declared",
            ),
            (
                told(
                    "exclusive",
                    input_tokens=100,
                    cache_read_tokens=60,
                    output_tokens=10,
                    total_tokens=999,
                ),
                160,
                "declared",
            ),
            # Larger parts.
            (
                told("inclusive", input_tokens=2, cache_read_tokens=60, cache_write_tokens=9),
                71,
                "inferred",
            ),
            (told("exclusive", input_tokens=2, cache_read_tokens=60), 62, "declared"),
            # The flavour, then what is likely.
            (told("inclusive", input_tokens=100, cache_read_tokens=60), 100, "declared"),
            (told("exclusive", input_tokens=100, cache_read_tokens=60), 160, "declared"),
            (told(None, "exclusive", input_tokens=100, cache_read_tokens=60), 160, "assumed"),
            (told(None, input_tokens=100, cache_read_tokens=60), 100, "assumed"),
            # An embedding.
            (told(None, total_tokens=7), 7, "declared"),
        ],
    )
    def test_is_inclusive(self, sent: Told, expected: int, semantics: str) -> None:
        found = settle(sent)

        assert (found.usage.input_tokens, found.semantics) == (expected, semantics)


class TestOutput:
    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            (told(None, output_tokens=5, reasoning_tokens=9), 14),
            (told(None, output_tokens=9, reasoning_tokens=5), 9),
            (told(None, input_tokens=1, output_tokens=9, reasoning_tokens=5, total_tokens=15), 14),
            (told(None, reasoning_tokens=5), None),
        ],
    )
    def test_includes_reasoning(self, sent: Told, expected: int | None) -> None:
        assert settle(sent).usage.output_tokens == expected


class TestCounts:
    @pytest.mark.parametrize(
        "value", [-1, 1.5, "many", "9" * 30, True, None, [5], float("inf"), 2**60]
    )
    def test_what_is_no_count_is_not_there(self, value: Any) -> None:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": value,
            "gen_ai.usage.prompt_tokens": 7,
        }
        found = read_span(span(attributes)).call

        assert found is not None
        assert found.usage.input_tokens == 7

    def test_a_write_for_an_hour_is_a_part_of_the_write(self) -> None:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 1,
            "gen_ai.usage.cache_creation.input_tokens.ephemeral_5m": 20,
            "gen_ai.usage.cache_creation.input_tokens.ephemeral_1h": 30,
        }
        found = read_span(span(attributes)).call

        assert found is not None
        assert (found.usage.cache_write_tokens, found.usage.cache_write_1h_tokens) == (50, 30)

    @pytest.mark.parametrize(("attributes", "expected"), [({}, (7_096, True)), (SAID, (96, False))])
    def test_claude_code_writes_for_an_hour_where_it_does_not_say(
        self, attributes: dict[str, int], expected: tuple[int, bool]
    ) -> None:
        sent = claude_code_span(Sent("anthropic", "claude-opus-4-5", 9_000, 5, 1_000, 7_096))
        found = read_span(span({**sent.attributes, **attributes}, sent.scope.name)).call

        assert found is not None
        assert (found.usage.cache_write_1h_tokens, found.writes_assumed) == expected
