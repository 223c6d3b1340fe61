from schemas.retention import (
    KIND_OF,
    NOTHING_SET,
    TABLES_OF,
    InForce,
    KeepRule,
    RetentionPolicy,
    stage_of,
)

ERRORS = KeepRule("error", 90)
RULED = RetentionPolicy(
    kinds={"calls": 30, "agent_spans": 30, "otel_spans": 20},
    rules=(ERRORS,),
    sample_from_days=10,
    sample_percent=5,
)


def test_a_table_is_of_one_kind() -> None:
    assert len(KIND_OF) == sum(len(tables.all) for tables in TABLES_OF.values())


def test_what_is_not_set_follows_the_days_of_the_project() -> None:
    assert NOTHING_SET.days_of("logs", 40) == 40
    assert stage_of(NOTHING_SET, 40, 30) is None


def test_rules_keep_days_of_traces_longer_and_of_nothing_else() -> None:
    assert RULED.days_of("calls", 400) == 90
    assert RULED.days_of("logs", 60) == 60


def test_messages_stay_as_long_as_any_row_that_may_name_them() -> None:
    assert RULED.days_of("messages", 15) == 90
    own = RetentionPolicy(kinds={"messages": 7}, rules=(ERRORS,))
    assert own.days_of("messages", 15) == 7


def test_scores_stay_as_long_as_a_rule_asks_for_them() -> None:
    """Else the trace that the rule keeps would go, once nothing says that it has a score."""
    own = RetentionPolicy(kinds={"scores": 30}, rules=(KeepRule("scored", 400), ERRORS))

    assert own.days_of("scores", 90) == 407
    assert RULED.days_of("scores", 60) == 60


def test_a_day_goes_through_the_stages_of_its_age() -> None:
    def shown(age: int) -> tuple[object, ...] | None:
        stage = stage_of(RULED, 400, age)
        return stage and (len(stage.rules), stage.percent, stage.sampled, stage.ruled)

    assert shown(10) is None
    assert shown(11) == (1, 5, ("calls", "agent_spans", "otel_spans"), ())
    assert shown(21) == (1, 5, ("calls", "agent_spans"), ("otel_spans",))
    assert shown(31) == (1, 0, (), ("calls", "agent_spans", "otel_spans"))
    assert shown(91) is None


def test_for_a_day_after_a_change_what_either_policy_keeps_is_kept() -> None:
    looser = RetentionPolicy(kinds={"calls": 60, "logs": 5})
    waiting = InForce((RULED, looser))

    assert waiting.days_of("calls", 400) == 90
    assert waiting.days_of("logs", 400) == 400
    assert waiting.stage_of(400, 31) is None
    assert InForce((RULED, RULED)).stage_of(400, 31) is not None
