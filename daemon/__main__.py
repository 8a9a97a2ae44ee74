"""`counterd VERB`: arguments, signals, exit codes. Verbs live in daemon.commands."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from daemon import __version__
from daemon.commands import employee, enrol, init, readers, rebuild, run, verify
from daemon.config import ConfigMistakes
from daemon.core.errors import CounterError

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_CONFIG = 0, 1, 2, 78
"""78 is EX_CONFIG of sysexits.h; the unit does not restart on it."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="counterd", description="The shop's counter appliance.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module, summary in (
        ("run", run, "serve the counter until stopped"),
        ("init", init, "make keys, certificates and an empty ledger where there are none"),
        ("enrol", enrol, "make this device one of a chain, with a one-time code"),
        ("employee", employee, "add an employee or set a PIN (read from standard input)"),
        ("readers", readers, "show what swipes and scans here; --swipe-now: which one is which"),
        ("verify", verify, "prove the ledger: chain, sums, balances, checkpoints, projections"),
        ("rebuild", rebuild, "make the tables that follow from the journal again"),
    ):
        verb = verbs.add_parser(name, help=summary, description=summary)
        verb.add_argument("--config", type=Path, required=name != "verify", metavar="FILE")
        verb.add_argument("--log-level", default="info", choices=("debug", "info", "warning"))
        module.add_arguments(verb)
        verb.set_defaults(carry_out=module.carry_out)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code; errors are one sentence each on standard error."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=arguments.log_level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        code: int = arguments.carry_out(arguments)
    except ConfigMistakes as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    except CounterError as error:
        print(f"counterd: {error}", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        print(f"counterd: {error}", file=sys.stderr)
        return EXIT_FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())
