import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.statements import Statement, compile_statement, load, sections


def compiled(text: str, placeholder: str = "%s", **names: str) -> Statement:
    return compile_statement(text, placeholder, names)


def bound(text: str, placeholder: str = "%s", **values: object) -> tuple[str, list[object]]:
    return compiled(text, placeholder).bind(values)


@pytest.mark.parametrize("placeholder", ["%s", "?"])
def test_parameters_become_the_drivers_marks_in_order(placeholder: str) -> None:
    text, values = bound("SELECT :b, (:a), :b2 - :a", placeholder, a=1, b=2, b2=3)
    assert text == f"SELECT {placeholder}, ({placeholder}), {placeholder} - {placeholder}"
    assert values == [2, 1, 3, 1]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ':a'",
        "SELECT 'it''s :a'",
        'SELECT ":a"',
        "SELECT 1 -- :a, it's",
        "SELECT 1 /* :a ' \n :b */",
        "SELECT x::a",
        "SELECT y[1:n]",
        "SELECT '-- ' || '/*'",
    ],
)
def test_quotes_comments_casts_and_slices_hold_no_parameters(text: str) -> None:
    assert bound(text) == (text, [])


def test_what_follows_a_quote_or_a_comment_is_seen_again() -> None:
    assert bound("SELECT 'a' || :a /* it's */ || :b -- don't\n || :a::text", a=1, b=2) == (
        "SELECT 'a' || %s /* it's */ || %s -- don't\n || %s::text",
        [1, 2, 1],
    )


def test_a_percent_sign_is_doubled_only_where_the_driver_reads_it() -> None:
    assert bound("SELECT 5 % 2, 'a%' -- 100 %") == ("SELECT 5 %% 2, 'a%%' -- 100 %%", [])
    assert bound("SELECT 5 % 2", "?") == ("SELECT 5 % 2", [])


CONDITIONAL = """
SELECT *
  FROM t
 WHERE TRUE
   AND a = :a        -- when a
   AND b > :b AND :a > 1 -- when b
   AND c             -- when flag
   AND NOT c         -- when not flag
   AND a IS NULL     -- when not a
 LIMIT :limit;
"""


def lines_of(**values: object) -> list[str]:
    text, _ = compiled(CONDITIONAL).bind(values)
    return [line.strip() for line in text.splitlines()[3:-1]]


def test_lines_stay_where_what_they_depend_on_is_given() -> None:
    assert lines_of(a=0, b="", flag=True, limit=1) == [
        "AND a = %s",
        "AND b > %s AND %s > 1",
        "AND c",
    ]
    assert lines_of(a=None, b=None, flag=False, limit=1) == ["AND NOT c", "AND a IS NULL"]


def test_false_is_a_value_for_a_parameter_and_an_absence_for_a_flag() -> None:
    assert lines_of(a=False, b=None, flag=False, limit=1) == ["AND a = %s", "AND NOT c"]


def test_values_follow_the_lines_that_stay() -> None:
    statement = compiled(CONDITIONAL)
    for a, b, expected in ((None, 2, [2, None, 9]), (1, None, [1, 9]), (1, 2, [1, 2, 1, 9])):
        assert statement.bind({"a": a, "b": b, "flag": None, "limit": 9})[1] == expected


def test_the_names_of_a_statement_are_its_parameters_and_its_flags() -> None:
    statement = compiled(CONDITIONAL)
    assert statement.parameters == {"a", "b", "limit"}
    assert statement.flags == {"flag"}


@pytest.mark.parametrize("values", [{}, {"a": 1, "b": 2}, {"b": 1}, {"A": 1}])
def test_a_missing_or_surplus_name_is_a_type_error_that_tells_both(
    values: dict[str, object],
) -> None:
    with pytest.raises(TypeError, match=r"expected \['a'\], got \["):
        compiled("SELECT :a").bind(values)


def test_an_identifier_is_filled_in() -> None:
    statement = compiled("SELECT '{jobs}', '{\"a\": 1}' FROM {jobs}.t", jobs="app_2")
    assert statement.bind({})[0] == "SELECT 'app_2', '{\"a\": 1}' FROM app_2.t"


@pytest.mark.parametrize("name", ["", "a b", "a;b", 'a"b', "a.b", "2a", "é", "a" * 64, "a\n"])
def test_an_identifier_that_is_not_safe_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of jobs"):
        compiled("SELECT 1 FROM {jobs}.t", jobs=name)


def test_an_identifier_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be the name of jobs"):
        compiled("SELECT 1 FROM {jobs}.t")


def test_a_file_holds_statements_under_headings() -> None:
    source = "-- About it.\n\n-- name: a\nSELECT 1;\n\n-- name: b  \n-- Why.\nSELECT 2;\n"
    assert sections(source) == [("a", "SELECT 1;\n\n"), ("b", "-- Why.\nSELECT 2;\n")]


def test_two_statements_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two statements of one name among a, b, a"):
        sections("-- name: a\nSELECT 1;\n-- name: b\nSELECT 2;\n-- name: a\nSELECT 3;\n")


def test_the_semicolon_at_the_end_goes() -> None:
    assert bound("\nSELECT 1;\n") == ("SELECT 1", [])


@pytest.mark.parametrize(("engine", "placeholder"), [("postgres", "%s"), ("sqlserver", "?")])
def test_every_statement_of_an_engine_compiles(engine: str, placeholder: str) -> None:
    catalogue = load(engine, placeholder, {"schema": "app", "jobs": "jobs", "tasks": "tasks"})
    assert "health.ping" in catalogue
    for name, statement in catalogue.items():
        for given_value in (None, 1):
            text, values = statement.bind(
                dict.fromkeys(statement.parameters | statement.flags, given_value)
            )
            assert text.count(placeholder) >= len(values), name
            assert "-- when" not in text


PIECES = st.sampled_from(
    [
        *((text, ()) for text in ("SELECT ", ", ", " = ", "x::text", "'it''s :q'", '":q"', "a%b")),
        *((text, ()) for text in ("/* :q ' */", " -- :q '\n", "[1:n]", "\n", "'%s'", "''")),
        *((f" :{name}", (name,)) for name in ("a", "b", "a1", "long_name")),
        ("(:a::int)", ("a",)),
        (" :a+:b", ("a", "b")),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_marks_and_values_match_whatever_stands_around_them(
    pieces: list[tuple[str, tuple[str, ...]]],
) -> None:
    text = " ".join(["SELECT", *(piece for piece, _ in pieces)])
    names = [name for _, found in pieces for name in found]
    statement = compiled(text)
    driver_text, values = statement.bind({name: name for name in names})
    assert values == names
    assert driver_text.replace("%%", "").count("%s") == len(names)
    assert driver_text.replace("%%", "%").rstrip() == with_marks(text, names).rstrip()


def with_marks(text: str, names: list[str]) -> str:
    """The statement with each parameter in turn replaced, the simple way."""
    done = ""
    for name in names:
        before, _, text = text.partition(f":{name}")
        done += f"{before}%s"
    return done + text


def test_a_statement_may_stand_within_another_even_in_a_line_that_may_be_left_out() -> None:
    inner = compiled("SELECT a,\n  b,  -- when b\n  NULL AS b,  -- when not b\n  c\nFROM t")
    names = {"rows": inner.relation({"b"}), "others": inner.relation(())}
    outer = compile_statement("SELECT 1\nFROM {rows} AS x, -- when x\n{others} AS y", "?", names)
    assert outer.bind({"x": True})[0] == (
        "SELECT 1\nFROM (SELECT a, b, c FROM t) AS x,\n(SELECT a, NULL AS b, c FROM t) AS y"
    )
    assert outer.bind({"x": False})[0] == "SELECT 1\n(SELECT a, NULL AS b, c FROM t) AS y"
