"""The command pipewise-runtime."""

import sys

from lightkube import ConfigError

from .arguments import arguments_of
from .program import run
from .surroundings import ProfilesError


def main() -> None:
    """Run the program; problems of its surroundings are told in one line."""
    try:
        sys.exit(run(arguments_of(sys.argv[1:])))
    except (ConfigError, ProfilesError, OSError) as error:
        sys.stderr.write(f"pipewise-runtime: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
