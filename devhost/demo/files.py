"""The repo's own files, which the jobs work on, and the stage that most jobs begin with."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from devhost.demo.workload import Beat, Stage, Values

ROOT = Path(__file__).resolve().parents[2]


def find_files(folder: str, *, at_most: int) -> list[str]:
    """Paths relative to the repo. A folder that is not there is a NotADirectoryError."""
    place = ROOT / folder
    if not place.is_dir():
        raise NotADirectoryError(f"no folder {folder}")
    paths = (path for path in place.rglob("*") if path.is_file() and _is_source(path))
    return sorted(str(path.relative_to(ROOT)) for path in paths)[:at_most]


def read_file(name: str) -> bytes:
    return (ROOT / name).read_bytes()


def plan_files(job: Values, _: Sequence[Values]) -> list[Values]:
    """One task for each of the job's files."""
    return [{"file": name} for name in job["files"]]


def join_files(results: Iterable[Values]) -> list[str]:
    """What all tasks of the stage `list_files` have found."""
    return sorted(name for result in results for name in result["files"])


def _plan_folders(job: Values, _: Sequence[Values]) -> list[Values]:
    return [{"folder": name, "at_most": job["at_most"]} for name in job["folders"]]


def _list_files(task: Values, beat: Beat) -> Values:
    beat()
    return {"files": find_files(task["folder"], at_most=task["at_most"])}


def _is_source(path: Path) -> bool:
    return not any(part.startswith(("__pycache__", ".")) for part in path.relative_to(ROOT).parts)


LIST_FILES = Stage("list_files", _plan_folders, _list_files)
