"""The form of an annotation queue: from lines to what is asked, and back."""

import pytest

from api.pages.llm.queue_forms import queue_in, queue_texts
from controlplane.failures import BadRequest
from schemas.llm.annotation import QueueForm, Rule

RULES = (
    Rule(name="quality", type="numeric", min=1, max=5, description="1 is useless (really)"),
    Rule(name="Length:words", type="numeric"),
    Rule(name="share", type="numeric", min=-0.5, max=1e-7),
    Rule(name="tone", type="categorical", categories=("kind", 'so, "so"', "1 to 5")),
    Rule(name="correct", type="boolean"),
)


def read(*lines: str, **fields: str) -> QueueForm:
    texts = {"name": "Week", "reviewers": "2", "scores": "\r\n".join(lines), **fields}
    return queue_in({name: [text] for name, text in texts.items()})


def test_each_line_asks_for_a_score() -> None:
    form = read(
        "quality (1 is useless): 1 to 5",
        "",
        "tone: kind, neutral , rude",
        "correct: Yes or no",
        "length: number",
    )

    assert form.scores == (
        Rule(name="quality", type="numeric", min=1, max=5, description="1 is useless"),
        Rule(name="tone", type="categorical", categories=("kind", "neutral", "rude")),
        Rule(name="correct", type="boolean"),
        Rule(name="length", type="numeric"),
    )
    assert (form.name, form.reviewers) == ("Week", 2)


@pytest.mark.parametrize("line", ["quality", "quality:", ": 1 to 5", 'tone: "a', "é: a, b"])
def test_a_line_that_asks_for_nothing_is_rejected(line: str) -> None:
    with pytest.raises(BadRequest, match="scores"):
        read(line)


@pytest.mark.parametrize("reviewers", ["", "two", "1000", "-1", "²"])
def test_a_number_of_people_that_is_none_is_rejected(reviewers: str) -> None:
    with pytest.raises(BadRequest, match="reviewers"):
        read("a: yes or no", reviewers=reviewers)


def test_what_lines_say_reads_as_it_was() -> None:
    form = QueueForm(name="Week", scores=RULES, reviewers=3, instructions="a\nb")

    texts = queue_texts(form)

    assert queue_in({name: [text] for name, text in texts.items()}) == form


@pytest.mark.parametrize(
    "rule",
    [
        Rule(name="Length: words", type="numeric"),
        Rule(name="one-sided", type="numeric", min=1),
        Rule(name="brackets", type="categorical", categories=("a", "b): c"), description="x"),
        Rule(name="two lines", type="categorical", categories=("a\nb", "c")),
        Rule(name="a number", type="categorical", categories=("a", " b")),
    ],
)
def test_what_lines_cannot_say_is_left_out_of_the_form(rule: Rule) -> None:
    assert "scores" not in queue_texts(QueueForm(name="Week", scores=(rule,)))
