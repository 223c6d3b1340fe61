"""A copy of the code to which `docs/add-a-kind.md` is applied, step by step."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-a-kind.md"
STEP = re.compile(r"^```(?:python|sql)\n(?:#|--) (\S+?)(?:, ([^\n]+))?\n(.*?)^```$", re.S | re.M)
PACKAGES = (
    "schemas", "eventlog", "clickhouse", "controlplane", "ingest", "processors", "alerts", "api",
    "sluice", "tests", "benchmarks",
)  # fmt: skip


class Step:
    """One block of the page: a new file, or lines for one that exists."""

    def __init__(self, path: str, where: str, text: str) -> None:
        self.path = path
        self.where = where
        self.text = text

    def apply(self, root: Path) -> None:
        """Does in a copy what the block says."""
        target = root / _numbered(self.path, root)
        if not self.where:
            assert not target.exists(), target
            _make_package(target.parent, root)
            target.write_text(_numbered_text(self.text, target), encoding="utf-8")
            return
        text = target.read_text(encoding="utf-8")
        marks = {
            "above SYSTEMS": ("\nSYSTEMS = ", f"\n{self.text}\nSYSTEMS = "),
            "in SYSTEMS": ("\nSYSTEMS = (", f"\nSYSTEMS = (\n    {self.text.strip()},\n    "),
            "among the imports": ("\nfrom ", f"\n{self.text}from "),
        }
        before, after = marks[self.where]
        assert before in text, (self.path, self.where)
        target.write_text(text.replace(before, after, 1), encoding="utf-8")


def read_steps() -> list[Step]:
    """Returns the blocks of the page in order."""
    return [Step(*(part or "" for part in found)) for found in STEP.findall(PAGE.read_text())]


def copy_code(root: Path) -> None:
    """Copies what a process and a test of it are made of, with what is compiled of it."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "pyproject.toml", root)


def _make_package(folder: Path, root: Path) -> None:
    if not folder.exists():
        folder.mkdir()
        (folder / "__init__.py").write_text(f'"""What {folder.relative_to(root)} holds."""\n')


def _numbered(path: str, root: Path) -> str:
    if "NNNN" not in path:
        return path
    taken = [int(one) for file in (root / path).parent.iterdir() for one in _number(file.name)]
    return path.replace("NNNN", f"{max(taken) + 1:04}")


def _numbered_text(text: str, target: Path) -> str:
    for number in _number(target.name):
        previous = f"{int(number) - 1:04}"
        text = text.replace("NNNN", number).replace("PREVIOUS", previous)
    return text


def _number(name: str) -> list[str]:
    return re.findall(r"^r?(\d{4})_", name)
