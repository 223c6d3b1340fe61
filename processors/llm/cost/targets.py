"""Whether the name that an alias leads to has a price, and which names are meant perhaps. Pure."""

from difflib import get_close_matches

from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import OwnBook
from schemas.llm.prices import Alias, PriceDocument

MOST_NAMED = 3


def why_no_target(listed: PriceBook, own: PriceDocument, alias: Alias) -> str | None:
    """Returns what is wrong with where an alias leads, `None` where that has a price.

    A price of the project's own for the target counts as well as one of the list.
    """
    book = OwnBook(listed, PriceDocument(prices=own.prices))
    if book.why_unpriced(alias.to_provider, alias.to_model) is None:
        return None
    wanted = f"{alias.to_provider}/{alias.to_model}"
    near = get_close_matches(wanted.lower(), listed.names(), MOST_NAMED)
    meant = f": did you mean {' or '.join(near)}?" if near else "."
    return (
        f"Nobody prices {wanted}{meant} An alias leads to a model that has a price;"
        " for a model that no list has, set a price of your own first"
    )
