"""Settings: what the environment may say, and how a mistake in it is named."""

from pathlib import Path

import pytest

from schemas.settings import SECRETS, Settings, SettingsError
from schemas.settings_reading import load


def test_a_variable_with_our_prefix_that_is_no_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match="SLUICE_DATADIR is not a setting"):
        load({"SLUICE_DATADIR": "/tmp/x"})


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SLUICE_PORT", "0", "a whole number from 1 to 65535"),
        ("SLUICE_PORT", "65536", "a whole number from 1 to 65535"),
        ("SLUICE_PORT", "http", "a whole number from 1 to 65535"),
        ("SLUICE_PORT", "80.5", "a whole number from 1 to 65535"),
        ("SLUICE_EDGE_PROCESSES", "65", "a whole number from 0 to 64"),
        ("SLUICE_RATE_LIMIT", "-1", "a whole number from 0 on"),
        ("SLUICE_RETENTION_DAYS", "-1", "a whole number from 0 on"),
        ("SLUICE_DEDUP_FILTER_BITS", "35", "a whole number from 20 to 34"),
        ("SLUICE_LOG_LEVEL", "verbose", "one of debug, info, warning, error"),
        ("SLUICE_ACCESS_LOG", "perhaps", "true or false"),
    ],
)
def test_a_bad_value_is_an_error_that_names_variable_and_rule(
    variable: str, value: str, rule: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load({variable: value})

    assert str(caught.value) == f"{variable}: expected {rule}, not {value!r}"


@pytest.mark.parametrize(
    ("variable", "value", "guess"),
    [("SLUICE_LOG_LEVEL", "warn", "warning"), ("SLUICE_KAFKA_SASL_MECHANISM", "plain", "PLAIN")],
)
def test_the_nearest_choice_is_named(variable: str, value: str, guess: str) -> None:
    with pytest.raises(SettingsError, match=f"did you mean {guess}\\?"):
        load({variable: value})


@pytest.mark.parametrize(
    ("variable", "guess"),
    [
        ("SLUICE_PROT", "SLUICE_PORT"),
        ("SLUICE_DATADIR", "SLUICE_DATA_DIR"),
        ("SLUICE_SECRETS_FILE", "SLUICE_SECRET_FILE"),
        ("SLUICE_RETENTION", "SLUICE_RETENTION_DAYS"),
    ],
)
def test_the_nearest_setting_is_named(variable: str, guess: str) -> None:
    with pytest.raises(SettingsError, match=f"; did you mean {guess}\\? docs/settings.md lists"):
        load({variable: "1"})


def test_where_no_setting_is_near_none_is_named() -> None:
    with pytest.raises(SettingsError, match="SLUICE_QQQ is not a setting; docs/settings.md lists"):
        load({"SLUICE_QQQ": "1"})


def test_a_secret_file_that_cannot_be_read_is_an_error_that_names_its_variable() -> None:
    with pytest.raises(
        SettingsError, match="SLUICE_SECRET_FILE: cannot read the file /nowhere/secret: No"
    ):
        load({"SLUICE_SECRET_FILE": "/nowhere/secret"})


def test_only_secrets_may_come_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="only secrets come from a file; set SLUICE_PORT itself"
    ):
        load({"SLUICE_PORT_FILE": str(tmp_path)})


def test_a_secret_file_that_is_no_text_is_an_error_that_names_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="SLUICE_SECRET_FILE: the file .* is no text"):
        load({"SLUICE_SECRET_FILE": str(file)})


def test_memory_that_no_query_could_work_with_is_an_error() -> None:
    with pytest.raises(SettingsError, match="MEMORY_BYTES: expected 0, or .* from 268435456 on"):
        load({"SLUICE_MEMORY_BYTES": "5"})


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("what nobody may see\n")

    settings = load({f"SLUICE_{name.upper()}_FILE": str(file)})

    assert getattr(settings, name) == "what nobody may see"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({"SLUICE_PORT": "", "SLUICE_SECRET_FILE": ""}) == Settings()


def test_variables_without_our_prefix_are_nobodys_business() -> None:
    assert load({"PORT": "1", "HOME": "/root"}) == Settings()


def test_values_are_read_in_their_types() -> None:
    settings = load(
        {"SLUICE_PORT": "9000", "SLUICE_ACCESS_LOG": "true", "SLUICE_DATA_DIR": "/srv/sluice"}
    )

    assert (settings.port, settings.access_log) == (9000, True)
    assert settings.data_dir == "/srv/sluice"
