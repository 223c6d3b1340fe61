"""`sluice experiment`: runs a command over a dataset, and compares runs."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from sluice.commands.datasets import ApiKey, Name, Url
from sluice.commands.errors import CommandError, WrongCall
from sluice.commands.options import DataDir, Project
from sluice.commands.output import show_rows

app = typer.Typer(no_args_is_help=True, help="Run commands over datasets, and compare the runs.")

SCORE = "score."
UNITS = {"cost": "cents", "latency": "ms"}


@app.command()
def run(
    name: Name,
    command: Annotated[list[str], typer.Argument(help="Behind --: what is run for each item.")],
    run: Annotated[str, typer.Option("--run", help="What to call the run.")],
    limit: Annotated[int | None, typer.Option(min=1, help="The first items alone.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one item.")] = 300,
    no_call: Annotated[
        bool, typer.Option("--no-call", help="The command sends its own calls.")
    ] = False,
    url: Url = None,
    key: ApiKey = None,
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Run a command once for each item: it reads the item's JSON, and prints its answer.

    The names of dataset, run and item are in its environment (EXPERIMENT_ITEM, ...), as attributes
    of OpenTelemetry's resource, and as baggage. Exit code 1: it failed for an item.
    """
    from sluice.asking import asker
    from sluice.experiments import Plan, answer_of, call_of, items_of

    failed = asked = 0
    with asker(url, key, project, data_dir) as server:
        version = int(server.get(f"/v1/datasets/{name}")["version"])
        server.post(f"/v1/datasets/{name}/runs", {"name": run})
        plan = Plan(name, version, run, command, timeout)
        for item in islice(items_of(server, name, version), limit):
            try:
                answer = answer_of(plan, item, os.environ)
            except OSError as error:
                raise CommandError(f"{command[0]}: {error.strerror}") from error
            if not no_call:
                server.post("/v1/traces/async", [call_of(plan, item, answer)])
            asked, failed = asked + 1, failed + bool(answer.error)
            if answer.error:
                typer.echo(f"{item['id']}: {answer.error.splitlines()[-1][:200]}", err=True)
    typer.echo(f"{asked} items of version {version} asked in run {run}, {failed} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def compare(
    name: Name,
    a: Annotated[str, typer.Argument(help="The run to compare with.")],
    b: Annotated[str, typer.Argument(help="The other run.")],
    items: Annotated[int, typer.Option(min=0, max=1000, help="Worst items to print too.")] = 0,
    fail_below: Annotated[
        list[str] | None,
        typer.Option(help="NAME=NUMBER: exit code 1 if the average of this score in B is less."),
    ] = None,
    fail_worse: Annotated[
        bool,
        typer.Option("--fail-worse", help="Exit code 1 if a score fell by more than chance makes."),
    ] = False,
    url: Url = None,
    key: ApiKey = None,
    project: Project = None,
    data_dir: DataDir = None,
) -> None:
    """Print how run B differs from run A: means, 95 % intervals, and whether it may be chance."""
    from sluice.asking import asker

    least = _limits(fail_below or ())
    with asker(url, key, project, data_dir) as server:
        found = server.get(f"/v1/datasets/{name}/comparison", a=a, b=b, limit=max(1, items))
    show_rows(
        ("measure", "a", "b", "difference", "low", "high", "chance", "verdict", "items"),
        (_row(one) for one in found["measures"]),
        "the runs have no item in common",
    )
    if items:
        _show_items(found)
    reasons = _below(found, least) + (_worse(found) if fail_worse else [])
    for reason in reasons:
        typer.echo(reason, err=True)
    if reasons:
        raise typer.Exit(1)


def _limits(given: Sequence[str]) -> dict[str, float]:
    limits = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            limits[name] = float(number)
        except ValueError:
            limits.pop(name, None)
        if not name or name not in limits:
            raise WrongCall(f"--fail-below: expected NAME=NUMBER, not {text!r}")
    return limits


def _below(found: Mapping[str, Any], least: Mapping[str, float]) -> list[str]:
    averages = {one["name"]: one["average"] for one in found["b"]["scores"]}
    reasons = []
    for name, limit in least.items():
        average = averages.get(name)
        if average is None:
            reasons.append(f"{name}: run B has no such score")
        elif average < limit:
            reasons.append(f"{name}: {average:.4g} is below {limit:g}")
    return reasons


def _worse(found: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['measure'].removeprefix(SCORE)}: worse by {-one['difference']:.4g}"
        for one in found["measures"]
        if one["measure"].startswith(SCORE) and one["is_more_than_chance"] and one["difference"] < 0
    ]


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    name = one["measure"]
    unit = f", {UNITS[name]}" if name in UNITS else ""
    numbers = (one[key] for key in ("a", "b", "difference", "low", "high", "chance"))
    verdict = "may be chance"
    if one["is_more_than_chance"]:
        is_better = (one["difference"] > 0) == name.startswith(SCORE)
        verdict = "better" if is_better else "worse"
    return (name + unit, *map(_number, numbers), verdict, str(one["pairs"]))


def _show_items(found: Mapping[str, Any]) -> None:
    measure = found["sorted_by"]
    typer.echo()
    show_rows(
        ("item", measure, "input", "a", "b"),
        (
            (
                one["id"],
                _number(one["differences"].get(measure)),
                _short(one["input"]),
                _short((one["a"] or {}).get("output")),
                _short((one["b"] or {}).get("output")),
            )
            for one in found["items"]
        ),
        "no items",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _short(text: str | None) -> str:
    return (text or "-")[:60]
