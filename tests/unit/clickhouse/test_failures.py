"""What is said of a store that cannot be reached."""

import clickhouse_connect
import pytest

from clickhouse.failures import WarehouseUnavailable, kind_of, translated
from tests.unit.sluice.places import free_port


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_is_not_there_is_told_in_a_few_words(scheme: str) -> None:
    port = free_port()

    with pytest.raises(WarehouseUnavailable) as caught, translated(kind_of):
        clickhouse_connect.get_client(
            interface=scheme, host="127.0.0.1", port=port, connect_timeout=1
        )

    assert str(caught.value) == f"cannot connect to 127.0.0.1, port {port}: Connection refused"


def test_a_name_that_is_no_host_is_told_in_a_few_words() -> None:
    with pytest.raises(WarehouseUnavailable) as caught, translated(kind_of):
        clickhouse_connect.get_client(host="nowhere.invalid", port=8123, connect_timeout=1)

    assert str(caught.value).startswith("cannot connect to nowhere.invalid, port 8123: ")
    assert len(str(caught.value)) < 100
