"""A made-up call against the one before it, with every kind of part that a message can have."""

from collections import Counter

from api.pages.parts.against import Difference, Setting, Tools
from api.pages.parts.messages import Message, Part, Said
from api.pages.parts.talk import Budget, Group, talk_of
from api.pages.parts.wording import Effort, words_of

DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFUlEQVR42mNQS/yIFTEM"
    "LQkALVxOgfChvOoAAAAASUVORK5CYII="
)
FENCE = (
    'Rain, and then rain.\n\n```python\ndef wears(hat: bool) -> str:\n    """Says so."""\n'
    '    return "hat" if hat else f"no {1 + 1} hats"  # yes\n```\n\n'
    '```json\n{"rain": [1, null]}\n```\n\n```diff\n- sun\n+ rain\n```'
)
WAS, IS = "You are helpful. Answer in one sentence.", "You are helpful. Answer in two sentences."
FORECAST = [{"hour": hour, "sky": "rain", "degrees": hour / 2} for hour in range(48)]
NUMBERS = {f"key {number}": number for number in range(8)}
SAID = [
    Said(Message("system", [Part("text", IS)]), "changed", words_of(WAS, IS, Effort())),
    Said(
        Message("user", [Part("text", "What is **the weather** in `Oslo`?\n\n- now\n- tomorrow")]),
        "same",
    ),
    Said(Message("user", [Part("text", "A draft that is not sent any more.")]), "dropped"),
    Said(
        Message(
            "assistant",
            [
                Part("reasoning", "The tool knows."),
                Part("reasoning"),
                Part("call", name="get_weather", value={"city": "Oslo"}, id="call_1"),
                Part("call", name="get_mood", value=NUMBERS, id="call_2"),
            ],
        ),
        "new",
    ),
    Said(
        Message(
            "tool",
            [
                Part("result", name="get_weather", value=FORECAST, id="call_1"),
                Part("result", name="get_mood", value="No such tool", id="call_2", is_failed=True),
                Part("result", id="call_3", parts=[Part("text", "A picture:"), Part("image", DOT)]),
            ],
        ),
        "new",
    ),
    Said(Message("assistant", [Part("text", FENCE)])),
    Said(Message("assistant", [Part("refusal", "I do not say what to wear.")])),
    Said(
        Message(
            "user",
            [
                Part("text", "ok " * 1200),
                Part("link", "https://example.com/umbrella.png"),
                Part("audio", name="https://example.com/a.mp3", value="What is said in it"),
                Part("file", name="almanac.pdf", value="application/pdf · 34,512 bytes"),
                Part("json", name="annotations", value=[{"of": "no known kind"}]),
            ],
            "Ann",
        )
    ),
]


def showcase() -> tuple[Difference, list[Group]]:
    """Returns the comparison and the conversation."""
    counts = Counter(one.state for one in SAID)
    difference = Difference(
        said=SAID,
        counts={name: counts[name] for name in ("same", "new", "changed", "dropped")},
        settings=[Setting("model", "small-1", "large-1"), Setting("temperature", None, "0.7")],
        tools=Tools(["wardrobe"], ["calendar"], ["get_weather"]),
        is_system_changed=True,
    )
    return difference, talk_of(SAID, Budget())
