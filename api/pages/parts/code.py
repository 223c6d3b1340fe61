"""Code with its words coloured: by classes, for a page may have no style of its own."""

import functools
import re
import time
from typing import NamedTuple

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType

MOST_CHARS = 4_000
"""Of one text that is coloured. A hostile one costs its square, see `MOST_SECONDS`."""
MOST_OF_PAGE = 12_000
"""Colouring Python takes 3 us a character."""
MOST_SECONDS = 0.04
"""Of one page, looked at between words: 4,000 line ends take the lexer of C 700 ms."""
MOST_NAME = 20
LANGUAGES = frozenset(
    {
        *("bash", "c", "c#", "c++", "clojure", "cpp", "cs", "csharp", "css", "dart", "diff"),
        *("docker", "dockerfile", "elixir", "go", "golang", "graphql", "haskell", "hcl", "html"),
        *("http", "java", "javascript", "js", "json", "jsx", "kotlin", "lua", "make", "makefile"),
        *("nginx", "perl", "php", "powershell", "protobuf", "py", "pycon", "pytb", "python"),
        *("python3", "r", "rb", "ruby", "rs", "rust", "scss", "sh", "shell", "sql", "swift"),
        *("terraform", "toml", "ts", "tsx", "typescript", "udiff", "vue", "xml", "yaml", "yml"),
        "zsh",
    }
)
"""What is looked up at all: for another name Pygments would search the whole machine. Left out are
`console`, `ini` and `scala`: of 4,000 hostile characters they take 60 ms and more for one word."""
CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "c"),
    (Token.Keyword, "k"),
    (Token.Name.Tag, "k"),
    (Token.Operator.Word, "k"),
    (Token.Literal.String, "s"),
    (Token.Literal, "v"),
    (Token.Name.Function, "f"),
    (Token.Name.Class, "f"),
    (Token.Name.Attribute, "f"),
    (Token.Name.Decorator, "f"),
    (Token.Name.Builtin, "f"),
    (Token.Generic.Inserted, "s"),
    (Token.Generic.Deleted, "d"),
    (Token.Generic.Heading, "c"),
    (Token.Generic.Subheading, "c"),
    (Token.Generic.Prompt, "c"),
)
GUESSES = (
    ("diff", re.compile(r"diff --git |--- \S|@@ -\d")),
    ("bash", re.compile(r"#! ?/\S*sh\b|\$ \w")),
    ("html", re.compile(r"<!doctype html|<html", re.I)),
    ("xml", re.compile(r"<\?xml ")),
    ("pytb", re.compile(r"Traceback \(most")),
    ("python", re.compile(r"(?:def|class) \w+.*:$|from [\w.]+ import |import \w+$", re.M)),
    ("sql", re.compile(r"(?:select|insert into|create table|with \w+ as) ", re.I)),
    ("json", re.compile(r"[{\[]\s*(?:[\"{\[\]}]|\d)")),
)


class Colours:
    """How much of one page may still be coloured."""

    def __init__(self, seconds: float = MOST_SECONDS) -> None:
        self.chars = MOST_OF_PAGE
        self.seconds = seconds


class Run(NamedTuple):
    """Neighbouring words of one colour."""

    kind: str
    text: str


def code(text: str, language: str, colours: Colours) -> Markup:
    """Returns a block of code that can be copied, coloured where its language is known."""
    named = language[:MOST_NAME]
    inner = coloured(text, language or guessed(text), colours)
    label = Markup('<span class="hint">{}</span>').format(named) if named else ""
    return Markup(
        '<div class="code" data-copied>{}<button type="button" class="copy" data-copy'
        ' aria-label="Copy the code" title="Copy"></button>'
        '<pre tabindex="0"><code data-source>{}</code></pre></div>\n'
    ).format(label, inner)


def coloured(text: str, language: str, colours: Colours) -> Markup:
    """Returns code as safe HTML; without colour where it is long, or its language unknown."""
    lexer = _lexer(language.lower()) if language.lower() in LANGUAGES else None
    if lexer is None or len(text) > min(MOST_CHARS, colours.chars) or colours.seconds <= 0:
        return escape(text)
    began = time.perf_counter()
    runs = _runs(lexer, text, began + colours.seconds)
    colours.chars -= len(text)
    colours.seconds -= time.perf_counter() - began
    if runs is None:
        return escape(text)
    return Markup("").join(
        Markup('<span class="hl-{}">{}</span>').format(run.kind, run.text)
        if run.kind
        else escape(run.text)
        for run in runs
    )


def guessed(text: str) -> str:
    """Returns the language that a text plainly begins in, empty where it does not."""
    beginning = text[:400].lstrip()
    return next((name for name, sign in GUESSES if sign.match(beginning)), "")


def _runs(lexer: Lexer, text: str, until: float) -> list[Run] | None:
    runs: list[Run] = []
    # Some lexers know a line by its end alone.
    for token, value in lexer.get_tokens(text + "\n"):
        if time.perf_counter() > until:
            return None
        kind = _class(token)
        if runs and runs[-1].kind == kind:
            runs[-1] = Run(kind, runs[-1].text + value)
        else:
            runs.append(Run(kind, value))
    last = runs.pop()
    return [*runs, Run(last.kind, last.text.removesuffix("\n"))]


@functools.cache
def _class(token: _TokenType) -> str:
    return next((kind for parent, kind in CLASSES if token in parent), "")


@functools.cache
def _lexer(language: str) -> Lexer:
    # As it stands: a lexer would else take lines off both ends and add one.
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
