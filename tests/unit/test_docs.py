"""What the documentation must name: every setting, metric, endpoint and command, as it is."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
import typer.main
import yaml
from litestar import Litestar
from prometheus_client.metrics import MetricWrapperBase

from schemas import metrics
from schemas.settings import PREFIX, SECRETS, Settings
from sluice.cli import app as cli
from sluice.web import ingest_routes, out_routes

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
METRICS = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
PACKAGES = "|".join(sorted(file.parent.name for file in ROOT.glob("*/__init__.py")))
PLACE = re.compile(rf"`((?:{PACKAGES})(?:/[\w./-]*|(?:\.\w+)+))`")
MAKES_PLACES = "add-a-kind.md"
"""Names files that are made by whoever follows it, as a test of its own does."""
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def endpoints() -> list[str]:
    routes = [*ingest_routes(), *out_routes()]
    application = Litestar(routes, openapi_config=None)
    return sorted(
        f"{method} {route.path_format}"
        for route in application.routes
        for method in getattr(route, "methods", ()) - {"OPTIONS", "HEAD"}
    )


def commands(group: click.Command, prefix: str = "sluice") -> Iterator[str]:
    for name, command in getattr(group, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}"


def meanings() -> dict[str, str]:
    """Returns what stands below each setting, in one line."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(Settings))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        ast.unparse(field.target): " ".join(str(ast.literal_eval(prose.value)).split())
        for field, prose in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(prose, ast.Expr)
    }


MEANINGS = meanings()


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_documented_with_its_default_and_meaning(name: str) -> None:
    default = getattr(Settings(), name)
    default = "" if default is None else default
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    cell = f"`{shown}`" if shown else "empty"

    row = f"| `{PREFIX}{name.upper()}` | {cell} | {MEANINGS[name]} |"

    assert row in page("settings.md"), f"docs/settings.md needs the line: {row}"


def test_no_setting_is_documented_that_is_none() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    # What deployed apps find in their environment.
    known |= {f"{PREFIX}{name}" for name in ("URL", "API_KEY", "PROJECT_ID", "DEPLOYMENT_ID")}

    for file in PAGES:
        named = set(re.findall(r"\bSLUICE_[A-Z_]*[A-Z]\b", file.read_text(encoding="utf-8")))
        assert named - known - {"SLUICE_INIT", "SLUICE_TEST_REQUIRE"} == set(), file.name


def test_alert_rules_ask_only_for_metrics_that_are_there_and_their_labels() -> None:
    whole = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
    labels = {metric._name: set(metric._labelnames) for metric in METRICS}
    rules = [rule for group in whole["groups"] for rule in group["rules"]]
    asked = {name for rule in rules for name in re.findall(r"sluice_\w+", rule["expr"])}

    assert len(rules) >= 6
    assert {name.removesuffix("_total") for name in asked} <= set(labels)
    for rule in rules:
        for by, name in re.findall(r"by \(([\w, ]+)\) \(\w*\(?(sluice_\w+)", rule["expr"]):
            known = labels[name.removesuffix("_total")] | {"instance"}
            assert set(by.split(", ")) <= known, rule


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: str(metric._name))
def test_every_metric_is_documented_with_its_kind_labels_and_meaning(
    metric: MetricWrapperBase,
) -> None:
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "-"

    row = f"| `{metric._name}` | {metric._type} | {labels} | {metric._documentation} |"

    assert row in page("operations.md"), f"docs/operations.md needs the line: {row}"


@pytest.mark.parametrize("endpoint", endpoints())
def test_every_endpoint_is_documented(endpoint: str) -> None:
    assert f"`{endpoint}`" in page("dashboard.md" if is_page(endpoint) else "wire-formats.md")


def is_page(endpoint: str) -> bool:
    """Tells of a route that is for people: of the dashboard, or of a public page."""
    path = endpoint.partition(" ")[2]
    pages = ("/p/", "/assets/", "/sign-", "/enter", "/account", "/new-project", "/status/")
    return path.startswith(pages)


def test_every_command_is_documented() -> None:
    text = page("operations.md")
    named = set(re.findall(r"\| `(sluice [a-z-]+)([^`]*)` \|", text))
    documented = {
        f"{head} {tail.strip()}" if tail else head
        for head, tails in named
        for tail in (tails.split("\\|") if tails else [""])
    }

    assert documented == set(commands(typer.main.get_command(cli)))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_link_between_pages_leads_somewhere(file: Path) -> None:
    for target, anchor in LINK.findall(file.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        other = file.parent / target if target else file
        if other.name == "performance.md" and not other.exists():
            continue  # written by its benchmarks
        assert other.exists(), f"{file.name} links to {target}"
        if anchor:
            assert anchor in {heading_anchor(line) for line in other.read_text().splitlines()}


@pytest.mark.parametrize(
    "file", [file for file in PAGES if file.name != MAKES_PLACES], ids=lambda file: file.name
)
def test_every_place_in_the_code_that_a_page_names_exists(file: Path) -> None:
    named = set(PLACE.findall(file.read_text(encoding="utf-8")))

    assert [place for place in sorted(named) if "NNNN" not in place and not exists(place)] == []


def test_every_test_that_the_security_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page("security.md"))

    assert len(named) > 20
    for file, name in named:
        assert (ROOT / file).exists(), file
        assert name in (ROOT / file).read_text(encoding="utf-8")


def exists(place: str) -> bool:
    """Tells of a path, a module, or a name that a module defines."""
    if "/" in place:
        return (ROOT / place).exists()
    module = ROOT / place.replace(".", "/")
    if module.is_dir() or module.with_suffix(".py").exists():
        return True
    source = module.parent.with_suffix(".py")
    defined = rf"(?m)^(?:async )?(?:def|class) {module.name}\b"
    return source.exists() and bool(re.search(defined, source.read_text(encoding="utf-8")))


def heading_anchor(line: str) -> str:
    words = re.sub(r"[^\w\s-]", "", line.lstrip("# ").lower()) if line.startswith("#") else ""
    return f"#{words.strip().replace(' ', '-')}"
