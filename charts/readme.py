"""Write the chart's README from its values.yaml: `python charts/readme.py` (or `--check` to compare only).

A comment above a value is its description; a comment above a section introduces it. Every value has its
own line or is an entry of a map on one line, as values.yaml is written.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipewise_crds.generated import keep

CHART = Path(__file__).parent / "pipewise-mcp"
_INDENT = 2
_KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z]+):(?P<value> .*)?$")
_HEAD = """<!-- Generated from values.yaml by `make generate`; edit that. -->
# pipewise-mcp

{description}

```console
$ helm install pipewise charts/pipewise-mcp --namespace pipewise --create-namespace --set sandbox.enabled=true
$ helm -n pipewise test pipewise      # a tool call through a sidecar to the sandbox and back
```

Needs Kubernetes {kubernetes}. [docs/install.md](../../docs/install.md) tells how to install, upgrade and
uninstall, [docs/security.md](../../docs/security.md) what the programs may do and why. Values that are not
listed here are refused.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One value, or a section of values.

    Attributes:
        path: Its name as `--set` takes it.
        text: What the comment above it says.
        is_section: Whether it stands for the values below it.
    """

    path: str
    text: str
    is_section: bool


def values_in(text: str) -> Iterator[Value]:
    """The values of a values.yaml in their order, with what the comments say of them."""
    names: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip(" #"))
        elif match := _KEY.match(line):
            names[len(match["indent"]) // _INDENT :] = [match["name"]]
            yield Value(".".join(names), " ".join(comment), is_section=not match["value"])
            comment = []
        else:
            comment = []


def readme() -> str:
    """The README's text."""
    text = (CHART / "values.yaml").read_text()
    chart, defaults = yaml.safe_load((CHART / "Chart.yaml").read_text()), yaml.safe_load(text)
    versions = chart["kubeVersion"].removesuffix("-0")
    parts = [_HEAD.format(description=chart["description"], kubernetes=versions), "## Values\n"]
    table: list[str] = []
    for value in values_in(text):
        if not value.is_section:
            table.append(f"| `{value.path}` | `{_default(defaults, value.path)}` | {_cell(value.text)} |")
        elif "." not in value.path:
            parts += [*_ended(table), f"### {value.path}\n", *([f"{value.text}\n"] * bool(value.text))]
            table = []
    return "\n".join([*parts, *_ended(table)])


def _ended(rows: list[str]) -> list[str]:
    return ["| value | default | what it is |\n|---|---|---|", *rows, ""] if rows else []


def _default(defaults: dict[str, Any], path: str) -> str:
    found: Any = defaults
    for name in path.split("."):
        found = found[name]
    return json.dumps(found)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write or compare the file; 1 if it differs."""
    return keep({CHART / "README.md": readme()}, check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
