"""Version `open-sentry/v1`: what contract 3.b fixes."""

from hashlib import sha256

import pytest

from processors.errors.grouping.groups import explain, group_of
from schemas.errors.event import Thrown
from schemas.errors.grouping import GroupingConfig
from tests.unit.processors.errors.grouping.events import event, frame

V1 = GroupingConfig(version="open-sentry/v1")


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def sent(*exceptions: Thrown, **more: str) -> str:
    return group_of(event(*exceptions, protocol="open_sentry", **more), V1).fingerprint


class TestVectors:
    """Recomputed from Open Sentry's code."""

    def test_type_and_value_alone(self) -> None:
        assert sent(Thrown("Error", "first")) == (
            "4565550a84c7c361ee86760a2dfce3b2ab9949e061e0245303b55384029d754d"
        )

    def test_nothing_at_all(self) -> None:
        assert sent(Thrown()) == (
            "18e4c74240e8180558ae2e16e5002de9b8be3b38aff54d55f9798408cc0c0860"
        )

    def test_one_frame(self) -> None:
        frames = (frame("loadData", "app/page.tsx"),)

        assert sent(
            Thrown("TypeError", "Cannot read property 'x' of undefined", frames=frames)
        ) == ("de5bfdb2d3ef1750e67c0bac9b7867f4c6dad7f18fbc82b02e6bc2a72ddcb334")

    def test_the_last_three_of_four_in_the_order_in_which_they_were_sent(self) -> None:
        frames = tuple(
            frame(function, filename)
            for filename, function in reversed(
                (("a.ts", "a"), ("b.ts", "b"), ("c.ts", "c"), ("", ""))
            )
        )

        assert sent(Thrown("Error", "boom", frames=frames)) == (
            "9bcb434f41019c91814f70b05ea5044c9b08baccf4ef959d92c3c2517a5aa7f7"
        )


class TestValues:
    def test_an_empty_value_does_not_fall_through(self) -> None:
        assert sent(Thrown("Error", ""), message="told") == hashed("Error||")

    def test_no_value_falls_through_to_the_message(self) -> None:
        assert sent(Thrown("Error"), message="told") == hashed("Error|told|")

    def test_no_type_is_an_error(self) -> None:
        assert sent(Thrown("", "boom")) == hashed("Error|boom|")

    def test_a_message_without_an_exception_is_an_error_too(self) -> None:
        assert sent(message="told") == hashed("Error|told|")

    def test_characters_of_every_plane_are_hashed_as_utf8(self) -> None:
        assert sent(Thrown("Error", "größe 😀")) == hashed("Error|größe 😀|")

    def test_half_a_character_is_hashed_as_javascript_does(self) -> None:
        assert sent(Thrown("Error", "a\ud83d")) == hashed("Error|a\ufffd|")


class TestFrames:
    def test_frames_of_others_are_left_out(self) -> None:
        frames = (frame("own", "a.ts"), frame("theirs", "b.ts", in_app=False))

        assert sent(Thrown("E", "v", frames=frames)) == hashed("E|v|a.ts:own")

    def test_frames_of_which_nobody_said_whose_they_are_count(self) -> None:
        frames = (frame("own", "a.ts", in_app=None),)

        assert sent(Thrown("E", "v", frames=frames)) == hashed("E|v|a.ts:own")

    def test_all_frames_count_where_none_is_the_applications(self) -> None:
        frames = (frame("f", "a.ts", in_app=False), frame("g", "b.ts", in_app=False))

        assert sent(Thrown("E", "v", frames=frames)) == hashed("E|v|b.ts:g|a.ts:f")

    def test_lines_do_not_count(self) -> None:
        one, other = (Thrown("E", "v", frames=(frame("f", "a.ts", lineno=n),)) for n in (1, 2))

        assert sent(one) == sent(other)

    def test_those_of_sentrys_protocol_keep_their_order(self) -> None:
        frames = tuple(frame(name, f"{name}.ts") for name in "abcd")
        sentry = event(Thrown("E", "v", frames=frames), protocol="sentry")

        assert group_of(sentry, V1).fingerprint == hashed("E|v|b.ts:b|c.ts:c|d.ts:d")


class TestTitles:
    def test_type_and_value(self) -> None:
        group = group_of(event(Thrown("TypeError", "x\ny")), V1)

        assert (group.type, group.title) == ("TypeError", "TypeError: x\ny")

    @pytest.mark.parametrize(
        ("value", "units"), [("a" * 600, 500), ("😀" * 600, 499), ("x" + "😀" * 600, 500)]
    )
    def test_500_units_of_utf16_at_most_and_no_half_character(self, value: str, units: int) -> None:
        title = group_of(event(Thrown("E", value)), V1).title

        assert len(title.encode("utf-16-le")) // 2 == units
        assert f"E: {value}".startswith(title)


def test_an_explanation_hashes_what_it_shows() -> None:
    thrown = Thrown("E", "v", frames=tuple(frame(name, f"{name}.ts") for name in "abcd"))
    explanation = explain(event(thrown), V1)

    stack = explanation.components[2]

    assert explanation.hash_input == "E|v|b.ts:b|c.ts:c|d.ts:d"
    assert [part.contributes for part in stack.parts] == [False, True, True, True]
    assert stack.parts[0].reason == "not one of the last three of the application"
