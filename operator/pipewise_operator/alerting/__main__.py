"""Write the rules file: `python -m pipewise_operator.alerting FOLDER...` (or `--check` to compare only).

`--fast` gives the rehearsal's pace. Without a folder, the file goes to standard output.
"""

import sys
from pathlib import Path

from .document import FILE_NAME, document
from .pace import CALM, FAST


def main(arguments: list[str]) -> int:
    """Write, print or compare the file; 1 if one differs."""
    text = document(FAST if "--fast" in arguments else CALM)
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")]
    if not folders:
        sys.stdout.write(text)
    stale = []
    for path in (folder / FILE_NAME for folder in folders):
        if "--check" in arguments:
            if not path.exists() or path.read_text() != text:
                stale.append(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in stale:
        sys.stderr.write(f"{path} is out of date: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
