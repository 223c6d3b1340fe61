"""What people and models write, as HTML: Markdown without HTML of its own and without pictures."""

import functools
import importlib

from markdown_it import MarkdownIt
from markupsafe import Markup

MOST_CHARS = 8_000
"""Longer texts are shown as they are: a person who reads so much needs no bold type."""
MOST_CELLS = 500
"""That a table lacks and the reader makes up: 1.5 KB can ask for 65,536."""
# By its name: the package has a function of the same one.
importlib.import_module("markdown_it.rules_block.table").MAX_AUTOCOMPLETED_CELLS = MOST_CELLS  # type: ignore[attr-defined]


def prose(text: str) -> Markup:
    """Returns a text as safe HTML."""
    if len(text) > MOST_CHARS:
        return Markup('<pre class="plain">{}</pre>').format(text)
    return Markup(_reader().render(text))


@functools.cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    # A picture would be fetched from wherever its sender says.
    return reader.enable("table").disable(["image", "html_block", "html_inline"])
