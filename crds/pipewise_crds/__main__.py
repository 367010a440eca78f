"""Write the generated CRDs: `python -m pipewise_crds FOLDER...` (or `--check` to compare only)."""

import sys
from pathlib import Path

import yaml

from .definitions import KINDS, Kind, definition

_HEADER = "# Generated from the models in crds/pipewise_crds by `make generate`; edit those.\n"


class _Dumper(yaml.SafeDumper):
    """Writes every value out, so that no YAML anchors appear."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def document(kind: Kind) -> str:
    """The YAML file of a kind's definition."""
    return _HEADER + yaml.dump(definition(kind), Dumper=_Dumper, sort_keys=False, width=110)


def main(arguments: list[str]) -> int:
    """Write or compare the files; 1 if one differs."""
    check = "--check" in arguments
    stale = []
    for folder in (Path(argument) for argument in arguments if not argument.startswith("--")):
        for kind in KINDS:
            path = folder / f"{kind.plural}.yaml"
            if check and (not path.exists() or path.read_text() != document(kind)):
                stale.append(path)
            elif not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(document(kind))
    for path in stale:
        sys.stderr.write(f"{path} is out of date: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
