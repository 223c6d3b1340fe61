import re

from controlplane.handoffs import HANDOFF_LIFETIME_S, MAX_HANDOFFS, Handoff, Handoffs
from schemas.projects import UserId

ANN = Handoff(UserId("ann"), "http://localhost:3000/")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_an_unknown_token_hands_nothing_over() -> None:
    assert Handoffs().redeem("0" * 32) is None


def test_a_token_is_over_after_two_minutes() -> None:
    clock = Clock()
    handoffs = Handoffs(clock=clock)
    token = handoffs.offer(ANN)

    clock.now_s += HANDOFF_LIFETIME_S

    assert HANDOFF_LIFETIME_S == 120
    assert handoffs.redeem(token) is None


def test_a_token_works_once() -> None:
    handoffs = Handoffs()
    token = handoffs.offer(ANN)

    assert re.fullmatch("[0-9a-f]{32}", token)
    assert handoffs.redeem(token) == ANN
    assert handoffs.redeem(token) is None


def test_too_many_offers_push_the_oldest_out() -> None:
    handoffs = Handoffs()
    first = handoffs.offer(ANN)
    tokens = [handoffs.offer(ANN) for _ in range(MAX_HANDOFFS)]

    assert handoffs.redeem(first) is None
    assert handoffs.redeem(tokens[0]) == ANN
