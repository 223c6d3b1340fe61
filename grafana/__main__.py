"""Writes the dashboards: `python -m grafana`, after a change of what they are made from."""

import json
from pathlib import Path

from grafana import agents, deploys, errors, levels, llm, pipeline, quality, uptime

BOARDS = {
    "traces": llm.build,
    "spans": agents.build,
    "operations": pipeline.build,
    "errors": errors.build,
    "uptime": uptime.build,
    "sla": levels.build,
    "deploys": deploys.build,
    "quality": quality.build,
}
FOLDER = Path(__file__).parent


def text_of(name: str) -> str:
    """Returns a dashboard as its file has it."""
    return json.dumps(BOARDS[name](), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")
