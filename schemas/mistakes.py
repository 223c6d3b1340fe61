"""What is wrong with a value, in words for who has written it. Pure."""

import re
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec.inspect import is_struct_type

ONE_OF_SOME = re.compile(r"Invalid enum value .* - at `\$\.(\w+)(\[(?:\.\.\.|\d+)\])?`", re.DOTALL)


def explained(error: Exception, shape: Any) -> str:
    """Returns what msgspec says of a struct; where a word is none of some, which these are."""
    text = str(error)
    match = ONE_OF_SOME.fullmatch(text)
    if match is None or not is_struct_type(shape):
        return text
    hint = get_type_hints(shape).get(match[1])
    if match[2]:
        hint = next(iter(get_args(hint)), None)
    if get_origin(hint) is not Literal:
        return text
    *words, last = map(str, get_args(hint))
    return f"{match[1]}: expected {', '.join(words)} or {last}"
