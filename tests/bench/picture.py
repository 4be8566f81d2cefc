"""The comparison as an SVG: CPU per request, as a multiple of Envoy without a filter."""

from html import escape
from typing import Any

from .scenarios import MINTED

WIDTH, LEFT, ROW, BAR = 860, 330, 30, 18
COLOURS = {"native": "#7a869a", "gateway": "#0b6e4f", "other": "#c3c9d4"}
TEXT = 'font-family="system-ui, sans-serif" font-size="13" fill="#24292f"'


def kind(name: str) -> str:
    if name.startswith("native"):
        return "native"
    return "gateway" if name.startswith(("API key", "JWT", MINTED)) else "other"


def picture(figures: dict[str, Any]) -> str:
    rows = [row for row in figures["scenarios"] if row["group"] == "decisions"]
    scale = (WIDTH - LEFT - 60) / max(row["ratio_to_no_filter"] for row in rows)
    height = 64 + ROW * len(rows)
    title = "CPU per request in Envoy, as a multiple of Envoy without a filter"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" {TEXT} font-weight="600">{title}</text>',
    ]
    for number, row in enumerate(rows):
        top, width = 44 + ROW * number, row["ratio_to_no_filter"] * scale
        colour = COLOURS[kind(row["name"])]
        parts += [
            f'<text x="{LEFT - 10}" y="{top + 14}" {TEXT} text-anchor="end">{escape(row["name"])}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
            f'<text x="{LEFT + width + 8:.1f}" y="{top + 14}" {TEXT}>{row["ratio_to_no_filter"]:.2f}</text>',
        ]
    one = LEFT + scale
    parts += [
        f'<line x1="{one:.1f}" y1="38" x2="{one:.1f}" y2="{height - 18}" stroke="#24292f" stroke-dasharray="3 3"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
