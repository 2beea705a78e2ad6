"""Where the logs of a job are: a query for Application Insights, and a link that opens it."""

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import orjson

from repositories.records.rows import Json
from services.masking import mask_text

LONGEST_PARAMETERS = 1_000_000
MOST_IDS = 10
AROUND = timedelta(minutes=5)
"""Before the job's creation and after its end: what queued it, and what came of it."""
PORTAL = (
    "https://portal.azure.com/#blade/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView"
    "/resourceId/{resource}/source/LogsBlade.AnalyticsShareLinkToQuery/q/{query}/timespan/{span}"
)
CORRELATION_NAMES = frozenset(
    "correlationid xcorrelationid traceparent operationid requestid xrequestid".split()
)
QUERY = """\
let ids = dynamic([{ids}]);
union isfuzzy=true requests, traces, exceptions
| where timestamp between (datetime({since}) .. datetime({until}))
| where operation_Id in (ids)
    or message has_any (ids)
    or outerMessage has_any (ids)
    or url has_any (ids)
    or tostring(customDimensions) has_any (ids)
| project timestamp, itemType, severityLevel, name,
    message = coalesce(message, outerMessage, name), resultCode, operation_Id, customDimensions
| order by timestamp asc"""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:|/-]{3,127}")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLink:
    """What to ask Application Insights. `portal_url` is None where nobody said which one it is."""

    ids: Sequence[str]
    since: datetime
    until: datetime
    query: str
    portal_url: str | None


def link_logs(
    job_id: str, parameters: Json | None, since: datetime, until: datetime, resource_id: str | None
) -> LogLink:
    """The lines of a job and of whatever its parameters say that it belongs to."""
    ids = [job_id, *find_correlation_ids(parameters)]
    start, end = since - AROUND, until + AROUND
    query = write_query(ids, start, end)
    return LogLink(
        ids=ids,
        since=start,
        until=end,
        query=query,
        portal_url=resource_id and write_portal_url(resource_id, query, start, end),
    )


def find_correlation_ids(parameters: Json | None) -> Sequence[str]:
    """The first few, each once; what could be a secret or is no id is left out."""
    if parameters is None or len(parameters) > LONGEST_PARAMETERS:
        return ()
    try:
        value = orjson.loads(str(parameters))
    except orjson.JSONDecodeError:
        return ()
    return [*dict.fromkeys(_ids_in(value, depth=4))][:MOST_IDS]


def write_query(ids: Sequence[str], since: datetime, until: datetime) -> str:
    return QUERY.format(
        ids=", ".join(map(quote_kql, ids)), since=_utc_text(since), until=_utc_text(until)
    )


def quote_kql(text: str) -> str:
    """A string literal of KQL: JSON's escapes are ones that KQL has too."""
    return orjson.dumps(text).decode()


def write_portal_url(resource_id: str, query: str, since: datetime, until: datetime) -> str:
    return PORTAL.format(
        resource=quote(resource_id, safe=""),
        query=quote(b64encode(gzip.compress(query.encode(), mtime=0)), safe=""),
        span=quote(f"{_utc_text(since)}/{_utc_text(until)}", safe=""),
    )


def _ids_in(value: object, *, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value[:100]:
            yield from _ids_in(item, depth=depth - 1)
    if isinstance(value, dict):
        for name, item in value.items():
            if _is_correlation_name(name) and isinstance(item, str):
                yield from _id_of(item)
            else:
                yield from _ids_in(item, depth=depth - 1)


def _is_correlation_name(name: str) -> bool:
    return name.lower().replace("-", "").replace("_", "") in CORRELATION_NAMES


def _id_of(text: str) -> Iterator[str]:
    """A traceparent's trace is what Application Insights calls the operation."""
    trace = _TRACE_PARENT.fullmatch(text)
    if trace is not None:
        yield trace[1]
    elif _ID.fullmatch(text) and mask_text(text) == text:
        yield text


def _utc_text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
