"""Get the control plane's programs ready and say where they are: `python -m pipewise_cli.controlplane`."""

import sys

from .binaries import find_binaries, find_kubectl
from .errors import BinariesError


def main() -> int:
    """Find or build the programs; 1 if that is impossible."""
    try:
        binaries, kubectl = find_binaries(), find_kubectl()
    except BinariesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"control plane: {binaries.etcd}, {binaries.apiserver}, {kubectl}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
