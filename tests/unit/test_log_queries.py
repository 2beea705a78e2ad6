"""The link to a job's logs."""

import gzip
import json
from base64 import b64decode
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.records.rows import Json
from services.log_queries import (
    LogLink,
    find_correlation_ids,
    link_logs,
    quote_kql,
    write_query,
)
from services.masking import mask_json
from tests.histories import JOB, moment

RESOURCE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/x/y/z"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def ids_of(**parameters: object) -> list[str]:
    return [*find_correlation_ids(Json(json.dumps(parameters)))]


def link(resource_id: str | None = None, **parameters: object) -> LogLink:
    document = Json(json.dumps(parameters))
    return link_logs(JOB, document, moment(0), moment(600), resource_id)


@pytest.mark.parametrize(
    "name",
    ["correlation_id", "correlationId", "x-correlation-id", "X-Correlation-ID", "operation_Id"],
)
def test_the_parameters_may_say_what_a_job_belongs_to(name: str) -> None:
    assert ids_of(**{name: "order-4711"}) == ["order-4711"]


def test_they_may_say_so_further_inside_and_more_than_once() -> None:
    found = ids_of(
        context={"headers": {"x-request-id": "r-0001"}},
        parts=[{"correlation_id": "c-0001"}, {"correlation_id": "c-0001"}],
    )
    assert found == ["r-0001", "c-0001"]


def test_of_a_traceparent_the_trace_is_the_operation() -> None:
    assert ids_of(traceparent=f"00-{TRACE}-b7ad6b7169203331-01") == [TRACE]


@pytest.mark.parametrize(
    "value",
    [
        '") | union *; //',
        "a b",
        "x",
        "y" * 200,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijkl",
        7,
        None,
        ["order-4711"],
        "line\nbreak",
    ],
)
def test_what_is_no_id_or_may_be_a_secret_is_left_out(value: object) -> None:
    assert ids_of(correlation_id=value) == []


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '"correlation_id"', "{broken"])
def test_parameters_of_any_shape_are_none_the_worse(text: str) -> None:
    assert list(find_correlation_ids(Json(text))) == []
    assert list(find_correlation_ids(None)) == []


def test_many_ids_and_long_parameters_are_bounded() -> None:
    assert len(ids_of(parts=[{"correlation_id": f"id-{n:04}"} for n in range(50)])) == 10
    assert ids_of(correlation_id="order-4711", padding="x" * 1_000_000) == []


def test_parameters_nested_without_end_are_not_followed() -> None:
    nested: object = {"correlation_id": "order-4711"}
    for _ in range(200):
        nested = {"inner": nested}
    assert ids_of(inner=nested) == []


@given(st.text())
def test_a_text_in_a_query_stays_one_literal(text: str) -> None:
    quoted = quote_kql(text)
    assert orjson.loads(quoted) == text
    assert "\n" not in quoted
    assert "\r" not in quoted


def test_the_query_asks_for_the_ids_in_the_time_of_the_job_and_a_little_around() -> None:
    found = link(correlation_id="order-4711")
    assert list(found.ids) == [JOB, "order-4711"]
    assert f'dynamic(["{JOB}", "order-4711"])' in found.query
    between = "between (datetime(2026-01-01T11:55:00.000Z) .. datetime(2026-01-01T12:15:00.000Z))"
    assert between in found.query
    assert found.portal_url is None


def test_the_link_opens_the_query_where_the_resource_is_known() -> None:
    found = link(RESOURCE)
    assert found.portal_url is not None
    assert f"/resourceId/{RESOURCE.replace('/', '%2F')}/source/" in found.portal_url
    packed = found.portal_url.partition("/q/")[2].partition("/timespan/")[0]
    assert gzip.decompress(b64decode(unquote(packed))).decode() == found.query


def test_masking_leaves_the_query_as_it_is() -> None:
    query = write_query([JOB], moment(0), moment(1))
    assert mask_json(json.dumps(query)) == json.dumps(query)
