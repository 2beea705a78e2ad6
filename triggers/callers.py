"""Who asks, as the platform says where it asks for a login; without that, anybody may say so."""

import re

import azure.functions as func

CALLER_HEADER = "x-ms-client-principal-name"
SANE_CALLER = re.compile(r"[\w.@ +'-]{1,100}")
NOBODY_KNOWN = "api"


def caller_of(req: func.HttpRequest) -> str:
    caller = req.headers.get(CALLER_HEADER) or ""
    return caller if SANE_CALLER.fullmatch(caller) else NOBODY_KNOWN
