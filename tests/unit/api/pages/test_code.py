"""Code is coloured by classes, whoever wrote it, and never changed."""

import html
import re

import pytest

from api.pages.parts.code import LANGUAGES, MOST_CHARS, MOST_OF_PAGE, Colours, coloured, guessed
from api.pages.parts.prose import prose

AGES_S = 60.0
HOSTILE = "\"><script>window.hit=1</script>'{{7777*7777}}"


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_words_have_classes_and_no_style() -> None:
    assert coloured('x = "a<b"  # why', "python", Colours(AGES_S)) == (
        'x = <span class="hl-s">&#34;a&lt;b&#34;</span>  <span class="hl-c"># why</span>'
    )


def test_lines_that_came_and_went_differ() -> None:
    assert coloured("- sun\n+ rain", "diff", Colours(AGES_S)) == (
        '<span class="hl-d">- sun</span>\n<span class="hl-s">+ rain</span>'
    )


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_code_of_every_language_stays_as_it_was_written(language: str) -> None:
    for text in (HOSTILE, "", "\n", "\n\n a\r\n", 'if (a < b) { return "x"; } // \x00é\n'):
        marked = coloured(text, language, Colours(AGES_S))

        # A line end is one character to a lexer, whichever it was.
        assert plain(marked) == text.replace("\r\n", "\n")
        assert "<script" not in marked


@pytest.mark.parametrize("language", [HOSTILE, "no-such-thing", "", "python " * 1000, "\n"])
def test_a_language_that_nobody_knows_is_text(language: str) -> None:
    assert coloured("a < b", language, Colours()) == "a &lt; b"
    fence = prose(f"```{language}\na < b\n```")
    assert "<script" not in fence
    assert 'class="hl-' not in fence


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('{"a": 1}', "json"), ("def f(x):\n    pass", "python"), ("$ ls -la", "bash"),
        ("SELECT 1", "sql"), ("--- a/x\n+++ b/x", "diff"), ("<!DOCTYPE html>", "html"),
        ("Traceback (most recent call last):", "pytb"), ("from here to there", ""), ("{x}", ""),
    ],
)  # fmt: skip
def test_a_language_is_guessed_where_it_is_plain(text: str, language: str) -> None:
    assert guessed(text) == language


def test_a_page_colours_so_much_and_no_more() -> None:
    colours = Colours()
    colours.seconds = 60
    text = "x = 1\n" * (MOST_CHARS // 6)

    found = [coloured(text, "python", colours) for _ in range(1 + MOST_OF_PAGE // len(text))]

    assert 'class="hl-' in found[0]
    assert found[-1] == text
    assert coloured(text + "x" * MOST_CHARS, "python", Colours()) == text + "x" * MOST_CHARS


def test_of_code_that_takes_too_long_the_text_is_shown() -> None:
    colours = Colours()
    colours.seconds = 1e-9

    assert coloured("x = 1", "python", colours) == "x = 1"
    assert coloured("x = 1", "python", colours) == "x = 1"


def test_a_block_can_be_copied_as_it_was_written() -> None:
    block = prose("```py\nx = 1\n\n```\n")

    assert '<span class="hint">py</span>' in block
    assert "<code data-source>x = " in block
    assert "data-copy" in block
    assert "<pre" in prose("    indented")
