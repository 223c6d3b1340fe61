"""The figures of a comparison as bars, in SVG that follows the reader's light or dark.

A column for each work, a block for each measure, a bar for each server. The longest bar of a block
is its greatest value; what was lost is a part of all. The colours are those of the dashboard.
"""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from benchmarks.peers.report import MEASURES, TITLES, Measure, Setting, shown
from benchmarks.peers.rounds import Figures

COLUMN, GAP, MARGIN = 440, 40, 24
NAMES, VALUES = 76, 170
"""What the name on the left and the figure on the right of a bar take."""
BAR, LINE, BLOCK_HEAD, BLOCK_GAP = 14, 20, 22, 14
TOP, FOOT = 64, 46
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1d1d1b; }
  .page { fill: #fafaf8; } .rule { stroke: #e2e2dd; } .muted { fill: #5f5f59; }
  .title { font-size: 15px; font-weight: 600; } .measure { font-weight: 600; }
  .small { font-size: 12px; } .value { font-variant-numeric: tabular-nums; }
  .s0 { fill: #2f6fd0; } .s1 { fill: #c7600a; } .s2 { fill: #0b8a68; } .s3 { fill: #b0468f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e7e8; }
    .page { fill: #121315; } .rule { stroke: #2b2f34; } .muted { fill: #9ea4ab; }
    .s0 { fill: #6ea2f5; } .s1 { fill: #ef9a4c; } .s2 { fill: #3fbf97; } .s3 { fill: #df86c2; }
  }
"""
COLOURS = {"Sluice": "s0", "Bugsink": "s1", "Phoenix": "s2", "MLflow": "s3"}
"""A server has the same one everywhere."""


def svg(found: Mapping[str, Sequence[Figures]], when: Setting) -> str:
    """Returns the whole picture."""
    most = max(len(figures) for figures in found.values())
    block = BLOCK_HEAD + most * LINE + BLOCK_GAP
    width = 2 * MARGIN + len(found) * COLUMN + (len(found) - 1) * GAP
    height = TOP + len(MEASURES) * block + FOOT
    versions = {one.peer: one.version for figures in found.values() for one in figures}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">',
        f"<title>{escape(', '.join(versions))} side by side, {when.day}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for number, (work, figures) in enumerate(found.items()):
        left = MARGIN + number * (COLUMN + GAP)
        parts.append(_text(left, 32, TITLES[work], "title"))
        parts.append(
            f'<line class="rule" x1="{left}" x2="{left + COLUMN}" y1="{TOP - 18}" y2="{TOP - 18}"/>'
        )
        for place, measure in enumerate(MEASURES):
            parts += _block(measure, figures, left, TOP + place * block)
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts.append(_text(MARGIN, height - 32, f"{when.day}. {told}", "muted small"))
    parts.append(_text(MARGIN, height - 14, when.machine, "muted small"))
    return "\n".join([*parts, "</svg>", ""])


def _block(measure: Measure, figures: Sequence[Figures], left: int, top: int) -> list[str]:
    values = [measure.value(one) or 0.0 for one in figures]
    longest = measure.whole or max(values) or 1.0
    better = "less is better" if measure.is_less_better else "more is better"
    parts = [
        _text(left, top + 12, measure.name, "measure"),
        _text(left + COLUMN, top + 12, better, "muted small", anchor="end"),
    ]
    for number, (one, value) in enumerate(zip(figures, values, strict=True)):
        line = top + BLOCK_HEAD + number * LINE
        length = (COLUMN - NAMES - VALUES) * value / longest
        parts += [
            _text(left, line + 12, one.peer, "muted"),
            f'<rect class="{COLOURS[one.peer]}" x="{left + NAMES}" y="{line + 1}" height="{BAR}"'
            f' width="{length:.1f}" rx="2"/>',
            _text(round(left + NAMES + length + 6), line + 12, shown(measure, one), "value"),
        ]
    return parts


def _text(x: int, y: int, text: str, style: str, *, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
