"""What a browser calls itself, in a few words."""

BROWSERS = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox")),
    *(("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
"""The first that fits: nearly all of them claim to be the later ones too."""
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)
MOST_CHARS = 40


def device_of(agent: str) -> str:
    """Return such as `Firefox on Linux`; of a program its own name, of none that it is unknown."""
    browser = _named(BROWSERS, agent)
    system = _named(SYSTEMS, agent)
    if browser and system:
        return f"{browser} on {system}"
    words = agent.split()
    return browser or (words[0][:MOST_CHARS] if words else "unknown")


def _named(known: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for sign, name in known if sign in agent), "")
