"""Puts the published figures into the README and draws their picture: `python -m bench.readme`, in tests/.

Published are those of `figures.json` beside this file, a copy of a run's `target/bench.json`.
"""

import json
import sys
from pathlib import Path

from .picture import picture
from .table import markdown

HERE = Path(__file__).resolve().parent
PUBLISHED, PICTURE = HERE / "figures.json", HERE / "comparison.svg"
README = HERE.parents[1] / "README.md"
BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def written(readme: str) -> str:
    """The README with the published figures in it."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    table = markdown(json.loads(PUBLISHED.read_text()))
    return f"{before}{BEGIN}\n![CPU per request]({PICTURE.relative_to(README.parent)})\n\n{table}\n\n{END}{after}"


def main() -> None:
    if sys.argv[1:]:
        PUBLISHED.write_text(json.dumps(json.loads(Path(sys.argv[1]).read_text()), indent=1) + "\n")
    PICTURE.write_text(picture(json.loads(PUBLISHED.read_text())))
    README.write_text(written(README.read_text()))


if __name__ == "__main__":
    main()
