"""Make the virtual environment that a command needs, and print the path of its Python.

`python devhost/environment.py run|test [--named]`: this runs first on a new machine, so it needs
nothing but the standard library. The environment is `.venv`; with `--named` (the user has named
a Python) it is `.venv-3.13`, say, unless `.venv` is of that version already.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
REQUIREMENTS = {
    "run": ("devhost/requirements.txt", "requirements.txt"),
    "test": ("tests/requirements.txt", "devhost/requirements.txt", "requirements.txt"),
}
INCLUDED = {"run": ("run",), "test": ("test", "run")}
FITS = (
    "import importlib.util, sys;"
    "sys.exit(sys.argv[1:] != [str(n) for n in sys.version_info[:2]]"
    " or importlib.util.find_spec('pip') is None)"
)


class Unusable(Exception):
    """No environment can be made; the text is for the user."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="environment.py")
    parser.add_argument("purpose", choices=REQUIREMENTS)
    parser.add_argument("--named", action="store_true", help="keep .venv as it is")
    given = parser.parse_args(arguments)
    try:
        python = prepare_environment(Path.cwd(), given.purpose, named=given.named)
    except Unusable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{python}\n")
    return 0


def check_python() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Unusable(
            f"Watchkeeper needs Python {_dotted(OLDEST)} to {_dotted(NEWEST)}: "
            f"{sys.executable} is {_dotted(sys.version_info[:2])}"
        )


def prepare_environment(root: Path, purpose: str, *, named: bool) -> Path:
    """The Python of an environment with all that `purpose` requires."""
    check_python()
    folder = _folder(root, named=named)
    if not _is_of_this_version(folder):
        _make(folder)
    _install(root, folder, purpose)
    return _python(folder)


def _folder(root: Path, *, named: bool) -> Path:
    plain = root / ".venv"
    if not named or _is_of_this_version(plain):
        return plain
    return root / f".venv-{_dotted(sys.version_info[:2])}"


def _is_of_this_version(folder: Path) -> bool:
    """Whether a Python of our minor version runs there and has pip."""
    version = [str(number) for number in sys.version_info[:2]]
    try:
        tried = subprocess.run(  # noqa: S603
            [_python(folder), "-I", "-c", FITS, *version], capture_output=True
        )
    except OSError:
        return False
    return tried.returncode == 0


def _make(folder: Path) -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Unusable(
                f"{sys.executable} has no {module}: install it (Debian, Ubuntu: apt install "
                f"python{_dotted(sys.version_info[:2])}-venv) or name another Python with PYTHON="
            )
    _say(f"Making {folder.name} with Python {_dotted(sys.version_info[:3])}")
    if folder.exists():
        _remove(folder)
    if _run([sys.executable, "-m", "venv", str(folder)]) != 0:
        raise Unusable(f"cannot make {folder}: {sys.executable} -m venv failed")


def _remove(folder: Path) -> None:
    if not folder.is_dir() or folder.is_symlink():
        raise Unusable(f"{folder} stands in the place of the virtual environment")
    if any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise Unusable(f"{folder} is not a virtual environment, so it is left as it is")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Unusable(f"cannot replace {folder}: {error.strerror}") from error


def _install(root: Path, folder: Path, purpose: str) -> None:
    if _stamp(folder, purpose) == _digest(root, purpose):
        return
    wanted = REQUIREMENTS[purpose][0]
    _say(f"Installing {wanted} into {folder.name} (up to some minutes the first time)")
    pip = [str(_python(folder)), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if _run([*pip, "install", "-qq", "--requirement", str(root / wanted)]) != 0:
        raise Unusable(f"cannot install {wanted} into {folder.name}: see the lines above")
    for included in INCLUDED[purpose]:
        _stamp_file(folder, included).write_text(_digest(root, included))


def _stamp(folder: Path, purpose: str) -> str | None:
    """Which requirements are installed; None where nobody knows."""
    try:
        return _stamp_file(folder, purpose).read_text()
    except FileNotFoundError:
        return None


def _stamp_file(folder: Path, purpose: str) -> Path:
    return folder / f"installed-for-{purpose}"


def _digest(root: Path, purpose: str) -> str:
    texts = (root.joinpath(name).read_bytes() for name in REQUIREMENTS[purpose])
    return hashlib.sha256(b"\n".join(texts)).hexdigest()


def _run(command: list[str]) -> int:
    """Its exit code. Standard output is for the path alone."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, stdout=sys.stderr, env=environment).returncode  # noqa: S603


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
