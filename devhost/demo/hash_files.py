"""Job `hash_files`: the SHA-256 of each file, and one over all of them."""

import hashlib
from collections.abc import Sequence

from devhost.demo.files import plan_files, read_file
from devhost.demo.workload import Beat, JobType, Stage, Values


def _hash_file(task: Values, beat: Beat) -> Values:
    digest = hashlib.sha256(read_file(task["file"])).hexdigest()
    beat()
    return {"file": task["file"], "sha256": digest}


def _plan_joining(_: Values, results: Sequence[Values]) -> list[Values]:
    return [{"hashes": [result["sha256"] for result in results]}]


def _join_hashes(task: Values, beat: Beat) -> Values:
    beat()
    joined = "\n".join(task["hashes"]).encode()
    return {"files": len(task["hashes"]), "sha256": hashlib.sha256(joined).hexdigest()}


HASH_FILES = JobType(
    "hash_files",
    (
        Stage("hash_file", plan_files, _hash_file),
        Stage("join_hashes", _plan_joining, _join_hashes),
    ),
)
