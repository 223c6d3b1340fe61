"""The alert rules, as Prometheus's own tool reads and tries them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PLACE = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: apt install prometheus"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=PLACE, capture_output=True, text=True, check=False
    )


@needs_promtool
def test_prometheus_reads_every_rule() -> None:
    checked = promtool("check", "rules", "alerts.yml")

    assert checked.returncode == 0, checked.stderr + checked.stdout


@needs_promtool
def test_every_rule_fires_for_what_it_is_about_and_is_silent_while_all_is_well() -> None:
    tried = promtool("test", "rules", "alerts_test.yml")

    assert tried.returncode == 0, tried.stderr + tried.stdout


def test_every_rule_is_tried() -> None:
    rules = yaml.safe_load((PLACE / "alerts.yml").read_text())["groups"]
    named = {rule["alert"] for group in rules for rule in group["rules"]}
    tried = (PLACE / "alerts_test.yml").read_text()

    assert set(re.findall(r'alertname="(\w+)"', tried)) == named
