"""Which of two releases is older."""

import pytest

from schemas.errors.versions import SeenRelease, compare, is_newer, version_of


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0.0", "1.0.1"),
        ("1.9.0", "1.10.0"),
        ("v1.2", "1.2.1"),
        ("1.2.3", "1.2.3.4"),
        ("app@1.0.0", "app@2.0.0"),
        ("@scope/app@1.0.0", "@scope/app@1.0.1"),
        # SemVer 2.0.0, section 11.4.4
        ("1.0.0-alpha", "1.0.0-alpha.1"),
        ("1.0.0-alpha.1", "1.0.0-alpha.beta"),
        ("1.0.0-beta.2", "1.0.0-beta.11"),
        ("1.0.0-rc.1", "1.0.0"),
        ("1.0.0+7", "1.0.0+11"),
        ("2026.1", "2026.11"),
    ],
)
def test_versions_are_ordered_whenever_they_were_seen(older: str, newer: str) -> None:
    first, second = SeenRelease(older, 9), SeenRelease(newer, 1)

    assert compare(first, second) == "older"
    assert compare(second, first) == "newer"


def test_what_has_no_version_is_ordered_by_its_first_event() -> None:
    first, second = SeenRelease("f3a19bc", 1), SeenRelease("09bcaa1", 2)

    assert compare(first, second) == "older"
    assert compare(SeenRelease("1.0", 3), second) == "newer"


def test_the_same_release_and_another_build_of_it_are_the_same() -> None:
    assert compare(SeenRelease("x", 1), SeenRelease("x", 2)) == "same"
    assert compare(SeenRelease("1.0+abc", 1), SeenRelease("1.0", 2)) == "same"


def test_packages_have_no_order_but_by_time() -> None:
    app, worker = SeenRelease("app@1.0", 1), SeenRelease("worker@0.1", 2)

    assert compare(app, worker) is None
    assert is_newer(worker, app)


@pytest.mark.parametrize("name", ["", "latest", "f3a19bc", "20261129093000", "1.2.3.4.5", "1..2"])
def test_other_names_have_no_version(name: str) -> None:
    assert version_of(name) is None
