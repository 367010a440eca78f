"""The commands that measure (`bench`, `scale`), run as people run them."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_FOLDERS = os.pathsep.join(str(_ROOT / folder) for folder in ("tests", "crds", "operator", "runtime"))


async def measured(module: str, *arguments: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Run `python -m MODULE` to its good end; the numbers it wrote, and what it said."""
    written = folder / f"{module}.json"
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments, "--output", str(written)),
        env={**os.environ, "PYTHONPATH": _FOLDERS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await running.communicate()
    assert running.returncode == 0, complained.decode()
    return json.loads(written.read_text()), said.decode()
