"""Manage connections, queries and KPIs from a file:

    python -m services.definitions apply kpis.yaml [--plan] [--yes] [--actor NAME]
    python -m services.definitions export [kpis.yaml]
    python -m services.definitions schema

The store is the one of STORE_URL. Ends with 0 where the store is as the file says, or was only
looked at; with 1 where it is not, with every reason; with 2 where it was not asked properly.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import orjson

from repositories.errors import StorageError
from services.actors import actor_argument, current_user
from services.definitions.changes import Author
from services.definitions.connections import ConnectionRegister
from services.definitions.files import DefinitionFile, file_schema, read_file
from services.definitions.plan_words import describe_plan
from services.definitions.plans import Planner
from services.errors import InvalidRequest, ServiceError
from services.masking import mask_text
from services.settings import Settings

DONE, REFUSED, MISUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        result: int = asked.run(asked)
    except InvalidRequest as refused:
        for fault in refused.faults:
            _complain(f"{mask_text(fault.parameter)}: {mask_text(fault.message)}")
        return REFUSED
    except (ServiceError, StorageError) as error:
        _complain(mask_text(str(error)))
        return REFUSED
    except (OSError, UnicodeDecodeError) as error:
        _complain(str(error))
        return MISUSED
    return result


def _apply(asked: argparse.Namespace) -> int:
    if not asked.file:
        _complain("Say which file: make apply FILE=kpis.yaml")
        return MISUSED
    file = read_file(Path(asked.file).read_text("utf-8-sig"))
    settings = _read_settings()
    if settings.read_only and not asked.plan:
        _complain("READ_ONLY is on: nothing is written here.")
        return REFUSED
    with _planner(settings) as planner:
        return _apply_with(planner, file, asked)


def _apply_with(planner: Planner, file: DefinitionFile, asked: argparse.Namespace) -> int:
    plan = planner.plan(file)
    for line in describe_plan(plan):
        _say(line)
    if plan.is_empty or asked.plan:
        return DONE
    if not asked.yes:
        if not sys.stdin.isatty():
            _complain("Nothing was changed: say --yes where nobody can be asked.")
            return MISUSED
        if input("Apply this? [y/N] ").strip().lower() not in {"y", "yes"}:
            _complain("Nothing was changed.")
            return REFUSED
    planner.apply(plan, Author(asked.actor, reason=f"apply {asked.file}"[:500]))
    _say("Applied.")
    return DONE


def _export(asked: argparse.Namespace) -> int:
    with _planner(_read_settings()) as planner:
        text = planner.export()
    if asked.file is None:
        sys.stdout.write(text)
    else:
        Path(asked.file).write_text(text, "utf-8")
    return DONE


def _show_schema(_: argparse.Namespace) -> int:
    _say(orjson.dumps(file_schema(), option=orjson.OPT_INDENT_2).decode())
    return DONE


def _read_settings() -> Settings:
    settings, problems = Settings.read()
    for problem in problems:
        _complain(str(problem))
    return settings


@contextmanager
def _planner(settings: Settings) -> Iterator[Planner]:
    from repositories.engines import open_database
    from repositories.key_vault import KeyVault
    from repositories.store import SqlStore
    from services.secrets.addresses import Addresses
    from services.secrets.keys import Keys

    database = open_database(
        settings.store_url.get_secret_value() if settings.store_url else "",
        setting="STORE_URL",
        size=2,
        timeout_seconds=settings.query_timeout_seconds,
        names={"schema": settings.jobs_schema},
    )
    with closing(database):
        store = SqlStore(database)
        vault = KeyVault()
        keys = Keys.of(settings.encryption_keys_text, vault.read)
        register = ConnectionRegister(store, Addresses(keys, {}, vault.read))
        yield Planner(store, register, jobs_writable=settings.jobs_writable)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.definitions", description=(__doc__ or "").partition(":")[0]
    )
    commands = parser.add_subparsers(required=True)
    apply = commands.add_parser("apply", help="make the store as the file says")
    apply.add_argument("file")
    apply.add_argument("--plan", action="store_true", help="only say what would change")
    apply.add_argument("--yes", action="store_true", help="do not ask")
    who = current_user("apply")
    apply.add_argument("--actor", type=actor_argument, default=who, help="who, for the audit log")
    apply.set_defaults(run=_apply)
    export = commands.add_parser("export", help="write the file that says what there is")
    export.add_argument("file", nargs="?")
    export.set_defaults(run=_export)
    schema = commands.add_parser("schema", help="print the JSON schema of the file")
    schema.set_defaults(run=_show_schema)
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
