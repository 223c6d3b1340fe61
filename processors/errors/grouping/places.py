"""Where a function stands, in words that another machine, build or release says too. Pure.

Modules lose what runtimes generate. Paths lose their beginning (a host, a folder of packages, a
home), versions and the hashes that bundlers put into names.
"""

import re

from processors.errors.grouping.functions import JVM, Edits

MAX_CHARS = 300
MAX_READ_CHARS = 1000
KEPT_OF_ABSOLUTE = 2
"""How many parts of an absolute path count at least: what is before is the machine's."""
_IMAGE_ROOTS = re.compile(r"^/(?:usr/src/app|var/app/current|opt/app|srv/app|app|code|workspace)/")
"""Where images of containers have a project."""
_ROOTS = re.compile(
    r"^.*/(?=(?:src|lib|app|apps|dist|build|server|client|packages|internal|cmd|public)/)"
)
"""Sources stand below one of these, on every machine. The last in a path counts."""

_SCHEME = re.compile(
    r"^(?:webpack(?:-internal)?:///?(?:[^/]{0,100}(?=/\.{0,2}/))?|turbopack:///?(?:\[[^\]]{0,80}\])?"
    r"|(?:blob:)?(?:https?|capacitor|ionic|wss?|rsc|[a-z-]{1,20}-extension)://[^/]{0,260}"
    r"|(?:file|app|ng|vite|node|bun|deno|ext|asset|package):/{0,3}|async )"
)
_PACKAGES = re.compile(
    r"^.*/(?:(?:node_modules|site-packages|dist-packages|bower_components)/"
    r"|gems/(?=[\w.-]{1,100}-\d)|pkg/mod/|registry/src/[^/]{1,100}/|rustc/[0-9a-f]{40}/"
    r"|vendor/(?!bundle/)|\.cargo/git/checkouts/|Frameworks/)"
)
_VERSIONED = (
    (re.compile(r"@v?\d[^/]{0,100}"), ""),
    (re.compile(r"(?<=[a-zA-Z_])-v?\d{1,6}(?:\.\d{1,9}){1,4}[^/]{0,60}(?=/)"), ""),
    (
        re.compile(r"(?:^|(?<=/))(?:lib/)?(python|ruby|php|go|node|perl)[-/]?v?\d[\d.]{0,12}(?=/)"),
        r"\1",
    ),
)
_ABSOLUTE = re.compile(r"^(?:[a-zA-Z]:)?/")
_DOTS = re.compile(r"(?:^|(?<=/))\.{1,2}/|(?<=/)/+")
_SCRIPT_FILE = re.compile(r"\.(?:[cm]?jsx?|tsx?|vue|svelte|jsbundle|bundle|css|html?)$")
_HASH = re.compile(
    r"(?=[a-f]{0,40}\d)[0-9a-f]{6,64}|(?=[A-Z]{0,20}\d)[A-Z0-9]{8}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_NUMBER = re.compile(r"\d+|v?\d+(?:\.\d+)+|v\d{3,20}")
_SOURCE_FILE = re.compile(r"\.(?:[cm]?tsx?|jsx|vue|svelte)$")
_BUNDLE = re.compile(r"\.(?:[cm]?js|css|bundle|jsbundle)$")
_TOKENS = re.compile(r"([.~-])")
_VITE_HASH = re.compile(r"-([\w-]{8})(?=\.[cm]?js$)")
_WORD = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+){0,2}|[a-z]+(?:-[a-z]+)*")
_GENERATED_PART = re.compile(
    r"(?<![0-9a-zA-Z])[0-9a-f]{16,64}(?![0-9a-zA-Z])|(?<=Container)\w{7}(?=/)"
)
_LIBRARY = re.compile(
    r"(?:\.so(?:\.\d+)*|-\d+(?:\.\d+)+\.so|\.\d+(?:\.\d+)*\.dylib|\.dylib|\.dll|\.exe)$"
)

_JVM_MODULE: Edits = (
    (re.compile(r"(?:\$\$|\$)(?:EnhancerBy|FastClassBy|SpringCGLIB|HibernateProxy|ByteBuddy"
                r"|MockitoMock|Lambda|_WeldClientProxy|_Subclass|_ClientProxy|_javassist|jvst"
                r"|KeyFactory).*$"), ""),
    (re.compile(r"_\$\$_(?:jvst|javassist).*$|_(?:Subclass|ClientProxy)$"), ""),
    (re.compile(r"(?:\$fn)?__\d+"), ""),
    (re.compile(r"(?:\$\d+)+|\$Companion$|\$inlined\$.*$|_closure\d+"), ""),
    (re.compile(r"^.*\$Proxy\d*$"), "$Proxy"),
    (re.compile(r"(?<=Accessor)\d+$"), ""),
)  # fmt: skip
_DOTNET_MODULE: Edits = (
    (re.compile(r"[+/]<(\w+)>[bdg]__.*$"), r".\1"),
    (re.compile(r"[+/]<>c(?:__DisplayClass\d+_\d+)?"), ""),
    (re.compile(r"`\d+(?:\[.*\])?"), ""),
)
_OTHER_MODULE: Edits = (
    (re.compile(r"@v?\d[\w.+-]{0,60}"), ""),
    (re.compile(r"@anonymous.*$"), "@anonymous"),
    (re.compile(r"_{1,3}[0-9a-f]{16,64}$"), ""),
)
_NO_MODULE = frozenset(("", "<unknown module>", "<unknown>", "(unknown)", "?", "null", "undefined"))


def plain_module(module: str, platform: str) -> str:
    """Returns the module without what is generated; empty where it says nothing."""
    module = module[:MAX_CHARS].strip()
    if module in _NO_MODULE:
        return ""
    if platform in JVM:
        edits = _JVM_MODULE
    elif platform in ("csharp", "dotnet"):
        edits = _DOTNET_MODULE
    elif platform in ("javascript", "node"):
        return plain_path(module.replace(":", "/"), script=True)
    else:
        edits = _OTHER_MODULE
    for pattern, text in edits:
        module = pattern.sub(text, module)
    return module


def plain_path(path: str, *, script: bool = False) -> str:
    """Returns a path without its beginning, versions and hashes. Empty stays empty."""
    path = path[:MAX_READ_CHARS].strip().replace("\\", "/")
    scheme = _SCHEME.match(path)
    local = path[scheme.end() :] if scheme else path
    if scheme or script or _SCRIPT_FILE.search(path.partition("?")[0]):
        local = local.partition("?")[0].partition("#")[0]
        script = True
    if local.startswith("data:"):
        return "data:"
    absolute = scheme is None and bool(_ABSOLUTE.match(local))
    plain = _within_machine(local[-MAX_CHARS:], absolute)
    for pattern, text in _VERSIONED:
        plain = pattern.sub(text, plain)
    plain = _GENERATED_PART.sub("*", plain)
    if not script or _SOURCE_FILE.search(plain):
        return plain
    bundle = bool(_BUNDLE.search(plain))
    numbered = bool(scheme and "http" in scheme[0]) or (bundle and "chunk" in plain)
    return _without_hashes(plain, numbered) if bundle or numbered else plain


def _within_machine(path: str, absolute: bool) -> str:
    """The part of a path that another machine has too."""
    path = _DOTS.sub("", path)
    inner = _PACKAGES.sub("", "/" + path)
    if inner != "/" + path:
        return inner
    if absolute:
        path = _IMAGE_ROOTS.sub("/", path)
        inner = _ROOTS.sub("", path)
        return inner if inner != path else "/".join(path.lstrip("/").split("/")[-KEPT_OF_ABSOLUTE:])
    return path.lstrip("/")


def plain_package(package: str) -> str:
    """Returns the name of a native library without its folder and version."""
    return _LIBRARY.sub("", package[-MAX_CHARS:].replace("\\", "/").rpartition("/")[2])


def _without_hashes(path: str, numbers: bool) -> str:
    """Clears folders and names of a bundle of hashes, and of numbers where bundlers number."""
    parts = path.split("/")
    parts[-1] = _VITE_HASH.sub(_unless_word, parts[-1])
    plain = [_without_hash(part, numbers) for part in parts]
    return "/".join(part for part in plain if part)


def _without_hash(part: str, numbers: bool) -> str:
    if _HASH.fullmatch(part) or (numbers and _NUMBER.fullmatch(part)):
        return ""
    pieces = _TOKENS.split(part)
    kept = [
        (pieces[at - 1] if at else "") + piece
        for at, piece in enumerate(pieces)
        if at % 2 == 0 and not _HASH.fullmatch(piece) and not (numbers and piece.isdigit())
    ]
    return "".join(kept).lstrip("-~")


def _unless_word(found: re.Match[str]) -> str:
    return found[0] if _WORD.fullmatch(found[1]) else ""
