"""Images, sounds and documents within messages. Pure; nothing is ever fetched from an address."""

import re
from typing import Any

from api.pages.parts.messages import Part

PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
SOUND = re.compile(r"data:audio/(?:wav|mpeg|mp3|ogg|webm|flac|aac|mp4);base64,[A-Za-z0-9+/=\s]*")
MEDIA = re.compile(r"[a-z]+/[a-z0-9.+-]+")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{16,}")
SOUNDS = {"mp3": "mpeg", "wav": "wav", "ogg": "ogg", "webm": "webm", "flac": "flac", "aac": "aac"}
MOST_CHARS = 2 << 20
"""Of a picture or a sound that is shown."""
MOST_ADDRESS = 200
NAMES = ("filename", "title", "name")
KINDS = ("media_type", "mimeType", "mime_type", "mediaType")
ADDRESSES = ("url", "file_url", "fileUri", "file_uri", "uri", "file_id", "fileId")
AUDIO_KEYS = ("input_audio", "audio")
HELD_IN = ("file", "source", "inlineData", "inline_data", "fileData", "file_data")
FILE_KEYS = ("image_url", "image", *HELD_IN, "file_id", "file_url", "data", "url")


def image_or_file(one: dict[str, Any]) -> Part | None:
    """Returns what a piece holds or points to."""
    return image(one) or _file(one)


def image(one: dict[str, Any]) -> Part | None:
    """Returns an image: shown where it is here, else as an address that nothing is fetched from."""
    url: Any = one.get("image_url", one.get("image"))
    url = url.get("url") if isinstance(url, dict) else url
    source = one.get("source") or one.get("inlineData") or one.get("inline_data")
    if isinstance(source, dict) and not isinstance(url, str):
        media, data = _first(source, KINDS), source.get("data")
        if isinstance(data, str) and media.startswith("image/"):
            url = f"data:{media};base64,{data}"
        elif one.get("type") == "image":
            url = source.get("url") or source.get("file_id")
    elif isinstance(url, str) and BASE64.fullmatch(url[:64]):
        url = f"data:{_first(one, KINDS) or 'image/png'};base64,{url}"
    if not isinstance(url, str):
        return None
    if len(url) <= MOST_CHARS and PICTURE.fullmatch(url):
        return Part("image", url)
    return Part("link", _short(url))


def audio(one: dict[str, Any]) -> Part | None:
    """Returns a sound, to be played where it is here, with what is said in it."""
    given = one.get("input_audio", one.get("audio"))
    if not isinstance(given, dict):
        return None
    data, form = given.get("data"), str(given.get("format", "wav"))
    url = f"data:audio/{SOUNDS.get(form, form)};base64,{data}" if isinstance(data, str) else ""
    return sound(url, str(given.get("transcript") or ""))


def sound(url: str, transcript: str = "") -> Part:
    """Returns a sound of an address of its own data; another one is not played."""
    plays = len(url) <= MOST_CHARS and SOUND.fullmatch(url)
    return Part("audio", url if plays else "", name="" if plays else _short(url), value=transcript)


def _file(one: dict[str, Any]) -> Part | None:
    """Returns a file with its name, its type and its size; a text as what it says."""
    inner = next((one[key] for key in HELD_IN if isinstance(one.get(key), dict)), one)
    name = _first(one, NAMES) or _first(inner, NAMES)
    media = _first(inner, KINDS) or _first(one, KINDS)
    data = next((inner[k] for k in ("data", "file_data") if isinstance(inner.get(k), str)), None)
    if data is not None and inner.get("type") == "text":
        return Part("file", data, name=name or "text", value="")
    if data is not None:
        return _of_data(data, media, name)
    content = inner.get("content")
    if content is not None:
        return Part("file", name=name or "document", value=content)
    address = _first(inner, ADDRESSES) or _first(one, ADDRESSES)
    if not address and not name:
        return None
    if address.startswith("data:"):
        return _of_data(address, media, name)
    return Part(
        "file", name=name or "file", value=" · ".join(filter(None, (media, _short(address))))
    )


def _of_data(data: str, media: str, name: str) -> Part:
    if not data.startswith("data:") and MEDIA.fullmatch(media):
        data = f"data:{media};base64,{data}"
    media = data[5:].partition(";")[0] if data.startswith("data:") else media
    if PICTURE.fullmatch(data[:64]) and len(data) <= MOST_CHARS and PICTURE.fullmatch(data):
        return Part("image", data)
    if SOUND.fullmatch(data[:64]):
        return sound(data)
    size = len(data.partition(",")[2] or data) * 3 // 4
    about = " · ".join(filter(None, (media[:60], f"{size:,} bytes, in the body below")))
    return Part("file", name=name or "file", value=about)


def _first(one: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((one[name] for name in names if isinstance(one.get(name), str) and one[name]), "")


def _short(text: str) -> str:
    return f"{text[:MOST_ADDRESS]}…" if len(text) > MOST_ADDRESS else text
