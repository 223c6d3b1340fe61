"""What the rows of a block say of issues."""

from processors.errors.issues import sightings_of
from schemas.errors.issues import Named
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import NOON_US, error_batch, hash_of

PROJECT = ProjectContext(ProjectId("00000000-0000-4000-8000-000000000001"))


def test_rows_of_one_fingerprint_are_one_sighting_with_the_newest_words() -> None:
    rows = error_batch(
        PROJECT,
        [
            {"at_us": NOON_US + 5, "title": "newest", "level": "fatal", "release": ""},
            {"at_us": NOON_US, "title": "first", "release": "2.0", "received_us": NOON_US + 9},
            {"at_us": NOON_US + 3, "title": "other", "release": "1.0", "others": ["v1", "one"]},
            {"fingerprint": "two", "at_us": NOON_US, "release": ""},
        ],
    )

    one, two = sightings_of(rows)

    assert (one.fingerprint, one.title, one.level) == ("one", "newest", "fatal")
    assert (one.first_us, one.last_us) == (NOON_US, NOON_US + 5)
    assert one.first_release == Named(NOON_US, "2.0")
    assert one.last_release == Named(NOON_US + 3, "1.0")
    assert one.others == ("v1",)
    assert one.group_hash == hash_of("one")
    assert one.arrivals == {"": NOON_US + 5, "2.0": NOON_US + 9, "1.0": NOON_US + 3}
    assert two.first_release is None


def test_the_same_fingerprint_of_two_projects_is_two_sightings() -> None:
    other = ProjectContext(ProjectId("00000000-0000-4000-8000-000000000002"))
    batches = [error_batch(of, [{}]) for of in (PROJECT, other)]

    found = [one for batch in batches for one in sightings_of(batch)]

    assert [one.project_id for one in found] == [PROJECT.project_id, other.project_id]


def test_a_large_block_has_as_many_sightings_as_fingerprints() -> None:
    rows = error_batch(PROJECT, [{"fingerprint": f"f{n % 1000}"} for n in range(10_000)])

    assert len(sightings_of(rows)) == 1000
