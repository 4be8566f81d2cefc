"""Puts the published figures into docs/performance.md and README.md and draws their picture: `python -m bench.publish`, in tests/.

Published are those of `figures.json` beside this file, a copy of a run's `target/bench.json`.
"""

import json
import sys
from pathlib import Path

from .picture import picture
from .table import markdown, summary

HERE = Path(__file__).resolve().parent
PUBLISHED, PICTURE = HERE / "figures.json", HERE / "comparison.svg"
ROOT = HERE.parents[1]
PAGE, README = ROOT / "docs" / "performance.md", ROOT / "README.md"
BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def written() -> dict[Path, str]:
    """Each page with the published figures in it."""
    figures = json.loads(PUBLISHED.read_text())
    picture_and_table = f"![CPU per request](../{PICTURE.relative_to(ROOT)})\n\n{markdown(figures)}"
    return {page: between(page.read_text(), text) for page, text in ((PAGE, picture_and_table), (README, summary(figures)))}


def between(page: str, text: str) -> str:
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{text}\n\n{END}{after}"


def main() -> None:
    if sys.argv[1:]:
        PUBLISHED.write_text(json.dumps(json.loads(Path(sys.argv[1]).read_text()), indent=1) + "\n")
    PICTURE.write_text(picture(json.loads(PUBLISHED.read_text())))
    for page, text in written().items():
        page.write_text(text)


if __name__ == "__main__":
    main()
