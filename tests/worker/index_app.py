"""Indexes apps with Microsoft's own indexing code and prints what it says of each, as JSON.

    index_app.py FOLDER…  ->  {FOLDER: {"functions": {name: bindings}} or {"error": text}}

Runs in the worker's environment. Every app is imported in a process of its own.
"""

import importlib
import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import function_rpc_pb2 as protos  # type: ignore[import-not-found, unused-ignore]

loader: Any = importlib.import_module("azure_functions_runtime.loader")
functions: Any = importlib.import_module("azure_functions_runtime.functions")
meta: Any = importlib.import_module("azure_functions_runtime.bindings.meta")


def index(app: str) -> dict[str, Any]:
    sys.path.insert(0, app)
    os.chdir(app)
    meta.load_binding_registry()
    try:
        found = loader.index_function_app(str(Path(app, "function_app.py")))
        metadata, _ = loader.process_indexed_function(protos, functions.Registry(), found, app)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    bindings = {f.name: [json.loads(raw) for raw in f.raw_bindings] for f in metadata}
    return {"functions": bindings}


def main(apps: list[str]) -> None:
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        verdicts = pool.map(index, apps, chunksize=1)
    sys.stdout.write(json.dumps(dict(zip(apps, verdicts, strict=True))))


if __name__ == "__main__":
    main(sys.argv[1:])
