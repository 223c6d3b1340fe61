"""No secret is left in a line, however it is written and wherever it is cut."""

import base64
import json
import random
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploys.lines.masking import FILTERED, Masker
from deploys.lines.splitting import LineSplitter, RawLine
from deploys.lines.texts import kept_bytes, text_of
from schemas.deploys.lines import MOST_MESSAGE_BYTES

CANARIES = (
    "canary-plain-1",
    "c4n4ry&two=2 plus+/",
    "päßwörd-dréi-€",
    '"quoted"\\four\\canary',
    "canary/five?x=1#2",
    "Bearer canary six 6",
    "postgres://user:canary7@db:5432/app?ssl=1",
    "a" * 70 + "canary8",
    "-----BEGIN KEY-----\nMIIcanary9line1\nanother-line-nine\n-----END KEY-----",
    "ten10x",
)


def written(secret: str) -> Iterator[str]:
    """Yields the secret in every way that is promised to be found."""
    yield from secret.splitlines()
    for line in secret.splitlines():
        yield json.dumps(line)
        yield from (quote(line), quote(line, safe=""), quote_plus(line))
        yield re.sub("%..", lambda found: found[0].lower(), quote(line))
    for before in ("", "x", "xy", "abc"):
        for after in ("", "\n", "@h"):
            plain = f"{before}{secret}{after}".encode()
            yield base64.b64encode(plain).decode()
            yield base64.urlsafe_b64encode(plain).decode()


def parts(secret: str) -> list[str]:
    """Returns what must not be found: what of it could be used, in each of the ways."""
    lines = secret.splitlines()
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [*lines, *(quote(line, safe="") for line in lines), encoded]


MASKER = Masker(CANARIES)


@pytest.mark.parametrize("secret", CANARIES)
def test_it_is_masked_in_each_way_that_it_is_written(secret: str) -> None:
    for text in written(secret):
        line = f"before {text} after"

        shown = MASKER.mask(line.encode()).decode()

        assert FILTERED in shown, text
        assert shown.startswith("before ")
        assert shown.endswith(" after")
        # Of base64, characters at both ends belong to what stands beside it too.
        left = shown.removeprefix("before ").removesuffix(" after").replace(FILTERED, "")
        assert len(left) < 12, (text, left)


def test_ten_canaries_are_in_nothing_of_what_is_shown() -> None:
    everything = "\n".join(text for secret in CANARIES for text in written(secret))
    splitter = LineSplitter(kept_bytes(MASKER))
    lines = splitter.feed(everything.encode()) + splitter.flush()

    shown = "\n".join(text_of(line, MASKER) for line in lines)

    assert not [part for secret in CANARIES for part in parts(secret) if part in shown]


@given(
    st.sampled_from([text for secret in CANARIES for text in written(secret)]),
    st.integers(0, 2**32),
)
def test_where_the_bytes_are_cut_changes_nothing(text: str, seed: int) -> None:
    chance = random.Random(seed)
    sent = f"one\nbefore {text} after\ntwo\n".encode()
    places = sorted(chance.randint(0, len(sent)) for _ in range(chance.randint(1, 9)))
    splitter = LineSplitter(kept_bytes(MASKER))
    lines = [
        text_of(line, MASKER)
        for first, last in zip([0, *places], [*places, len(sent)], strict=True)
        for line in splitter.feed(sent[first:last])
    ]

    whole = text_of(RawLine(f"before {text} after".encode(), 0), MASKER)
    assert lines == ["one", whole, "two"]
    assert FILTERED in whole


@pytest.mark.parametrize("secret", CANARIES[:8])
def test_a_line_that_is_cut_for_its_length_has_no_beginning_of_a_secret_at_its_end(
    secret: str,
) -> None:
    keep = kept_bytes(MASKER)
    encoded = secret.encode()
    for before in range(MOST_MESSAGE_BYTES - 200, keep + 20, 7):
        splitter = LineSplitter(keep)
        line = b"." * before + encoded + b"." * keep
        (raw,) = splitter.feed(line + b"\n")

        text = text_of(raw, MASKER)

        assert len(text.encode()) <= MOST_MESSAGE_BYTES
        assert text.endswith(f" … [cut: the line had {len(line)} bytes]")
        assert encoded[:4].decode(errors="ignore") not in text[: text.index(" … [cut")]


@pytest.mark.parametrize("secret", CANARIES[:8])
def test_what_is_shown_before_a_line_ends_has_no_beginning_of_a_secret(secret: str) -> None:
    encoded = secret.encode()
    for cut in range(1, len(encoded)):
        splitter = LineSplitter(kept_bytes(MASKER))
        splitter.feed(b"token " + encoded[:cut])
        shown = [line.body for line in splitter.flush(MASKER.held)]
        shown += [line.body for line in splitter.feed(encoded[cut:] + b"\n")]

        texts = [text_of(RawLine(body, len(body)), MASKER) for body in shown]

        assert texts == ["token ", FILTERED], cut


def test_colours_within_a_secret_hide_nothing_from_the_masker() -> None:
    body = b"\x1b[32mcanary-\x1b[1;31mplain\x1b[0m-\x001 \x1b]0;title\x07done"

    assert text_of(RawLine(body, len(body)), MASKER) == f"{FILTERED} done"


def test_secrets_that_overlap_are_masked_together() -> None:
    masker = Masker(["abcdefgh", "efghijkl"])

    assert masker.mask(b"(abcdefghijkl)") == b"([Filtered])"


def test_of_secrets_that_begin_alike_the_longest_is_masked() -> None:
    masker = Masker(["secret", "secret-and-more"])

    assert masker.mask(b"secret-and-more secret-and") == b"[Filtered] [Filtered]-and"


def test_a_line_full_of_secrets_shows_nothing_at_all() -> None:
    masker = Masker(["aaaaaa"])

    assert masker.mask(b"shown " + b"a" * 8_000) == b"[Filtered]"


def test_short_values_are_no_secrets() -> None:
    masker = Masker(["true", "3000", "", "  x  ", "a\nb\nc"])

    assert masker.mask(b"true 3000 x a b c") == b"true 3000 x a b c"
    assert masker.held(b"tru") == 0


def test_wrapped_base64_of_a_long_secret_is_masked_in_each_line() -> None:
    secret = "".join(random.Random(5).choices("abcdefghij", k=399))
    masker = Masker([secret])
    for width in (64, 76):
        encoded = base64.b64encode(secret.encode()).decode()
        lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]

        assert {masker.mask(line.encode()) for line in lines} == {b"[Filtered]"}


def test_a_secret_longer_than_a_line_is_masked_whole() -> None:
    secret = "".join(random.Random(6).choices("abcdefghij", k=5_000))
    masker = Masker([secret])

    assert masker.mask(b"key " + secret.encode()).replace(b"[Filtered]", b"") == b"key "
    assert masker.longest < 1_100


def test_its_repr_and_errors_hold_no_secret() -> None:
    assert "canary" not in repr(MASKER)


def test_bytes_that_are_no_utf_8_do_not_end_it() -> None:
    masker = Masker(["caf\udce9-secret"])

    assert masker.mask(b"x caf\xe9-secret y") == b"x [Filtered] y"
    assert text_of(RawLine(b"\xff\xfe", 2), masker) == "\ufffd\ufffd"
    many = b"\xff" * MOST_MESSAGE_BYTES
    assert len(text_of(RawLine(many, len(many)), masker).encode()) <= MOST_MESSAGE_BYTES
