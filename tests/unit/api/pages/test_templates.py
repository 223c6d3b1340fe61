"""Templates that fail only when they are rendered: what they call is looked up before."""

from collections.abc import Iterator
from functools import cache

from jinja2 import nodes

from api.pages.render import environment


@cache
def read(name: str) -> nodes.Template:
    loader = environment().loader
    assert loader is not None
    return environment().parse(loader.get_source(environment(), name)[0])


@cache
def defined_in(name: str) -> set[str]:
    template = read(name)
    macros = {macro.name for macro in template.find_all(nodes.Macro)}
    targets = (one.target for one in template.find_all(nodes.Assign))
    return macros | {target.name for target in targets if isinstance(target, nodes.Name)}


def missing_in(template: nodes.Template) -> Iterator[str]:
    """Yields what a template takes from others, or filters with, that nobody has."""
    imports = {
        one.target: one.template.value
        for one in template.find_all(nodes.Import)
        if isinstance(one.template, nodes.Const)
    }
    for taken in template.find_all(nodes.Getattr):
        of = imports.get(taken.node.name) if isinstance(taken.node, nodes.Name) else None
        if of is not None and taken.attr not in defined_in(of):
            yield f"{of} has no {taken.attr}"
    for used in template.find_all(nodes.Filter):
        if used.name not in environment().filters:
            yield f"there is no filter {used.name}"


def test_whatever_a_template_calls_is_there() -> None:
    names = environment().list_templates(extensions=["html"])

    found = {name: list(missing_in(read(name))) for name in names}

    assert len(found) > 40
    assert {name: missing for name, missing in found.items() if missing} == {}
