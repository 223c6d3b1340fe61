"""What people are told of uptime, in words."""

from alerts.uptime.wording import of_warning, trial
from schemas.uptime.notices import Warned


def test_a_test_of_a_target_looks_like_no_failure() -> None:
    told = trial("Shop", 0)

    assert (told.tone, told.urgency) == ("good", "info")
    assert told.text == "This is a test: nothing has happened."


def test_a_warning_says_what_it_is_about_and_its_figures() -> None:
    text = "It was down for 0:51:00 in 2026-11; 99.9 % allow 0:43:12."

    told = of_warning(Warned("sla.breached", "mon_9x2k4p7q", "Shop", text, 0, "", ""))

    assert told.subject == "[Sluice] Shop: less uptime than was promised"
    assert told.text == text
