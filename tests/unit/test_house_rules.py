"""The rules of the house that no other tool holds: sizes, names, lists that must agree."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from clickhouse.migrate import read_migrations
from eventlog.topics import TOPICS
from schemas import metrics
from schemas.kinds import SYSTEMS
from schemas.settings import SECRETS, Settings

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_METHODS = 20

LONG_MODULES: frozenset[str] = frozenset()
"""Modules over the limit, by path. May only shrink."""
LONG_FUNCTIONS = frozenset(
    {
        # Each builds one struct, a field a line.
        "clickhouse/llm/span_analytics.py::analyse_spans",
        "processors/llm/spans.py::span_row",
        "processors/llm/traces.py::trace_row",
        "processors/otel/agent_rows.py::agent_row",
        "processors/otel/call_rows.py::trace_row",
    }
)
"""Functions over the limit, `path::name`. May only shrink."""
BROUGHT = {"otel": {"llm", "errors"}}
"""Whose rows a system brings beside its own: it knows those systems, and they do not know it."""
SYSTEM_NAMES = {system.name for system in SYSTEMS}
READS_ACROSS_PROJECTS = frozenset(
    {
        "clickhouse/queries/stored.py::stored_rows",
        "clickhouse/queries/stored.py::recent_hashes",
    }
)
"""What reads the store for no single project: the stream's own look-ups. May only shrink."""

BANNED_WORDS = {
    "apart": "separate, beside, or what it is",
    "books": "checkpoints",
    "dear(?:er|est)": "most expensive, or greatest cost",
    "doors?": "ingest, or the API",
    "fates?": "outcome",
    "floors?": "layer",
    "foreign": "of others, or whose it is",
    "lanes?": "queue",
    "letters?": "dead letter",
    "shall": "will, or must",
    "told to come again": "gets 503 with Retry-After",
    "mend(?:s|ed|ing)?": "repair, fix or correct",
    "rooms": "packages",
}
"""Words that readers had to look up, and the plain ones. They are found in names and in prose."""
ALLOWED_PHRASES = (
    # Other libraries, and columns that are stored.
    *("ForeignKey", "foreign_key", "foreignkey", "foreign_pre_chain", "pending_apart"),
    *("ASCII letters", "ascii_letters"),
    *(":floor", "|floor|"),  # a variant of OpenRouter's models
)
"""May only shrink."""

CLICKHOUSE_QUERIES = {("clickhouse", name) for name in ("queries", *SYSTEM_NAMES)}


class Module(NamedTuple):
    """One source file, parsed."""

    path: str
    text: str
    tree: ast.Module


@functools.cache
def modules() -> list[Module]:
    """Returns all of ours: read when the first rule asks, not by everyone who collects tests."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            found.append(Module(str(file.relative_to(ROOT)), text, ast.parse(text)))
    return found


WORD_BEGINS = r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
DEAD_LETTER = re.compile(r"(?i)dead[\s#_-]*letters?")


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def count_methods(node: ast.ClassDef) -> int:
    return sum(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) for one in node.body)


def imports_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def sources_with_plain_words() -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "benchmarks", "grafana", "tests")]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    files += [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    files += sorted((ROOT / "api" / "templates").rglob("*.html"))
    return [file for file in files if file != Path(__file__)]


def names_in(node: ast.AST) -> set[str]:
    named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return named | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


class TestSizes:
    # One test looks at all modules: as a test for each they were a third of all that there are.

    def test_no_module_is_longer_than_400_lines(self) -> None:
        assert {
            module.path for module in modules() if len(module.text.splitlines()) > MAX_MODULE_LINES
        } == LONG_MODULES

    def test_no_function_is_longer_than_40_lines(self) -> None:
        assert {
            f"{module.path}::{node.name}"
            for module in modules()
            for node in functions(module)
            if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
        } == LONG_FUNCTIONS

    def test_no_class_has_more_than_20_methods(self) -> None:
        too_large = [
            f"{module.path}::{node.name}"
            for module in modules()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef) and count_methods(node) > MAX_METHODS
        ]

        assert too_large == []


class TestSources:
    def test_every_module_begins_by_saying_what_it_is(self) -> None:
        silent = [module.path for module in modules() if not ast.get_docstring(module.tree)]

        assert silent == []

    def test_nothing_is_left_to_do(self) -> None:
        # Comments only: a demo may well search for such a word.
        marked = re.compile(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b")

        assert [module.path for module in modules() if marked.search(module.text)] == []

    def test_nothing_is_read_that_litestar_keeps(self) -> None:
        """Its parsers keep their last 1,024 answers, of megabytes if a sender wants them so."""
        readers = [
            module.path
            for module in modules()
            if module.path.startswith(("api/", "ingest/"))
            and {"query_params", "cookies"} & names_in(module.tree)
        ]

        assert readers == []

    def test_an_init_holds_its_docstring_and_nothing_else(self) -> None:
        fuller = [
            module.path
            for module in modules()
            if module.path.endswith("__init__.py") and len(module.tree.body) != 1
        ]

        assert fuller == []

    def test_every_directory_with_sources_is_a_package(self) -> None:
        directories = {(ROOT / module.path).parent for module in modules()}
        # Alembic loads these by their paths.
        directories -= {ROOT / "controlplane" / "migrations" / "versions"}

        assert [path for path in directories if not (path / "__init__.py").exists()] == []

    def test_no_word_is_used_that_style_replaces(self) -> None:
        pattern = re.compile(rf"{WORD_BEGINS}(?i:{'|'.join(BANNED_WORDS)})(?![a-z])")
        allowed = re.compile("|".join(map(re.escape, ALLOWED_PHRASES)))
        found = {}
        for file in sources_with_plain_words():
            text = DEAD_LETTER.sub("", file.read_text(encoding="utf-8"))
            if words := pattern.findall(allowed.sub("", text)):
                found[str(file.relative_to(ROOT))] = words

        assert found == {}

    def test_each_phrase_that_is_allowed_is_needed(self) -> None:
        text = "".join(file.read_text(encoding="utf-8") for file in sources_with_plain_words())

        assert [phrase for phrase in ALLOWED_PHRASES if phrase not in text] == []


class TestLists:
    def test_the_package_lists_of_pyproject_agree(self) -> None:
        tool: dict[str, Any] = PYPROJECT["tool"]
        first_party = tool["ruff"]["lint"]["isort"]["known-first-party"]
        layers = tool["importlinter"]["contracts"][0]["layers"]

        assert tool["mypy"]["packages"] == PACKAGES
        assert tool["importlinter"]["root_packages"] == PACKAGES
        assert set(PACKAGES) < set(first_party)
        assert {name.strip() for layer in layers for name in layer.split("|")} == set(PACKAGES)

    def test_every_package_at_the_root_is_listed(self) -> None:
        at_root = {path.parent.name for path in ROOT.glob("*/__init__.py")}

        assert at_root - {"tests", "benchmarks"} == set(PACKAGES)

    def test_no_package_is_named_like_a_module_of_the_standard_library(self) -> None:
        assert set(PACKAGES) & sys.stdlib_module_names == set()

    def test_every_secret_is_a_setting(self) -> None:
        assert set(Settings.__struct_fields__) >= SECRETS

    def test_every_metric_is_counted_somewhere(self) -> None:
        sources = "".join(module.text for module in modules() if "metrics.py" not in module.path)
        unused = {
            name
            for name, value in vars(metrics).items()
            if isinstance(value, MetricWrapperBase) and not re.search(rf"\b{name}\b", sources)
        }

        assert unused == set()

    def test_every_topic_has_a_meaning_and_a_number_of_its_own(self) -> None:
        assert all(topic.meaning.endswith(".") for topic in TOPICS)
        assert len({topic.number for topic in TOPICS}) == len(TOPICS)


class TestSystems:
    def test_shared_code_knows_no_system_and_no_system_knows_another(self) -> None:
        """Only `sluice` puts them together. `otel` brings calls, spans and logs of others."""
        known = {module.path: other_systems(module) for module in modules()}

        assert {path: systems for path, systems in known.items() if systems} == {}


def other_systems(module: Module) -> set[str]:
    """Returns the systems, other than its own, of which a module imports something."""
    package, name, *within = Path(module.path).with_suffix("").parts + ("",)
    if package == "sluice":
        return set()
    # All of the one looks at what `uptime` monitors; all of the other is of `deploys`.
    name = {"probes": "uptime", "deploys": "deploys"}.get(package, name)
    # A system's pages are beside the frame that all pages share.
    name = within[0] if name == "pages" and within else name
    imported = {
        part
        for node in ast.walk(module.tree)
        for path in imports_of(node)
        if len(parts := path.split(".")) > 1 and parts[0] in PACKAGES
        for part in parts[1 : 3 if parts[1] == "pages" else 2]
    }
    return imported & (SYSTEM_NAMES - {name} - BROUGHT.get(name, set()))


class TestMigrations:
    def test_those_of_the_store_are_numbered_without_a_gap(self) -> None:
        numbers = [migration.number for migration in read_migrations()]

        assert numbers == list(range(1, len(numbers) + 1))

    def test_those_of_the_store_open_with_who_writes_and_who_reads(self) -> None:
        for migration in read_migrations():
            head = "".join(
                line for line in migration.text.splitlines(keepends=True) if line.startswith("--")
            )
            assert "Written by" in head, migration.name
            assert "Read by" in head, migration.name

    def test_those_of_the_control_plane_are_numbered_without_a_gap(self) -> None:
        files = sorted((ROOT / "controlplane" / "migrations" / "versions").glob("r[0-9]*.py"))

        assert [int(file.name[1:5]) for file in files] == list(range(1, len(files) + 1))


class TestTenants:
    def test_every_function_that_reads_the_store_takes_a_project(self) -> None:
        open_to_all = {
            f"{module.path}::{node.name}"
            for module in modules()
            if Path(module.path).parts[:2] in CLICKHOUSE_QUERIES
            for node in module.tree.body
            if isinstance(node, ast.AsyncFunctionDef)
            and not node.name.startswith("_")
            and not takes_project(node)
        }

        assert open_to_all == READS_ACROSS_PROJECTS


def takes_project(node: ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.args, *node.args.kwonlyargs]
    # A `Scope` is made of a project and its filter; a `RowRange`, its `Chunk`, a `Day` of one too.
    known = {"ProjectContext", "ProjectId", "Scope", "RowRange", "Chunk", "Day"}
    return bool(known & set().union(*map(names_in, arguments)))
