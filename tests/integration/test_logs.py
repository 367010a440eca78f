"""What the runtime writes to its log: JSON lines, and nothing under a name that tells of a secret."""

import json
import os
import subprocess
import sys

from support.programs import MEASURED

PROGRAM = """
import logging
import structlog
from pipewise_runtime.logs import configure
configure("info")
structlog.get_logger().info("told", token="t-1", authorization="Bearer t-2", attempts=2, tokens="both")
structlog.get_logger().debug("too much")
logging.getLogger("some.library").warning("heard")
"""


def test_lines_are_json_and_what_may_be_a_secret_is_blanked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **MEASURED},
        capture_output=True,
        text=True,
        check=True,
    )
    told, heard = (json.loads(line) for line in done.stderr.splitlines())
    assert (told["event"], told["attempts"], told["tokens"]) == ("told", 2, "both")
    assert told["token"] == told["authorization"] == "(not logged)"
    assert "t-1" not in done.stderr
    assert (heard["event"], heard["logger"]) == ("heard", "some.library")
