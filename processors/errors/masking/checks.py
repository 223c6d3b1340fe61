"""Whether what a pattern found is what it looks like: check digits, lengths, and what is around."""

import ipaddress
import re
from base64 import b64decode
from binascii import Error

UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
AROUND = 40
"""How many bytes around a number are looked at: a UUID has 36."""
CARD_LENGTHS = (
    (re.compile(rb"4"), (13, 16, 19)),  # Visa
    (re.compile(rb"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(rb"3[47]"), (15,)),  # American Express
    (re.compile(rb"30[0-5]|3[689]"), (14, 16, 17, 18, 19)),  # Diners Club
    (re.compile(rb"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),  # JCB
    (re.compile(rb"6011|64[4-9]|65|62"), (16, 17, 18, 19)),  # Discover, UnionPay
    (re.compile(rb"50|5[6-9]|63|67"), (13, 14, 15, 16, 17, 18, 19)),  # Maestro
)
SAME = re.compile(rb"[^ -]+(?:(?: [^ -]+)*|(?:-[^ -]+)*)")
"""Groups with the same separator between them."""
IBANS = (
    b"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
    b"DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
    b"IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
    b"MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
    b"SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS = {one[:2]: int(one[2:]) for one in IBANS.split()}
"""By country, of the registry of SWIFT."""
NONE = 0
"""A check returns where what is meant ends, which is never 0, or this."""


def is_card(text: bytes, start: int, end: int) -> int:
    """Whether a number has the prefix, length and check digit of a card's.

    A part of a UUID or of a decimal fraction is none.
    """
    found = text[start:end]
    digits = found.translate(None, b" -")
    known = any(len(digits) in lengths for head, lengths in CARD_LENGTHS if head.match(digits))
    if not known or not SAME.fullmatch(found) or not _luhn(digits):
        return NONE
    return _alone(text, start, end)


def is_iban(text: bytes, start: int, end: int) -> int:
    """Whether the country has IBANs and the check digits are right; words behind it are left."""
    length, chars, end = IBAN_LENGTHS.get(text[start : start + 2], 99), b"", end
    at = start
    while at < end and len(chars) < length:
        chars += text[at : at + 1].strip()
        at += 1
    if len(chars) != length:
        return NONE
    number = int("".join(str(int(chr(char), 36)) for char in chars[4:] + chars[:4]))
    return _alone(text, start, at) if number % 97 == 1 else NONE


def is_ssn(text: bytes, start: int, end: int) -> int:
    """Whether the three groups are of those that are given out."""
    area, group, serial = text[start:end].split(b"-")
    if area in (b"000", b"666") or area[:1] == b"9" or group == b"00" or serial == b"0000":
        return NONE
    return _alone(text, start, end)


def is_ip(text: bytes, start: int, end: int) -> int:
    """Whether it is an address, and not a version as in `Chrome/120.0.0.0` or `v1.2.3.4`."""
    before = text[max(0, start - 2) : start]
    if re.search(rb"[0-9A-Za-z_.]$|[0-9A-Za-z]/$", before) or text[end : end + 1].isalnum():
        return NONE
    found = text[start:end].rstrip(b":.")
    try:
        ipaddress.ip_address(found.decode("ascii"))
    except ValueError:
        return NONE
    return start + len(found)


def is_key_like(text: bytes, start: int, end: int) -> int:
    """Whether it is too irregular for words: a digit, or small and capital ASCII mixed."""
    found = text[start:end]
    mixed = end - start >= 24 and not found.islower() and not found.isupper()
    return end if mixed or any(48 <= char <= 57 for char in found) else NONE


def is_basic(text: bytes, start: int, end: int) -> int:
    """Whether it is `user:password` in base64."""
    found = text[start:end].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        plain = b64decode(found + b"=" * (-len(found) % 4))
    except (Error, ValueError):
        return NONE
    return end if b":" in plain and plain.isascii() and plain.decode().isprintable() else NONE


def _luhn(digits: bytes) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = (char - 48) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def _alone(text: bytes, start: int, end: int) -> int:
    """Returns the end of what is no part of something longer."""
    if re.match(rb"[.,]\d|[_-]?\w", text[end : end + 2]):
        return NONE
    if re.search(rb"\d[.,]$|\w$", text[max(0, start - 2) : start]):
        return NONE
    near = text[max(0, start - AROUND) : end + AROUND]
    first = min(start, AROUND)
    last = first + end - start
    within = any(one.start() <= first and last <= one.end() for one in UUID.finditer(near))
    return NONE if within else end
