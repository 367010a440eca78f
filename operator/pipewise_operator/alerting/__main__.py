"""Write the rules file: `python -m pipewise_operator.alerting FOLDER...` (or `--check` to compare only).

`--fast` gives the rehearsal's pace. Without a folder, the file goes to standard output.
"""

import sys
from pathlib import Path

from pipewise_crds.generated import keep

from .document import FILE_NAME, document
from .pace import CALM, FAST


def main(arguments: list[str]) -> int:
    """Write, print or compare the file; 1 if one differs."""
    text = document(FAST if "--fast" in arguments else CALM)
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")]
    if not folders:
        sys.stdout.write(text)
    return keep({folder / FILE_NAME: text for folder in folders}, check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
