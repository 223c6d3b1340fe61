"""What scopes of tokens allow."""

import pytest

from controlplane.failures import BadRequest
from controlplane.scopes import OF_SUBJECTS, SCOPES, allows, as_scope, kept, told


@pytest.mark.parametrize(
    ("given", "scope"),
    [
        *((one, one) for one in SCOPES),
        ("incidents:write,monitors:read", "monitors:read incidents:write"),
        (" read  incidents:write ", "read incidents:write"),
        (",".join(OF_SUBJECTS), " ".join(OF_SUBJECTS)),
    ],
)
def test_scopes_are_kept_as_they_were_given(given: str, scope: str) -> None:
    assert as_scope(given) == scope
    assert told(*kept(scope)) == scope
    assert len(kept(scope)[0]) <= 16


@pytest.mark.parametrize(
    "given", ["", " ", "none", "read write", "monitors", "monitors:admin", "errors:read", "READ"]
)
def test_what_is_no_scope_is_rejected(given: str) -> None:
    with pytest.raises(BadRequest):
        as_scope(given)


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("read", {"monitors:read", "incidents:read", "read"}),
        ("write", {*OF_SUBJECTS, "read", "write"}),
        ("admin", {*OF_SUBJECTS, "read", "write", "admin"}),
        ("monitors:read", {"monitors:read"}),
        ("monitors:write", {"monitors:read", "monitors:write"}),
        ("monitors:read incidents:write", {"monitors:read", "incidents:read", "incidents:write"}),
        ("read incidents:write", {"read", "monitors:read", "incidents:read", "incidents:write"}),
    ],
)
def test_a_scope_allows_what_it_says_and_nothing_else(scope: str, may: set[str]) -> None:
    allowed: set[str] = {needs for needs in SCOPES if allows(scope, needs)}
    for subject in ("monitors", "incidents"):
        for needs in ("read", "write"):
            if allows(scope, needs, subject):  # type: ignore[arg-type]
                allowed.add(f"{subject}:{needs}")

    assert allowed == may
