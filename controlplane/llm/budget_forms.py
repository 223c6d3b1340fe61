"""What may be said of a budget. Pure."""

from decimal import Decimal

from msgspec.structs import replace

from controlplane.failures import BadRequest
from controlplane.llm.budget_models import MAX_NAME_CHARS
from controlplane.rules import as_uuid
from schemas.llm.budgets import BudgetForm
from schemas.zones import UnknownZone, check_zone, known_zone

MAX_VALUE_CHARS = 500
MAX_KEY_CHARS = 200
MAX_AMOUNT = Decimal(10) ** 15
MOST_PLACES = 12
MOST_HOURS = 31 * 24
MOST_THRESHOLDS = 8
MOST_PERCENT = 1000
MOST_CHANNELS = 50


def checked(form: BudgetForm, time_zone: str) -> BudgetForm:
    """Return a form with what it leaves open; raises `BadRequest`, which names the field.

    A calendar window is of the project's time zone where it names none, and stays so.
    """
    name = form.name.strip()
    _in_chars("name", name, 1, MAX_NAME_CHARS)
    _check_scope(form)
    _check_amount("amount", form.amount, whole=form.measure != "cost")
    if form.anomaly_minimum is not None:
        _check_amount("anomaly_minimum", form.anomaly_minimum, whole=form.measure != "cost")
        if form.scope not in ("project", "model"):
            raise BadRequest("anomaly_minimum: anomalies are looked for in projects and models")
    _in_range("hours", form.hours, 1, MOST_HOURS)
    _in_range("thresholds: number of values", len(form.thresholds), 1, MOST_THRESHOLDS)
    for percent in form.thresholds:
        _in_range("thresholds: a value", percent, 1, MOST_PERCENT)
    _in_range("channel_ids: number of values", len(form.channel_ids), 0, MOST_CHANNELS)
    try:
        zone = check_zone(form.time_zone) if form.time_zone else known_zone(time_zone)
    except UnknownZone as error:
        raise BadRequest(f"time_zone: {error}") from error
    thresholds = tuple(sorted(set(form.thresholds)))
    value = str(as_uuid(form.value or "")) if form.scope == "key" and form.value else form.value
    return replace(form, name=name, value=value, time_zone=zone, thresholds=thresholds)


def _check_scope(form: BudgetForm) -> None:
    if form.scope == "metadata":
        _in_chars("metadata_key", form.metadata_key, 1, MAX_KEY_CHARS)
    elif form.metadata_key:
        raise BadRequest("metadata_key: only the scope 'metadata' has one")
    if form.value is None:
        return
    if form.scope == "project":
        raise BadRequest("value: the scope 'project' has none")
    _in_chars("value", form.value, 1, MAX_VALUE_CHARS)
    if form.scope == "key" and as_uuid(form.value) is None:
        raise BadRequest("value: expected the id of a key")


def _check_amount(field: str, amount: Decimal, *, whole: bool) -> None:
    if not amount.is_finite() or not 0 < amount <= MAX_AMOUNT:
        raise BadRequest(f"{field}: expected more than 0, and at most {MAX_AMOUNT:f}")
    exponent = amount.normalize().as_tuple().exponent
    places = 0 if whole else MOST_PLACES
    if not isinstance(exponent, int) or -exponent > places:
        expected = "a whole number" if whole else f"at most {MOST_PLACES} decimal places"
        raise BadRequest(f"{field}: expected {expected}")


def _in_chars(field: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most or "\0" in text:
        raise BadRequest(f"{field}: expected {least} to {most} characters")


def _in_range(field: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise BadRequest(f"{field}: expected {least} to {most}")
