"""Migrate the store: `python -m repositories.migrations [--url URL] COMMAND`."""

import argparse
import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from repositories.errors import BadUrl, NotConfigured, StorageError
from repositories.migrations import commands
from repositories.migrations.commands import Place
from repositories.migrations.plan import Plan, plan_down, plan_up
from repositories.revisions import Migration, folder_of, read_migrations
from repositories.urls import EngineName, parse

SECONDS = 60.0


def main(argv: list[str]) -> int:
    """0 done; 1 refused or failed; 2 called wrongly. Says why on stderr, in one line.

    `--sql` alone is the script of `up`.
    """
    options = _parser().parse_args(["up", *argv] if argv[:1] == ["--sql"] else argv)
    try:
        return _print_script(options) if "sql" in options else _run(options)
    except (BadUrl, NotConfigured) as error:
        return _refuse(str(error), 2)
    except StorageError as error:
        return _refuse(str(error), 1)
    except KeyboardInterrupt:
        return _refuse("stopped: the migration that was running is undone", 130)


def _run(options: argparse.Namespace) -> int:
    url = _url(options)
    if not url:
        raise NotConfigured("no database: STORE_URL is not set, and there is no --url")
    checked = parse(url)
    folder = _folder(options, checked.engine)
    place = Place(checked, folder, read_migrations(folder), options.lock_timeout, sys.stdout)
    run = COMMANDS[options.command]
    return run(place, options)


def _print_script(options: argparse.Namespace) -> int:
    """Asks no database: the engine is that of --engine, else of the URL, else PostgreSQL."""
    from repositories.migrations.chain import SqlChain
    from repositories.migrations.script import print_script

    url = _url(options)
    engine: EngineName = options.engine or (parse(url).engine if url else "postgres")
    folder = _folder(options, engine)
    migrations = read_migrations(folder)
    plan = _scripted_plan(options, migrations)
    script = StringIO()  # a script that breaks off could pass for a whole one
    print_script(engine, SqlChain(folder, migrations), plan, script)
    sys.stdout.write(script.getvalue())
    return 0


def _scripted_plan(options: argparse.Namespace, migrations: tuple[Migration, ...]) -> Plan:
    """From nothing up, or from the newest down, unless --from says where the database is."""
    if options.command == "up":
        start = None if options.start in (None, "base") else options.start
        return plan_up(migrations, start, options.target)
    newest = migrations[-1].revision if migrations else None
    return plan_down(migrations, options.start or newest, options.target)


COMMANDS: dict[str, Callable[[Place, argparse.Namespace], int]] = {
    "up": lambda place, options: commands.up(place, options.target),
    "down": lambda place, options: commands.down(place, options.target),
    "mark": lambda place, options: commands.mark(place, options.target),
    "status": lambda place, _: commands.status(place),
    "verify": lambda place, _: commands.verify(place),
    "snapshot": lambda place, _: commands.snapshot(place),
}


def _url(options: argparse.Namespace) -> str | None:
    return options.url or os.environ.get("STORE_URL")


def _folder(options: argparse.Namespace, engine: str) -> Path:
    return options.folder or folder_of(engine)


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m repositories.migrations", description="Migrate Watchkeeper's store."
    )
    _add_common(parser, url=None, folder=None, lock_timeout=SECONDS)
    commands_ = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    up = _add_command(commands_, "up", "apply what is pending")
    up.add_argument("target", nargs="?", default="head", help="the revision to stop at")
    down = _add_command(commands_, "down", "undo what is applied")
    down.add_argument("target", help="the revision to stay at, `base`, or -1 for one step")
    for command in (up, down):
        _add_script_options(command)
    mark = _add_command(commands_, "mark", "write a revision down as applied; run nothing")
    mark.add_argument("target", help="a revision, `head` or `base`")
    _add_command(commands_, "status", "list the migrations: applied when, or pending")
    _add_command(commands_, "verify", "compare the live schema with what the migrations make")
    _add_command(commands_, "snapshot", "write down the live schema as what they make")
    return parser


def _add_command(
    commands_: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    command = commands_.add_parser(name, help=summary, description=summary)
    # Given after the command these win, and not given they leave alone what came before it.
    nothing = argparse.SUPPRESS
    _add_common(command, url=nothing, folder=nothing, lock_timeout=nothing)
    return command


def _add_common(
    parser: argparse.ArgumentParser, *, url: str | None, folder: str | None, lock_timeout: object
) -> None:
    parser.add_argument("--url", default=url, help="the database (default: STORE_URL)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=folder,
        help="the migrations (default: sql/<engine>/migrations); schema.json stands beside it",
    )
    parser.add_argument(
        "--lock-timeout",
        type=float,
        default=lock_timeout,
        metavar="SECONDS",
        help=f"how long to wait for another run to end (default: {SECONDS:g})",
    )


def _add_script_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sql",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the script that a DBA would run, and touch no database",
    )
    parser.add_argument("--engine", choices=("postgres", "sqlserver"), help="with --sql")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="REVISION",
        help="with --sql: where the database is (default: up from nothing, down from the newest)",
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
