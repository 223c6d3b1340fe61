"""What people and models write, as HTML: Markdown without HTML of its own and without pictures."""

import functools
import importlib
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from api.pages.parts.code import Colours, code

MOST_CHARS = 8_000
"""Longer texts are shown as they are: a person who reads so much needs no bold type."""
MOST_CELLS = 500
"""That a table lacks and the reader makes up: 1.5 KB can ask for 65,536."""
# By its name: the package has a function of the same one.
importlib.import_module("markdown_it.rules_block.table").MAX_AUTOCOMPLETED_CELLS = MOST_CELLS  # type: ignore[attr-defined]


def prose(text: str, colours: Colours | None = None) -> Markup:
    """Returns a text as safe HTML; `colours` is what its page has left for code."""
    if len(text) > MOST_CHARS:
        return Markup('<pre class="plain">{}</pre>').format(text)
    return Markup(_reader().render(text, {"colours": colours or Colours()}))


@functools.cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    reader.add_render_rule("fence", _block)
    reader.add_render_rule("code_block", _block)
    # A picture would be fetched from wherever its sender says.
    return reader.enable("table").disable(["image", "html_block", "html_inline"])


def _block(
    _: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: dict[str, Any]
) -> str:
    token = tokens[at]
    words = token.info.split(maxsplit=1)
    return code(token.content.removesuffix("\n"), words[0] if words else "", env["colours"])
