"""The three functions are tried, and each fault that functions in the field have had is named."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from repositories.contracts.databases import Database
from repositories.jobs_database import SqlJobsDatabase
from repositories.postgres import PostgresDatabase
from repositories.sqlserver import SqlServerDatabase
from repositories.trials import JOB_ID, JOB_TYPE
from repositories.urls import parse
from repositories.workshop import LOCK, SqlWorkshop
from services.caching import Cache
from services.errors import Busy
from services.trials import FunctionTrial, TrialService, TriedFunction
from tests.contract.conftest import NAMES, SqlServerLab
from tests.contract.stages import PostgresStages, SqlServerStages, Stages

END, ADVANCE, CHECK = (
    *("complete_task_and_check_stage", "advance_job_stage", "check_job_completion"),
)
HOLD_SECONDS = 0.15


class Place(Protocol):
    """A jobs database whose functions may be spoilt."""

    @property
    def database(self) -> Database: ...
    @property
    def stages(self) -> Stages: ...
    def spoil(self, name: str, pattern: str, instead: str) -> None:
        """Replace what the pattern finds in a function's body, which it must find."""
        ...


@dataclass
class PostgresPlace:
    url: str
    database: PostgresDatabase
    stages: PostgresStages

    def body(self, name: str) -> str:
        row = self.stages.connection.execute(
            "SELECT pg_get_functiondef(%s::regproc)", [f"app.{name}"]
        ).fetchone()
        assert row is not None
        return str(row[0])

    def spoil(self, name: str, pattern: str, instead: str) -> None:
        body, replaced = re.subn(pattern, instead, self.body(name), flags=re.DOTALL)
        assert replaced
        self.define(body)

    def define(self, text: str) -> None:
        self.stages.connection.execute(text.encode())


@dataclass
class SqlServerPlace:
    database: SqlServerDatabase
    stages: SqlServerStages

    def body(self, name: str) -> str:
        (text,) = self.stages.connection.execute(
            "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(?)", f"app.{name}"
        ).fetchone()
        return str(text[text.index("CREATE PROCEDURE") :])

    def spoil(self, name: str, pattern: str, instead: str) -> None:
        body, replaced = re.subn(pattern, instead, self.body(name), flags=re.DOTALL)
        assert replaced
        self.replace(name, body)

    def replace(self, name: str, body: str) -> None:
        self.stages.connection.execute(f"DROP PROCEDURE IF EXISTS app.{name}")
        self.stages.connection.execute(body)


@pytest.fixture
def postgres(store_url: str) -> Iterator[PostgresPlace]:
    database = PostgresDatabase(parse(store_url), size=4, timeout_seconds=10, names=NAMES)
    with closing(database), closing(PostgresStages(store_url)) as stages:
        yield PostgresPlace(store_url, database, stages)


@pytest.fixture(scope="module")
def sqlserver_place(sqlserver_lab: SqlServerLab, sqlserver_url: str) -> Iterator[SqlServerPlace]:
    """Connections to it are dear."""
    database = SqlServerDatabase(parse(sqlserver_url), size=4, timeout_seconds=30, names=NAMES)
    with closing(database), closing(SqlServerStages(sqlserver_url)) as stages:
        yield SqlServerPlace(database, stages)


@pytest.fixture
def sqlserver(
    sqlserver_lab: SqlServerLab, sqlserver_place: SqlServerPlace
) -> Iterator[SqlServerPlace]:
    sqlserver_lab.empty()
    sound = {name: sqlserver_place.body(name) for name in (END, ADVANCE, CHECK)}
    yield sqlserver_place
    for name, body in sound.items():
        sqlserver_place.replace(name, body)


@pytest.fixture(params=["postgres", "sqlserver"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


def trials_at(database: Database, **settings: Any) -> TrialService:
    known = {"read_only": False, "is_writable": True, "connections": 4}
    return TrialService(
        SqlWorkshop(SqlJobsDatabase(database)),
        Cache(0),
        **{**known, "hold_seconds": HOLD_SECONDS, **settings},
    )


def trial_at(place: Place, **settings: Any) -> FunctionTrial:
    return trials_at(place.database, **settings).try_functions(fresh=True).value


def tried(trial: FunctionTrial) -> dict[str, TriedFunction]:
    return {function.name: function for function in trial.functions}


def assert_blamed(trial: FunctionTrial, name: str, *words: str) -> None:
    """This function alone is at fault, and one of its faults has these words."""
    functions = tried(trial)
    assert functions[name].correct is False
    assert [one.name for one in trial.functions if one.faults] == [name]
    faults = functions[name].faults
    assert any(all(word in fault for word in words) for fault in faults), faults


def self_test_of_the_field(place: Place) -> None:
    """What an earlier self-test did: call each with ids that do not exist, and be content."""
    assert not place.stages.answer(END, "no such task", None, None)[0]
    assert not place.stages.answer(ADVANCE, "f" * 64, 1, None)[0]
    assert not place.stages.answer(CHECK, "f" * 64)[0]


# Sound functions --------------------------------------------------------------------------------


def test_sound_functions_pass(place: Place) -> None:
    trial = trial_at(place)
    for name, function in tried(trial).items():
        assert (function.available, function.correct, function.faults) == (True, True, []), name
        assert function.not_run == []
        assert function.duration_ms is not None
        assert function.duration_ms > 0
    assert [part.name for part in trial.parts] == ["each alone", "whole job", "two callers at once"]
    assert [part.not_run for part in trial.parts] == [None] * 3


def test_a_trial_leaves_nothing_behind(place: Place) -> None:
    place.stages.insert("jobs", {"job_id": "a" * 64, "job_type": "x", "status": "processing"})
    before = job_ids(place)
    trial_at(place)
    assert job_ids(place) == before
    assert count(place, "tasks") == 0


def test_what_others_see_of_a_trial_is_never_to_be_claimed(postgres: PostgresPlace) -> None:
    """A trigger notes every row that is committed as queued, as a worker would find it."""
    postgres.define(
        "CREATE TABLE app.seen (job_type text, status text);"
        "CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO app.seen SELECT task_type, status FROM app.tasks"
        " WHERE task_id = NEW.task_id; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON app.tasks"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.note()"
    )
    trial_at(postgres)
    seen = postgres.stages.connection.execute("SELECT DISTINCT job_type, status FROM app.seen")
    assert set(seen.fetchall()) == {(JOB_TYPE, "processing"), (JOB_TYPE, "completed")}


def test_what_a_killed_trial_left_behind_is_removed_by_the_next(place: Place) -> None:
    leave_behind(place)
    trial = trial_at(place)
    assert trial.removed_leftovers == 2
    assert tried(trial)[END].correct
    assert job_ids(place) == set()


def test_what_a_killed_trial_left_behind_is_cleaned_up(place: Place) -> None:
    leave_behind(place)
    assert trials_at(place.database, read_only=True).remove_leftovers() == 0
    assert trials_at(place.database, is_writable=False).remove_leftovers() == 0
    assert trials_at(place.database).remove_leftovers() == 2
    assert trials_at(place.database).remove_leftovers() == 0
    assert job_ids(place) == set()


def test_one_tries_at_a_time(place: Place) -> None:
    with place.database.lock(LOCK) as held:
        assert held
        with pytest.raises(Busy):
            trial_at(place)
        assert trials_at(place.database).remove_leftovers() == 0
    assert tried(trial_at(place))[END].correct


# Faults of the field ----------------------------------------------------------------------------


def test_two_last_tasks_that_see_each_other_unfinished_are_found(postgres: PostgresPlace) -> None:
    postgres.spoil(END, r"UPDATE app\.jobs AS job.*?;", "PERFORM 1;")
    self_test_of_the_field(postgres)
    assert_blamed(
        trial_at(postgres),
        END,
        "two last tasks of a stage at once",
        "neither is told to be the last: nobody moves the job on, and it hangs",
    )
    assert job_ids(postgres) == set()


def test_two_last_tasks_that_see_each_other_unfinished_are_found_on_sql_server(
    sqlserver: SqlServerPlace,
) -> None:
    """On a server where who reads waits for who writes, the two would end in a deadlock."""
    sqlserver.spoil(END, r"UPDATE app\.jobs.*?(?=UPDATE app\.tasks)", "")
    self_test_of_the_field(sqlserver)
    functions = tried(trial_at(sqlserver))
    assert functions[END].correct is False
    assert any("at once" in fault for fault in functions[END].faults)


def test_a_lock_that_does_not_hold_above_read_committed_is_found_there(
    postgres: PostgresPlace,
) -> None:
    postgres.spoil(
        END,
        r"UPDATE app\.jobs AS job.*?;",
        "PERFORM 1 FROM app.jobs AS job"
        " WHERE job.job_id = complete_task_and_check_stage.job_id FOR UPDATE;",
    )
    assert tried(trial_at(postgres))[END].correct
    name = urlsplit(postgres.url).path[1:]
    postgres.define(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    database = PostgresDatabase(parse(postgres.url), size=4, timeout_seconds=10, names=NAMES)
    with closing(database):
        trial = trials_at(database).try_functions(fresh=True).value
        assert_blamed(trial, END, "neither is told to be the last")
        postgres.spoil(END, r"PERFORM 1 FROM.*?;", RIGHT_LOCK)
        assert tried(trials_at(database).try_functions(fresh=True).value)[END].correct


RIGHT_LOCK = (
    "UPDATE app.jobs AS job SET updated_at = clock_timestamp()"
    " WHERE job.job_id = complete_task_and_check_stage.job_id;"
)


def test_a_final_advance_that_breaks_the_stages_check_is_found(place: Place) -> None:
    if isinstance(place, SqlServerPlace):
        place.spoil(ADVANCE, r"stage = CASE WHEN .*? END,", "stage = stage + 1,")
    else:
        place.spoil(ADVANCE, r"least\(job\.stage \+ 1, job\.total_stages\)", "job.stage + 1")
    self_test_of_the_field(place)
    assert_blamed(
        trial_at(place), ADVANCE, "the final stage: it fails with", "it breaks a check of the table"
    )
    assert job_ids(place) == set()


BIGINT = """
DROP FUNCTION app.complete_task_and_check_stage;
CREATE FUNCTION app.complete_task_and_check_stage(p_task_id varchar, p_result jsonb, p_error text)
RETURNS TABLE (task_updated boolean, is_last boolean, job varchar, stage_number integer,
               remaining integer) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT true, count(*) = 0, max(task.parent_job_id), max(task.stage), count(*)
      FROM app.tasks AS task WHERE task.task_id = p_task_id HAVING count(*) > 0;
END $$
"""


def test_a_bigint_where_integer_was_declared_is_found(postgres: PostgresPlace) -> None:
    postgres.define(BIGINT)
    trial = trial_at(postgres)
    assert_blamed(trial, END, "42804 DatatypeMismatch", "a count is bigint, say")


@pytest.mark.parametrize("name", [END, ADVANCE, CHECK])
def test_a_body_that_needs_one_search_path_is_found(postgres: PostgresPlace, name: str) -> None:
    postgres.spoil(name, r"app\.(jobs|tasks)", r"\1")
    postgres.spoil(name, r" SET search_path TO [^\n]*\n", "\n")
    postgres.define("SET search_path = app")
    self_test_of_the_field(postgres)
    assert_blamed(
        trial_at(postgres),
        name,
        "where the search_path does not name its schema",
        "42P01 UndefinedTable",
    )


FAULTS: dict[str, tuple[str, dict[str, tuple[str, str]], tuple[str, ...]]] = {
    "moves any task": (
        END,
        {
            "postgres": (r"AND task\.status = 'processing'", ""),
            "sqlserver": (r"AND status = N'processing'", ""),
        },
        ("a task that has ended already", "task_updated is true instead of false"),
    ),
    "counts every stage": (
        END,
        {
            "postgres": (r"AND task\.stage = stage_number", ""),
            "sqlserver": (r"AND task\.stage = @stage", ""),
        },
        ("while others are queued in the next one", "remaining_tasks is 1 instead of 0"),
    ),
    "loses the error": (
        END,
        {
            "postgres": (r"error_details = coalesce[^\n]*\n", ""),
            "sqlserver": (r"error_details = COALESCE[^\n]*\n", ""),
        },
        ("a task with an error", "the error's text is not kept"),
    ),
    "advances from any stage": (
        ADVANCE,
        {
            "postgres": (r"AND job\.stage = p_current_stage", ""),
            "sqlserver": (r"AND stage = @current_stage", ""),
        },
        ("a stage that the job has left", "job_updated is true instead of false"),
    ),
    "leaves a finished job processing": (
        ADVANCE,
        {
            "postgres": (r"ELSE 'completed'", "ELSE 'processing'"),
            "sqlserver": (r"ELSE N'completed'", "ELSE N'processing'"),
        },
        ("the final stage", "the job is processing then, not completed"),
    ),
    "forgets the results": (
        ADVANCE,
        {
            "postgres": (r"WHEN p_stage_results IS NULL", "WHEN true"),
            "sqlserver": (r"WHEN @stage_results IS NULL", "WHEN 1 = 1"),
        },
        ("the first of two stages", 'stage_results have nothing under "1"'),
    ),
    "takes a stage for the job": (
        CHECK,
        {
            "postgres": (r"reached = final_stage AND (.*?)\n.*?, false\)", r"\1, false)"),
            "sqlserver": (r"@reached = @final AND (.*?) AND @in_final > 0", r"\1"),
        },
        ("whose next stage has no tasks yet", "job_complete is true instead of false"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_answer_is_named_with_what_was_right(place: Place, fault: str) -> None:
    name, changes, words = FAULTS[fault]
    place.spoil(name, *changes["sqlserver" if isinstance(place, SqlServerPlace) else "postgres"])
    self_test_of_the_field(place)
    assert_blamed(trial_at(place), name, *words)


def test_a_function_that_does_not_end_is_found(postgres: PostgresPlace) -> None:
    postgres.spoil(CHECK, r"BEGIN", "BEGIN PERFORM pg_sleep(60);")
    database = PostgresDatabase(parse(postgres.url), size=4, timeout_seconds=0.3, names=NAMES)
    with closing(database):
        trial = trials_at(database).try_functions(fresh=True).value
    assert_blamed(trial, CHECK, "it does not end in time")


# What cannot be tried ---------------------------------------------------------------------------


def test_a_missing_function_is_not_available(place: Place) -> None:
    if isinstance(place, SqlServerPlace):
        place.stages.connection.execute(f"DROP PROCEDURE app.{CHECK}")
    else:
        place.stages.connection.execute(f"DROP FUNCTION app.{CHECK}")
    trial = trial_at(place)
    functions = tried(trial)
    assert (functions[CHECK].available, functions[CHECK].correct) == (False, None)
    assert functions[CHECK].not_run == ["the schema has no such function"]
    assert functions[END].available
    assert functions[END].faults == []
    assert functions[END].correct is None
    assert f"whole job: {CHECK} cannot be called" in functions[END].not_run


FIVE_VALUES = """
CREATE FUNCTION app.complete_task_and_check_stage(
    the_task varchar, the_job varchar, the_stage integer, outcome jsonb, problem text)
RETURNS TABLE (a boolean, b boolean, c varchar, d integer, e integer) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM app.tasks AS task WHERE task.task_id = the_task
                      AND task.parent_job_id = the_job AND task.stage = the_stage) THEN
        RAISE EXCEPTION 'not of this job';
    END IF;
    RETURN QUERY SELECT * FROM app.end_it(the_task, outcome, problem);
END $$
"""


def test_other_names_and_job_and_stage_among_the_values_make_no_difference(
    postgres: PostgresPlace,
) -> None:
    body = postgres.body(END)
    postgres.define(f"DROP FUNCTION app.{END}")
    postgres.define(body.replace(END, "end_it"))
    postgres.define(FIVE_VALUES)
    assert tried(trial_at(postgres))[END].correct


def test_values_that_nobody_knows_are_reported(postgres: PostgresPlace) -> None:
    postgres.define(
        "DROP FUNCTION app.advance_job_stage; CREATE FUNCTION app.advance_job_stage(a text, b text)"
        " RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    )
    function = tried(trial_at(postgres))[ADVANCE]
    assert (function.available, function.correct) == (True, None)
    assert function.not_run == ["it takes (a text, b text), and can be tried with 3 values"]


def test_a_column_that_must_be_given_is_named(place: Place) -> None:
    statement = "ALTER TABLE app.tasks ADD tenant int NOT NULL"
    place.stages.connection.execute(statement)
    try:
        trial = trial_at(place)
    finally:
        place.stages.connection.execute("ALTER TABLE app.tasks DROP COLUMN tenant")
    for function in trial.functions:
        assert function.correct is None
        assert any("tasks.tenant" in reason for reason in function.not_run), function


def test_with_read_only_nothing_is_called(place: Place) -> None:
    trial = trial_at(place, read_only=True)
    for function in trial.functions:
        assert (function.available, function.correct, function.duration_ms) == (True, None, None)
        assert "each alone: READ_ONLY is on" in function.not_run


def test_without_jobs_writable_nothing_is_committed(postgres: PostgresPlace) -> None:
    postgres.define(
        "CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'committed'; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON app.jobs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.refuse()"
    )
    trial = trial_at(postgres, is_writable=False)
    functions = tried(trial)
    assert [functions[name].correct for name in (END, ADVANCE, CHECK)] == [None, None, True]
    assert functions[END].faults == []
    assert functions[END].not_run == [
        "two callers at once: JOBS_WRITABLE is not true: nothing is committed here"
    ]


def test_a_login_that_may_only_read_is_told_so(postgres: PostgresPlace) -> None:
    role = f"reader_{urlsplit(postgres.url).path[1:]}"
    postgres.define(
        f"CREATE ROLE {role} LOGIN PASSWORD 'sesame'; GRANT USAGE ON SCHEMA app TO {role};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}"
    )
    host = urlsplit(postgres.url)
    url = f"postgresql://{role}:sesame@{host.netloc.rpartition('@')[2]}{host.path}"
    database = PostgresDatabase(parse(url), size=4, timeout_seconds=10, names=NAMES)
    try:
        with closing(database):
            trial = trials_at(database, is_writable=False).try_functions(fresh=True).value
    finally:
        postgres.define(f"DROP OWNED BY {role}; DROP ROLE {role}")
    for function in trial.functions:
        assert (function.available, function.correct) == (True, None)
        assert any("may not add rows" in reason for reason in function.not_run)


FIELD = """
CREATE SCHEMA work;
CREATE TABLE work.jobs (
    job_id varchar(64) PRIMARY KEY, job_type varchar(50) NOT NULL, status varchar(20) NOT NULL,
    stage integer NOT NULL, total_stages integer NOT NULL CHECK (stage <= total_stages),
    parameters json NOT NULL, stage_results jsonb, result_data jsonb, owner text,
    created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
CREATE TABLE work.tasks (
    task_id varchar(100) PRIMARY KEY, parent_job_id varchar(64) NOT NULL REFERENCES work.jobs,
    task_type varchar(50) NOT NULL, status varchar(20) NOT NULL, stage integer NOT NULL,
    task_index integer NOT NULL, parameters jsonb NOT NULL, result_data jsonb, error_details text,
    retry_count integer NOT NULL, last_pulse timestamp NOT NULL, created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL, UNIQUE (parent_job_id, stage, task_index))
"""


def test_an_earlier_systems_tables_are_tried_as_they_are(postgres: PostgresPlace) -> None:
    """Times without zone, last_pulse, a number as task_index, columns of its own, no cascade."""
    postgres.define(FIELD)
    for name in (END, ADVANCE, CHECK):
        postgres.define(postgres.body(name).replace("app.", "work."))
    names = {"schema": "work"}
    with closing(
        PostgresDatabase(parse(postgres.url), size=4, timeout_seconds=10, names=names)
    ) as database:
        trial = trials_at(database).try_functions(fresh=True).value
    assert [function.faults for function in trial.functions] == [[], [], []]
    assert [function.correct for function in trial.functions] == [True] * 3
    left = postgres.stages.connection.execute("SELECT count(*) FROM work.jobs").fetchall()
    assert left == [(0,)]


# Looking at the tables --------------------------------------------------------------------------


def leave_behind(place: Place) -> None:
    place.stages.insert(
        "jobs", {"job_id": JOB_ID, "job_type": JOB_TYPE, "status": "processing", "total_stages": 2}
    )
    place.stages.insert(
        "tasks",
        {
            "task_id": "watchkeeper-self-test-1",
            "parent_job_id": JOB_ID,
            "task_type": JOB_TYPE,
            "status": "processing",
        },
    )


def job_ids(place: Place) -> set[str]:
    rows = place.stages.connection.execute("SELECT job_id FROM app.jobs").fetchall()
    return {row[0] for row in rows}


def count(place: Place, table: str) -> int:
    rows = place.stages.connection.execute(f"SELECT COUNT(*) FROM app.{table}").fetchall()  # noqa: S608
    return int(rows[0][0])
