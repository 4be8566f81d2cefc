"""Puts the published figures into docs/performance.md and draws their picture: `python -m bench.publish`, in tests/.

Published are those of `figures.json` beside this file, a copy of a run's `target/bench.json`.
"""

import json
import sys
from pathlib import Path

from .picture import picture
from .table import markdown

HERE = Path(__file__).resolve().parent
PUBLISHED, PICTURE = HERE / "figures.json", HERE / "comparison.svg"
PAGE = HERE.parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def written(page: str) -> str:
    """The page with the published figures in it."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    table = markdown(json.loads(PUBLISHED.read_text()))
    return f"{before}{BEGIN}\n![CPU per request](../{PICTURE.relative_to(HERE.parents[1])})\n\n{table}\n\n{END}{after}"


def main() -> None:
    if sys.argv[1:]:
        PUBLISHED.write_text(json.dumps(json.loads(Path(sys.argv[1]).read_text()), indent=1) + "\n")
    PICTURE.write_text(picture(json.loads(PUBLISHED.read_text())))
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
