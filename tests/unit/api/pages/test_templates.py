"""The templates of the dashboard, read without a page."""

import re

import pytest

from api.pages.render import environment

IMPORTS = re.compile(r'{% import "([^"]+)" as (\w+)')
TEMPLATES = environment().list_templates(filter_func=lambda name: name.endswith(".html"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_one_knows_its_filters_and_the_macros_of_what_it_imports(name: str) -> None:
    templates = environment()
    source, _, _ = templates.loader.get_source(templates, name)  # type: ignore[union-attr]

    templates.get_template(name)

    for place, alias in IMPORTS.findall(source):
        macros = vars(templates.get_template(place).make_module({"address": None}))
        used = set(re.findall(rf"\b{alias}\.(\w+)\(", source))
        assert used <= macros.keys()
