"""The page about probes names every reason and every setting that there is."""

import re
from pathlib import Path

from probes.findings import REASONS
from probes.settings import ProberSettings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "uptime-probes.md").read_text(encoding="utf-8")
SOURCES = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "probes").rglob("*.py"))
SAID = re.compile(r"(?:failed|unclear)\(\s*\"([a-z_]+)\"|reason=\"([a-z_]+)\"")


def test_every_reason_that_is_given_has_a_meaning() -> None:
    given = {one or other for one, other in SAID.findall(SOURCES)}

    assert given == set(REASONS)


def test_the_page_names_every_reason() -> None:
    assert [reason for reason in REASONS if f"`{reason}`" not in PAGE] == []


def test_the_page_names_every_setting() -> None:
    fields = ProberSettings.__struct_fields__

    assert [field for field in fields if f"`{field}`" not in PAGE] == []
