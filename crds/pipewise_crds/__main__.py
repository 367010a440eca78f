"""Write the generated CRDs: `python -m pipewise_crds FOLDER...` (or `--check` to compare only)."""

import sys
from pathlib import Path

import yaml

from .definitions import KINDS, Kind, definition
from .generated import keep

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
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")]
    texts = {folder / f"{kind.plural}.yaml": document(kind) for folder in folders for kind in KINDS}
    return keep(texts, check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
