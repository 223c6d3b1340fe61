"""Certificates of the store: what TLS cannot use is refused before anything is opened."""

from pathlib import Path

import pytest

from schemas.settings import Settings, SettingsError
from sluice.certificates import with_certificates
from tests.integration.store.certificates import Authority, Signed

STORE = "https://ann@store:9440/db"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def mine(authority: Authority) -> Signed:
    return authority.sign("worker")


def refusal(url: str = STORE, **files: object) -> str:
    settings = Settings(**{name: str(path) for name, path in files.items()})
    with pytest.raises(SettingsError) as caught:
        with_certificates(url, settings)
    return str(caught.value)


@pytest.mark.parametrize("name", ["warehouse_ca_file", "warehouse_cert_file"])
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    message = refusal(**{name: tmp_path / "nowhere.pem"})

    assert message.startswith(f"SLUICE_{name.upper()}: '{tmp_path}/nowhere.pem' ")
    assert "No such file" in message


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate\n")

    assert "holds no certificates" in refusal(warehouse_ca_file=wrong)


def test_a_key_of_another_certificate_is_refused(authority: Authority, mine: Signed) -> None:
    other = authority.sign("other")

    message = refusal(warehouse_cert_file=mine.cert, warehouse_key_file=other.key)

    assert message.startswith("SLUICE_WAREHOUSE_KEY_FILE: ")
    assert "is no key with its certificate" in message


def test_a_certificate_without_a_key_is_refused(mine: Signed) -> None:
    assert refusal(warehouse_cert_file=mine.cert).startswith("SLUICE_WAREHOUSE_CERT_FILE: ")


def test_a_key_without_a_certificate_is_refused(mine: Signed) -> None:
    assert "needs SLUICE_WAREHOUSE_CERT_FILE" in refusal(warehouse_key_file=mine.key)


@pytest.mark.parametrize("url", ["http://ann:hunter2@store:8443/", "chdb:///srv/warehouse"])
def test_certificates_for_a_store_without_tls_are_refused(url: str, authority: Authority) -> None:
    message = refusal(url, warehouse_ca_file=authority.file)

    scheme = url.partition(":")[0]
    assert message == (
        f"SLUICE_WAREHOUSE_CA_FILE: '{authority.file}' needs a store at https://…,"
        f" not at {scheme}://…"
    )


def test_an_address_without_certificates_is_passed_on_as_it_is() -> None:
    assert with_certificates(STORE, Settings()) == STORE


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("https://ann@store:9440/db", "mutual"),
        ("https://ann:pw@store:9440/db", "strict"),
        ("https://store:9440/db", "strict"),
    ],
)
def test_a_certificate_stands_for_a_password_that_is_not_given(
    url: str, mode: str, mine: Signed
) -> None:
    settings = Settings(warehouse_cert_file=str(mine.cert), warehouse_key_file=str(mine.key))

    assert with_certificates(url, settings).endswith(f"&tls_mode={mode}")


def test_options_of_an_address_stay(authority: Authority) -> None:
    found = with_certificates(
        f"{STORE}?connect_timeout=3", Settings(warehouse_ca_file=str(authority.file))
    )

    assert found.startswith(f"{STORE}?connect_timeout=3&ca_cert=%2F")
