"""A change of the version splits no known issue, and an explanation never disagrees."""

import random
from collections.abc import Iterator
from contextlib import suppress

from processors.errors.grouping.groups import explain, group_of
from schemas.errors.event import (
    ErrorEvent,
    Frame,
    Thread,
    Thrown,
    event_decoder,
    event_encoder,
)
from schemas.errors.grouping import (
    DEFAULT_CONFIG,
    Component,
    Explanation,
    FingerprintRule,
    GroupingConfig,
)
from tests.unit.processors.errors.grouping.events import EVENT_ID, event, frame

V1 = GroupingConfig(version="open-sentry/v1")
DEFAULT_RULE = FingerprintRule((("type", "E*"),), ("pay", "{{ default }}"), "{{ type }}")

PLATFORMS = (
    *("python", "javascript", "node", "java", "go", "ruby", "php", "csharp", "rust", "native"),
    *("cocoa", "elixir", "dart", "perl", "", "unheard of"),
)
TEXTS = (
    *(
        "",
        "",
        "E",
        "pay",
        "a.js",
        "{{ default }}",
        "*",
        "\ud83d",
        "😀",
        "node_modules/a.js",
        "a" * 5000,
    ),
    *("t.<anonymous>", "Foo.func1", "a\0b\n\nc", "<lambda>", "java.lang.Thread", "run", "?", "%s"),
)
SIGNS = "ab1 .:/\\<>$#[]{}()|@=*-_\n"
CONFIGS = (
    DEFAULT_CONFIG,
    V1,
    GroupingConfig(rules=(DEFAULT_RULE,)),
    GroupingConfig("open-sentry/v1", (DEFAULT_RULE,)),
)


def any_text(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(TEXTS)
    return "".join(chance.choices(SIGNS, k=chance.randint(0, 60)))


def any_frame(chance: random.Random) -> Frame:
    names = ("filename", "abs_path", "module", "function", "context_line", "package")
    said = {name: any_text(chance) for name in names}
    return Frame(**said, in_app=chance.choice((True, False, None)))


def any_frames(chance: random.Random) -> tuple[Frame, ...]:
    return tuple(any_frame(chance) for _ in range(chance.randint(0, 5)))


def any_thrown(chance: random.Random) -> Thrown:
    return Thrown(
        type=any_text(chance),
        value=chance.choice((None, any_text(chance))),
        synthetic=chance.random() < 0.3,
        frames=any_frames(chance),
    )


def any_event(chance: random.Random) -> ErrorEvent:
    return ErrorEvent(
        event_id=EVENT_ID,
        timestamp_us=1,
        protocol=chance.choice(("open_sentry", "sentry")),
        platform=chance.choice(PLATFORMS),
        transaction=any_text(chance),
        logger=any_text(chance),
        message=any_text(chance),
        template=any_text(chance),
        exceptions=tuple(any_thrown(chance) for _ in range(chance.randint(0, 3))),
        threads=tuple(
            Thread(crashed=chance.random() < 0.5, current=True, frames=any_frames(chance))
            for _ in range(chance.randint(0, 2))
        ),
        fingerprint=tuple(any_text(chance) for _ in range(chance.choice((0, 0, 1, 2)))),
    )


STACK = "4b146bed9a07755222c33fa54920b9f26240d6fa71006c3fff60159ba07544c8"
EXCEPTION = "d01926b2d8d10cfd5d0a00a36d6b7e6ff2773796dec176381b66fbda4b920445"
MESSAGE = "77f851b424e1e4bfff3ff84aba25dd38399ec7aa84c72809f741772efe744adb"
GIVEN = "87585089859bfb4e7ebbc6125bb5044a1f411cbafa3e410c8310dcff3022db07"


class TestV2:
    """It never changes: what groups otherwise is another version."""

    def test_by_stack(self) -> None:
        frames = (
            frame("<module>", "shop/main.py", context_line="  run()"),
            frame("get", "requests/api.py", in_app=False),
            frame("Cart.total.<locals>.<lambda>", "/app/shop/cart.py", context_line="x"),
        )
        one = event(Thrown("KeyError", "'a'"), Thrown("Failed", frames=frames), platform="python")

        assert explain(one, DEFAULT_CONFIG).hash_input == (
            "v2\ntype KeyError\ntype Failed\n"
            "frame shop/main.py run()\nframe shop/cart.py Cart.total"
        )
        assert group_of(one, DEFAULT_CONFIG).fingerprint == STACK

    def test_by_exception(self) -> None:
        one = event(Thrown("KeyError", "user 42 of 10.0.0.1\nmore\nand more"))

        assert explain(one, DEFAULT_CONFIG).hash_input == (
            "v2\ntype KeyError\nvalue user <number> of <ip> more"
        )
        assert group_of(one, DEFAULT_CONFIG).fingerprint == EXCEPTION

    def test_by_message(self) -> None:
        one = event(message="user 42 failed", template="user %s failed")

        assert explain(one, DEFAULT_CONFIG).hash_input == "v2\nmessage user %s failed"
        assert group_of(one, DEFAULT_CONFIG).fingerprint == MESSAGE

    def test_by_a_given_fingerprint(self) -> None:
        one = event(message="user 42 failed", fingerprint=("pay", "größe"))

        assert explain(one, DEFAULT_CONFIG).hash_input == 'fingerprint ["pay","größe"]'
        assert group_of(one, DEFAULT_CONFIG).fingerprint == GIVEN


class TestOthers:
    one = event(Thrown("E", "user 42", frames=(frame("pay", "shop/orders.py"),)))

    def test_each_version_knows_what_the_other_makes_of_the_event(self) -> None:
        by_v2, by_v1 = group_of(self.one, DEFAULT_CONFIG), group_of(self.one, V1)

        assert by_v2.others == (by_v1.fingerprint,)
        assert by_v1.others == (by_v2.fingerprint,)

    def test_rules_are_in_the_others_too(self) -> None:
        rules = (DEFAULT_RULE,)
        by_v2 = group_of(self.one, GroupingConfig(rules=rules))
        by_v1 = group_of(self.one, GroupingConfig("open-sentry/v1", rules))

        assert (by_v2.others, by_v1.others) == ((by_v1.fingerprint,), (by_v2.fingerprint,))
        assert by_v2.fingerprint != group_of(self.one, DEFAULT_CONFIG).fingerprint


class TestAnyEvent:
    def test_it_has_a_group_and_an_explanation_that_agrees(self) -> None:
        chance = random.Random(11)
        for _ in range(500):
            one, config = any_event(chance), chance.choice(CONFIGS)

            group, why = group_of(one, config), explain(one, config)

            assert len(group.fingerprint) == 64, one
            assert len(group.title.encode("utf-16-le", "surrogatepass")) <= 1000, one
            assert why.fingerprint == group.fingerprint, one
            others = {other.fingerprint for other in why.others}
            assert others - {why.fingerprint} == set(group.others), one
            assert all(said_why(part) for part in parts_of(why)), why

    def test_it_has_the_same_group_when_it_is_read_back(self) -> None:
        chance = random.Random(12)
        for _ in range(300):
            one = any_event(chance)
            with suppress(UnicodeEncodeError):  # half a character never comes into the log
                again = event_decoder.decode(event_encoder.encode(one))
                assert group_of(again, DEFAULT_CONFIG) == group_of(one, DEFAULT_CONFIG)


def parts_of(explanation: Explanation) -> Iterator[Component]:
    waiting = list(explanation.components)
    while waiting:
        part = waiting.pop()
        waiting.extend(part.parts)
        yield part


def said_why(part: Component) -> bool:
    """Whether a part that does not contribute, and no other, says why."""
    return part.contributes != bool(part.reason)
