"""What is masked in events, what is not, and that the rest stays as it was."""

import json
from typing import Any

import pytest

from processors.errors.masking.mask import mask
from schemas.errors.masking import MaskRules


def masked(value: Any, rules: MaskRules | None = None) -> Any:
    item = json.dumps(value).encode()
    result = mask(item, rules or MaskRules())
    assert mask(result, rules or MaskRules()) == result
    return json.loads(result)


class TestWhatStays:
    @pytest.mark.parametrize(
        "value",
        [
            {"max_tokens": 5, "token_count": 7, "tokens": 9, "usage": {"input_tokens": 3}},
            {"data": {"gen_ai.usage.input_tokens": 5, "gen_ai.request.max_tokens": 100}},
            {"author": "x", "authors": ["y"], "signal": "z", "design": 1, "inside": 2},
            {"message": "Unexpected token < in JSON at position 0"},
            {"message": "Unexpected token: punc"},
            {"id": "550e8400-e29b-4111-1111-111111111111"},
            {"trace_id": "4111111111111111", "span_id": "4242424242424242"},
            {"message": "took 0.4111111111111111 s at 1764408653123456"},
            {"order_id": 4111111111111111, "created_at": 4111111111111111},
            {"modules": {"google-auth": "2.1", "tokenizers": "0.3", "csrf-token": "1.0"}},
            {"context_line": "token = get_token()", "pre_context": ["password = ask()"]},
            {"password": None, "token": True, "secret": ""},
            {"description": "SELECT * FROM users WHERE password = %s AND token = $1"},
            {"message": "on 2024-11-29 at 10.0.0.1, mail a@b.de"},
            {"PWD": "/app", "sentry_key": "abc"},
        ],
    )
    def test_what_is_no_secret_stays_as_the_same_object(self, value: Any) -> None:
        item = json.dumps(value, indent=1).encode()

        assert mask(item) is item or mask(item) == item
