"""The words that issues are searched with."""

from contextlib import suppress

import pytest

from api.errors.search import MOST_WORDS, read_search
from api.parameters import InvalidParameters
from schemas.errors.issues import STATUSES, ErrorFilter, IssueFilter

NOW_US = 1_780_000_000_000_000
DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("text", "issues", "events"),
    [
        ("", IssueFilter(), ErrorFilter()),
        ("is:unresolved", IssueFilter(statuses=("open",)), ErrorFilter()),
        ("!is:open", IssueFilter(statuses=("resolved", "ignored")), ErrorFilter()),
        ("is:resolved is:ignored", IssueFilter(statuses=()), ErrorFilter()),
        ("is:all", IssueFilter(statuses=STATUSES), ErrorFilter()),
        ("is:regressed", IssueFilter(regressed=True), ErrorFilter()),
        ("is:unassigned", IssueFilter(assignee="none"), ErrorFilter()),
        ("!is:unassigned", IssueFilter(assignee="any"), ErrorFilter()),
        ("is:unhandled", IssueFilter(), ErrorFilter(handled=False)),
        ("handled:yes", IssueFilter(), ErrorFilter(handled=True)),
        ("level:error level:fatal", IssueFilter(levels=("error", "fatal")), ErrorFilter()),
        ("!level:info", IssueFilter(without_levels=("info",)), ErrorFilter()),
        ("platform:go type:KeyError", IssueFilter(platforms=("go",), types=("KeyError",)),
         ErrorFilter()),
        ("assignee:me", IssueFilter(assignee="ann's id"), ErrorFilter()),
        ("assigned:bob@example.com", IssueFilter(assignee="bob@example.com"), ErrorFilter()),
        ("first-release:1.0", IssueFilter(first_release="1.0"), ErrorFilter()),
        ("firstSeen:-1d", IssueFilter(first_seen_from_us=NOW_US - DAY_US), ErrorFilter()),
        ("age:+1w", IssueFilter(first_seen_to_us=NOW_US - 7 * DAY_US), ErrorFilter()),
        ("lastSeen:-24h", IssueFilter(last_seen_from_us=NOW_US - DAY_US), ErrorFilter()),
        ("release:shop@1.0+b", IssueFilter(), ErrorFilter(release="shop@1.0+b")),
        ('env:"my staging"', IssueFilter(), ErrorFilter(environment="my staging")),
        ("user.email:ann@example.com", IssueFilter(), ErrorFilter(user="ann@example.com")),
        ("server:web-1 transaction:/a/b", IssueFilter(),
         ErrorFilter(server_name="web-1", transaction="/a/b")),
        ("tenant:acme a.b:c:d", IssueFilter(),
         ErrorFilter(tags=(("tenant", "acme"), ("a.b", "c:d")))),
        ("!env:staging -tenant:acme", IssueFilter(),
         ErrorFilter(without=(("environment", "staging"), ("tenant", "acme")))),
        ('key "no such: thing" !noise', IssueFilter(
            texts=("key", "no such: thing"), without_texts=("noise",)), ErrorFilter()),
        ('"a \\"quoted\\" one"', IssueFilter(texts=('a "quoted" one',)), ErrorFilter()),
        ("-1 été:x", IssueFilter(texts=("-1",)), ErrorFilter(tags=(("été", "x"),))),
    ],
)  # fmt: skip
def test_each_word_narrows_as_it_says(text: str, issues: IssueFilter, events: ErrorFilter) -> None:
    found = read_search(text, me="ann's id", now_us=NOW_US)

    assert found == (issues, events)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("is:gone", "is: expected one of unresolved, open"),
        ("level:errer", "level: expected"),
        ("handled:maybe", "handled: expected yes or no"),
        ("firstSeen:yesterday", "first_seen: expected such as -24h"),
        ("!platform:go", "platform: cannot be negated"),
        ("release:1 release:2", "release: comes twice"),
        ('"not closed', "Cannot be read"),
        ("x " * (MOST_WORDS + 1), f"at most {MOST_WORDS} words"),
        (" ".join(f"t{n}:x" for n in range(11)), "at most 10 tags"),
    ],
)
def test_what_cannot_be_meant_is_rejected_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidParameters) as rejected:
        read_search(text, me=None, now_us=NOW_US)

    assert rejected.value.details is not None
    assert rule in rejected.value.details[0].message


def test_nobody_is_me_where_nobody_is_signed_in() -> None:
    with pytest.raises(InvalidParameters):
        read_search("assignee:me", me=None, now_us=NOW_US)


def test_any_text_is_read_or_rejected() -> None:
    for text in ('"' * 2000, "a:" * 1000, "\\" * 2000, '!"' * 1000, "x" * 2000, '"\\' * 1000):
        with suppress(InvalidParameters):
            assert read_search(text, me=None, now_us=NOW_US)
