"""The command `pipewise`: reads its arguments and hands over to `demo`, `status` or `connect`."""

import argparse
import os
import sys
from collections.abc import Sequence

_INTERRUPTED = 130
_NOBODY_READS = 141
"""What a shell says of a program that SIGPIPE ended."""


def main(words: Sequence[str] | None = None) -> None:
    """Run one of the commands and exit with its code."""
    given = _parser().parse_args(words)
    try:
        code = _run(given)
    except ModuleNotFoundError as error:
        code = _not_installed(given.command, error)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        code = _NOBODY_READS
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the interpreter flushes it at its end
    sys.exit(code)


def _run(given: argparse.Namespace) -> int:
    match given.command:
        case "demo":
            from .demo.command import Options, run  # noqa: PLC0415 - the others start without what it needs

            return run(Options(keep=given.keep, as_json=given.json, prometheus=given.prometheus))
        case "status":
            from .status import show  # noqa: PLC0415 - likewise

            return show(given.namespace, given.agent, given.user)
        case _:
            from .connect import offer  # noqa: PLC0415 - likewise

            return offer(given.namespace, given.project, given.user, given.app)


def _not_installed(command: str, error: ModuleNotFoundError) -> int:
    """Say which extra brings a missing library; a missing module of ours is a defect and stays an error."""
    if error.name is None or error.name.startswith("pipewise"):
        raise error
    mend = "make demo, in a clone" if command == "demo" else "pip install '.[cli]', in a clone"
    sys.stderr.write(
        f"pipewise {command}: the library {error.name} is not installed; what brings it: {mend}\n"
    )
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipewise", description="See PipeWise MCP work, look after its bindings, connect accounts."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="run everything on this machine and prove what it promises",
        description="Start a real control plane, the sandbox, the operator and a runtime on this machine, "
        "and prove step by step what PipeWise MCP promises.",
    )
    demo.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    demo.add_argument("--json", action="store_true", help="the result as JSON on stdout, words on stderr")
    demo.add_argument(
        "--prometheus", action="store_true", help="watch with a real Prometheus: alerts fire and clear"
    )
    status = commands.add_parser("status", help="show bindings and their services")
    _namespace(status)
    status.add_argument("--agent", help="only this agent's")
    status.add_argument("--user", help="only this user's")
    connect = commands.add_parser(
        "connect",
        help="make a link with which a user connects an account",
        description="Make a link, good for one use, with which USER connects an account for APP. Whoever has "
        "the link can connect an account of theirs: give it to that user only, and keep it out of logs.",
    )
    _namespace(connect)
    connect.add_argument("user", metavar="USER", help="the user's id at Pipedream, as in the binding")
    connect.add_argument("app", metavar="APP", help="Pipedream's name of the app, such as google_calendar")
    connect.add_argument("--project", default="default", help="the PipedreamProject to use (%(default)s)")
    return parser


def _namespace(command: argparse.ArgumentParser) -> None:
    command.add_argument("-n", "--namespace", metavar="NS", help="default: the kubeconfig's")


if __name__ == "__main__":
    main()
