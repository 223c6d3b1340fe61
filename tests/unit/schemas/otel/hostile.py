"""Requests of OTLP as nobody means them."""

import random


def field(number: int, held: bytes) -> bytes:
    size, digits = len(held), bytearray()
    while size > 127:
        digits.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *digits, size]) + held


def mutated(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        action = chance.randrange(4)
        if action == 0:
            changed[at] = chance.randrange(256)
        elif action == 1:
            del changed[at : at + chance.randint(1, 8)]
        elif action == 2:
            changed[at:at] = changed[max(0, at - 9) : at]
        else:
            changed[at] ^= 1 << chance.randrange(8)
        changed = changed or bytearray(b"{")
    return bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.1 else changed)
