import pytest

from devhost.routes import RouteTemplate, decode_path

GUID = "0b5a4c1e-7a4b-4a57-9a3c-5d1f0c6c2b11"


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/db/jobs", "/api/db/jobs", {}),
        ("api/db/jobs", "/API/Db/JOBS/", {}),
        ("api/db/jobs", "/api/db/jobs/1", None),
        ("api/db/jobs", "/api//db/jobs", None),
        ("api/jobs/{id}", "/api/jobs/Ab c", {"id": "Ab c"}),
        ("api/jobs/{id}", "/api/jobs", None),
        ("api/jobs/{id}", "/api/jobs/", None),
        ("api/jobs/{id}", "/api/jobs/a/b", None),
        ("api/jobs/{id?}", "/api/jobs", {}),
        ("api/jobs/{id?}", "/api/jobs/7", {"id": "7"}),
        ("api/jobs/{id=1}", "/api/jobs", {"id": "1"}),
        ("api/jobs/{id:int=1}", "/api/jobs/x", None),
        ("api/{a=1}/{b?}", "/api", {"a": "1"}),
        ("api/{a=1}/{b?}", "/api/2/3", {"a": "2", "b": "3"}),
        ("api/{a=1}/end", "/api/end", None),
        ("api/{a=1}/end", "/api/2/end", {"a": "2"}),
        ("files/{*path}", "/files/a/b.txt", {"path": "a/b.txt"}),
        ("files/{**path}", "/files/a/b/", {"path": "a/b/"}),
        ("files/{*path}", "/files", {}),
        ("files/{*path}", "/files/", {}),
        ("files/{*path:maxlength(3)}", "/files/abcd", None),
        ("files/{name}.{ext}", "/files/a.b.c", {"name": "a.b", "ext": "c"}),
        ("v{major}/x", "/v2/x", {"major": "2"}),
        ("a{{b}}", "/a{b}", {}),
        ("{x:regex(^a:b=c$)}", "/a:b=c", {"x": "a:b=c"}),
        ("{x:regex(^\\d{{2}}/?$)}", "/42", {"x": "42"}),
    ],
)
def test_a_path_matches_as_in_asp_net(
    template: str, path: str, values: dict[str, str] | None
) -> None:
    assert RouteTemplate(template).match(path) == values


@pytest.mark.parametrize(
    ("constraint", "held", "broken"),
    [
        ("int", ["0", "-5", "+7", "2147483647"], ["x", "1.0", "2147483648", "٣", ""]),
        ("long", ["9223372036854775807"], ["9223372036854775808", "a"]),
        ("guid", [GUID, GUID.upper(), f"{{{GUID}}}", GUID.replace("-", "")], [GUID[:-1], "x"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("alpha", ["abc", "XYZ"], ["a1", "é"]),
        ("decimal", ["1", "-1.5", "1,000.25", ".5"], ["1e3", "x", "79228162514264337593543950336"]),
        ("double", ["1e3", "-0.5"], ["x", "1.2.3"]),
        ("datetime", ["2026-03-01", "2026-03-01T10:00:00Z", "12-31-2026"], ["x", "2026-13-01"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("min(5)", ["5", "99"], ["4", "x"]),
        ("max(5)", ["5", "-1"], ["6"]),
        ("range(1,9)", ["1", "9"], ["0", "10"]),
        ("regex(^[a-f]+$)", ["abc", "ABC"], ["xyz"]),
        ("int:min(1)", ["1"], ["0"]),
        ("file", ["a.txt"], ["a", "a."]),
        ("nonfile", ["a"], ["a.txt"]),
        ("required", ["a"], []),
    ],
)
def test_a_constraint_holds_for_what_asp_net_accepts(
    constraint: str, held: list[str], broken: list[str]
) -> None:
    template = RouteTemplate(f"x/{{value:{constraint}}}")
    assert [value for value in held if template.match(f"/x/{value}") is None] == []
    assert [value for value in broken if template.match(f"/x/{value}") is not None] == []


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("/jobs", "cannot appear consecutively"),
        ("jobs//{id}", "cannot appear consecutively"),
        ("jobs/{id", "incomplete parameter"),
        ("jobs/{}", "parameter name '' is invalid"),
        ("jobs/{a}{b}", "two consecutive parameters"),
        ("jobs/{id}/{ID}", "appears more than once"),
        ("jobs/{*rest}/end", "only be the last segment"),
        ("jobs/{id?}/end", "must be the last segment"),
        ("jobs/{id:hex}", "'hex' could not be resolved"),
        ("jobs/{id:length}", "'length' could not be resolved"),
        ("jobs/{id:range(1)}", "'range\\(1\\)' could not be resolved"),
        ("jobs/{id:min(x)}", "needs whole numbers"),
        ("jobs/{id:regex([)}", "no regular expression"),
        ("jobs/{id:min(1}", "no closing parenthesis|incomplete|invalid"),
        ("jobs?x=1", "invalid"),
    ],
)
def test_a_template_that_the_host_cannot_read_is_refused(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        RouteTemplate(template)


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [(b"/a/b", "/a/b"), (b"/a%20b/%C3%A9", "/a b/é"), (b"/a%2Fb%2f", "/a%2Fb%2Fc"[:-1])],
)
def test_escapes_are_resolved_but_for_the_slash(raw: bytes, decoded: str) -> None:
    assert decode_path(raw) == decoded
