"""Keys for what is stored: `python -m services.secrets new-key` and `… rekey`."""

import argparse
import sys
from contextlib import closing

from repositories.engines import open_database
from repositories.errors import NotConfigured, StorageError
from repositories.key_vault import KeyVault
from repositories.store import SqlStore
from services.actors import actor_argument
from services.secrets.keys import Keys, make_key
from services.secrets.rekeying import Rekeyed, rekey_connections
from services.settings import Settings

SECONDS = 60.0


def main(argv: list[str]) -> int:
    """0 done; 1 failed, or some could not be read; 2 called wrongly, or nothing is configured."""
    options = _parser().parse_args(argv)
    if options.command == "new-key":
        sys.stdout.write(f"{make_key()}\n")
        return 0
    try:
        return _rekey(options)
    except NotConfigured as error:
        return _refuse(str(error), 2)
    except StorageError as error:
        return _refuse(str(error), 1)


def _rekey(options: argparse.Namespace) -> int:
    settings, problems = Settings.read()
    for problem in problems:
        _refuse(str(problem), 2)
    if any(problem.setting == "ENCRYPTION_KEYS" for problem in problems):
        return 2
    if settings.read_only:
        return _refuse("READ_ONLY is on: nothing is written here.", 1)
    database = open_database(
        settings.store_url.get_secret_value() if settings.store_url else "",
        setting="STORE_URL",
        size=1,
        timeout_seconds=SECONDS,
        names={"schema": settings.jobs_schema},
    )
    with closing(database):
        rekeyed = rekey_connections(
            SqlStore(database),
            Keys.of(settings.encryption_keys_text, KeyVault().read),
            actor=options.actor,
            reason=options.reason,
        )
    return _report(rekeyed)


def _report(rekeyed: Rekeyed) -> int:
    sys.stdout.write(
        f"encrypted with the first key: {rekeyed.done}; had been before: {rekeyed.already}\n"
    )
    for name in rekeyed.unreadable:
        _refuse(f"no key of ENCRYPTION_KEYS fits: {name}", 1)
    for name in rekeyed.busy:
        _refuse(f"changed all the time by somebody else: {name}", 1)
    return 0 if rekeyed.is_complete else 1


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m services.secrets", description="Keys for the addresses that are stored."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("new-key", help="print a key for ENCRYPTION_KEYS")
    rekey = commands.add_parser("rekey", help="encrypt every address with the first key")
    rekey.add_argument(
        "--actor", type=actor_argument, default="rekey", help="who does it, for the audit log"
    )
    rekey.add_argument("--reason", default="the keys have changed", help="why, for the audit log")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
