"""Job `check_python`: parse the Python of some folders and name the longest functions.

Whatever else is among the files fails with the parser's own words, however often it is tried.
"""

import ast
from collections.abc import Sequence
from typing import Any

from devhost.demo.files import LIST_FILES, join_files, read_file
from devhost.demo.workload import Beat, JobType, Stage, Values

KEPT = 10


def _plan_parsing(job: Values, results: Sequence[Values]) -> list[Values]:
    return [{"file": name} for name in [*join_files(results), *job["also"]]]


def _parse_file(task: Values, beat: Beat) -> Values:
    beat()
    tree = ast.parse(read_file(task["file"]), filename=task["file"])
    functions = [
        _describe(task["file"], node)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {"functions": len(functions), "longest": _longest(functions)}


def _describe(file: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    return {"name": node.name, "file": file, "lines": lines}


def _plan_ranking(_: Values, results: Sequence[Values]) -> list[Values]:
    found = [function for result in results for function in result["longest"]]
    return [{"functions": sum(result["functions"] for result in results), "longest": found}]


def _rank_functions(task: Values, beat: Beat) -> Values:
    beat()
    return {"functions": task["functions"], "longest": _longest(task["longest"])}


def _longest(functions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(functions, key=lambda one: (-one["lines"], one["file"], one["name"]))[:KEPT]


CHECK_PYTHON = JobType(
    "check_python",
    (
        LIST_FILES,
        Stage("parse_file", _plan_parsing, _parse_file),
        Stage("rank_functions", _plan_ranking, _rank_functions),
    ),
)
