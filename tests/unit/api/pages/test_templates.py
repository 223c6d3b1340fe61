"""The templates: what they take from each other is there."""

import functools
from collections.abc import Iterator

import pytest
from jinja2 import nodes

from api.pages.render import environment


@functools.cache
def tree_of(name: str) -> nodes.Template:
    made = environment()
    assert made.loader is not None
    source, _, _ = made.loader.get_source(made, name)
    return made.parse(source)


def macros_used(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Yields each macro of another template that is called, with the name of that template."""
    imported = {
        one.target: one.template.value
        for one in tree.find_all(nodes.Import)
        if isinstance(one.template, nodes.Const)
    }
    for one in tree.find_all(nodes.Getattr):
        if isinstance(one.node, nodes.Name) and one.node.name in imported:
            yield imported[one.node.name], one.attr


@pytest.mark.parametrize("name", environment().list_templates())
class TestEveryTemplate:
    def test_calls_only_macros_that_are_there(self, name: str) -> None:
        for other, macro in macros_used(tree_of(name)):
            assert macro in {one.name for one in tree_of(other).find_all(nodes.Macro)}, other

    def test_asks_only_for_filters_that_are_there(self, name: str) -> None:
        asked = {one.name for one in tree_of(name).find_all(nodes.Filter)}

        assert asked <= environment().filters.keys()


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [(-20_900, "ms", "−20.9 s"), (15.5, "percent", "+15.5 pp"), (-1200, "count", "−1,200")],
)
def test_a_difference_has_its_sign_and_the_form_of_a_value(
    number: float, unit: str, shown: str
) -> None:
    macro = environment().get_template("parts/figures.html").module.difference  # type: ignore[attr-defined]

    assert macro(number, unit).striptags() == shown
