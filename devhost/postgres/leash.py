"""Run a program that is told to end (SIGINT) when the process that started this one is gone.

Run as a script, before any import of the app: `leash.py PARENT UID GID kernel|pipe PROGRAM …`.
With `kernel` Linux itself sends the signal; with `pipe` a small process reads standard input,
whose other end only the parent holds: the end of it means the parent is gone, a byte that there
is nothing left to do.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, uid: int, gid: int, kind: str, command: list[str]) -> None:
    if kind == "pipe":
        _watch_standard_input()
    _become(uid, gid)
    if kind == "kernel":
        # After the change of user, which takes the request back.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            sys.exit("the process that asked for the server is gone")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


def _become(uid: int, gid: int) -> None:
    if os.geteuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _watch_standard_input() -> None:
    """From a grandchild, so that the program gets no child that it does not know."""
    server = os.getpid()
    if os.fork():
        os.wait()
        return
    if os.fork():
        os._exit(0)
    os.setsid()
    for standard in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), standard)
    if not os.read(0, 1):
        os.kill(server, signal.SIGINT)
    os._exit(0)


if __name__ == "__main__":
    _, _parent, _uid, _gid, _kind, *_command = sys.argv
    main(int(_parent), int(_uid), int(_gid), _kind, _command)
