"""What is shown once: for how long a cookie opens."""

from api.pages.once import in_time


def test_a_cookie_that_was_kept_shows_nothing_after_its_time() -> None:
    assert in_time("1000 pulse sk", 999.5) == "pulse sk"
    assert in_time("1000 pulse sk", 1000.0) is None
    assert in_time("pulse_sk", 0.0) is None
