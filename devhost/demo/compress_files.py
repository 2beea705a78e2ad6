"""Job `compress_files`: how much smaller each file gets, and all of them together."""

import zlib
from collections.abc import Sequence

from devhost.demo.files import plan_files, read_file
from devhost.demo.workload import Beat, JobType, Stage, Values


def _compress_file(task: Values, beat: Beat) -> Values:
    content = read_file(task["file"])
    beat()
    return {"bytes": len(content), "compressed_bytes": len(zlib.compress(content, 9))}


def _plan_total(_: Values, results: Sequence[Values]) -> list[Values]:
    return [{name: sum(result[name] for result in results) for name in SIZES}]


def _total_sizes(task: Values, beat: Beat) -> Values:
    beat()
    return {**task, "ratio": round(task["compressed_bytes"] / max(1, task["bytes"]), 3)}


SIZES = ("bytes", "compressed_bytes")
COMPRESS_FILES = JobType(
    "compress_files",
    (
        Stage("compress_file", plan_files, _compress_file),
        Stage("total_sizes", _plan_total, _total_sizes),
    ),
)
