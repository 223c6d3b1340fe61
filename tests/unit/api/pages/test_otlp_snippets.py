"""What the dashboard says of sending over OTLP is what the docs say."""

import re
from pathlib import Path

from api.pages.parts.otlp_snippets import OTLP

PAGE = Path(__file__).resolve().parents[4] / "docs" / "otlp-senders.md"


def test_the_page_of_senders_shows_each_of_them_and_no_other() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"^## ([^\n]+)\n\n```[a-z]+\n(.*?)\n```", text, re.MULTILINE | re.DOTALL)

    url, key = "http://127.0.0.1:8080", "pulse_sk_…"
    assert shown == [(one.title, one.filled(url, key)) for one in OTLP]


def test_each_note_stands_there_too() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())

    assert [one.title for one in OTLP if one.note not in text] == []


def test_what_is_python_can_be_read_as_that() -> None:
    texts = [one.filled("http://host", "key") for one in OTLP if "import " in one.text]
    programs = [text for text in texts if " from " not in text]

    assert len(programs) == 4
    for text in programs:
        compile(text, "snippet", "exec")


def test_langfuses_sdks_are_told_the_address_by_each_name_that_they_read() -> None:
    # Without the first one those for JavaScript send to Langfuse's own servers.
    (text,) = [one.filled("http://host", "key") for one in OTLP if "Langfuse" in one.title]

    assert "LANGFUSE_BASE_URL=http://host\n" in text
    assert "LANGFUSE_HOST=http://host\n" in text
