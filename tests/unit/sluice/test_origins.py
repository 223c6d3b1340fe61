"""Whose pages may use the API in a browser."""

import pytest

from schemas.settings import Settings, SettingsError
from sluice.origins import allowed_origins


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", set()),
        (" , ", set()),
        (
            "https://ui.example.com, http://localhost:3000",
            {"https://ui.example.com", "http://localhost:3000"},
        ),
        ("HTTPS://UI.example.com/", {"https://ui.example.com"}),
        ("https://ui.example.com:443,http://ui:80", {"https://ui.example.com", "http://ui"}),
        ("http://[::1]:3000", {"http://[::1]:3000"}),
    ],
)
def test_origins_are_read_as_browsers_write_them(text: str, origins: set[str]) -> None:
    assert allowed_origins(Settings(allowed_origins=text)) == origins


@pytest.mark.parametrize(
    "text",
    ["*", "ui.example.com", "null", "https://", "https://*.example.com", "https://ui/app",
     "https://a@ui", "ftp://ui", "https://ui:x", "http://["],
)  # fmt: skip
def test_what_is_no_origin_ends_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_ALLOWED_ORIGINS"):
        allowed_origins(Settings(allowed_origins=f"https://ui.example.com,{text}"))
