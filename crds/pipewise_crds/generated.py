"""Files that are generated and committed: written, or compared with what they should be."""

import sys
from collections.abc import Mapping
from pathlib import Path


def keep(texts: Mapping[Path, str], *, check: bool) -> int:
    """Write the files, or only compare them and name those that differ on stderr; 1 if one does."""
    if not check:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        sys.stderr.write(f"{path} is out of date: run `make generate`\n")
    return 1 if stale else 0
