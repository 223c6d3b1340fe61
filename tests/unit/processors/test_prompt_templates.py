"""Versions of prompts, found by what system messages say: the same everywhere, whatever values."""

import os
import random
import subprocess
import sys
import time

import pytest

from processors.llm.templates import MOST_CHARS, Template, template_of

SUPPORT = """You are the support agent of Acme.
Customer: {name}
Today is {today}. The order is {order}, see {url} or write to {mail}.
<context>
{context}
</context>
Say "{word}" when you are done, and never promise a refund."""
FIRST = {
    "name": "Ann Miller",
    "today": "Monday, January 5, 2026",
    "order": "A-17-B",
    "url": "https://acme.example/orders/17?x=1",
    "mail": "ann@acme.example",
    "context": "She asked for 3 pens.\n\n- one\n- two",
    "word": "Done",
}
SECOND = {
    "name": "Bob",
    "today": "Friday, 12 June, 2026 10:30",
    "order": "9f1c2d3e-0000-4000-8000-000000000001",
    "url": "http://other.example",
    "mail": "bob.smith+x@mail.example",
    "context": "Nothing.",
    "word": "All good",
}
HOSTILE = [
    *('"', "“", "<context>", "a:", "Name: x\n", "<*> ", "https:/ ", "://", "@", "1 ", "A ", "\n"),
    *("May ", "name name ", "\ud800", "<*>,;"),
]


def found(message: str) -> Template:
    template = template_of(message)
    assert template is not None
    return template


def test_two_messages_with_other_values_are_the_same_version() -> None:
    first, second = (found(SUPPORT.format(**values)) for values in (FIRST, SECOND))

    assert first == second
    for value in FIRST.values():
        assert value not in first.text


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("never promise", "always promise"),
        ("Say", "Write"),
        ("support agent", "sales agent"),
        ("<context>", "<notes>"),
    ],
)
def test_another_wording_is_another_version(was: str, now: str) -> None:
    text = SUPPORT.format(**FIRST)

    assert found(text).version != found(text.replace(was, now)).version


def test_a_quotation_is_one_value_also_where_it_holds_numbers_or_addresses() -> None:
    said = 'Never say "{}" or "{}", and cut a 5" pipe to \u201c{}\u201d.'
    first = found(said.format("5 orders", "6 orders", "2 feet"))

    assert found(said.format("no", "see http://acme.example/ now", "half of it")) == first
    assert first.text == "Never say <*> or <*>, and cut a <*> pipe to <*>."


def test_versions_that_begin_alike_are_of_one_prompt() -> None:
    text = SUPPORT.format(**FIRST)
    longer = found(f"{text} Be short.")

    assert longer.prompt == found(text).prompt
    assert longer.version != found(text).version
    assert found("You write haiku about cats.").prompt != longer.prompt


def test_prompts_with_a_general_beginning_differ_in_what_follows() -> None:
    one = found("You are a helpful assistant. You translate into French.")
    other = found("You are a helpful assistant. You write SQL.")

    assert one.prompt != other.prompt
    assert found("You are a helpful assistant. You write SQL. Be short.").prompt == other.prompt


def test_blank_space_makes_no_difference() -> None:
    assert found("Be  kind.\n\n Be short. ").version == found("Be kind. Be short.").version


@pytest.mark.parametrize("nothing", ["", "  \n", "\x00"])
def test_a_message_without_words_has_no_template(nothing: str) -> None:
    assert template_of(nothing) is None


def test_another_process_finds_the_same() -> None:
    program = (
        "import sys; from processors.llm.templates import template_of;"
        "found = template_of(sys.argv[1]); print(found.prompt, found.version)"
    )
    text = SUPPORT.format(**SECOND)
    for seed in ("1", "2"):
        surroundings = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program, text]
        said = subprocess.run(command, capture_output=True, env=surroundings, check=True).stdout
        assert said.decode().split() == [found(text).prompt, found(text).version]


def test_only_so_much_of_a_long_message_counts() -> None:
    long = "word " * MOST_CHARS

    assert found(long) == found(f"{long} and more")
    assert len(found(long).text) <= MOST_CHARS


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_message_takes_long(piece: str) -> None:
    text = (piece * MOST_CHARS)[:MOST_CHARS]

    began = time.process_time()
    template_of.__wrapped__(text)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_text_has_a_template_that_is_the_same_the_second_time(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [*HOSTILE, "word ", "é", "{{name}} ", "</context>", "\t", "5%"]
    for _ in range(200):
        text = "".join(chance.choices(pieces, k=chance.randrange(60)))
        first = template_of.__wrapped__(text)
        assert template_of.__wrapped__(text) == first
        assert first is None or len(first.version) == 16
