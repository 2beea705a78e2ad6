"""Rows of every kind, with a secret in every text and JSON that rows may hold."""

import itertools
import json

import psycopg

JOB = "0123456789abcdef" * 4
KPI = "failed_jobs"
SERVICE = "watchkeeper"
DEAD_LETTER = "00000000-0000-4000-8000-000000000001"
WORKER = "00000000-0000-4000-8000-000000000002"
PLACES = {
    "job_id": JOB,
    "name": KPI,
    "service": SERVICE,
    "fingerprint": "0" * 16,
    "dead_letter_id": DEAD_LETTER,
    "worker_id": WORKER,
}
"""What stands in paths, by the parameter's name."""

_numbers = itertools.count(1)
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.{}"
_FORMS = (
    "cannot connect: host=db user=me password={} dbname=x",
    "postgresql://me:{}@db.example:5432/store is away",
    "Server=tcp:db,1433;User Id=sa;Password={};Encrypt=yes",
    "https://a.blob.core.windows.net/c/f.tif?sv=2022&sig={}&se=2026",
    "AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    'refused: {{"token": "{}", "code": 7}}',
    "Authorization: Bearer {}",
    "called with " + _JWT,
    "ALTER ROLE me PASSWORD '{}'",
)


class Secrets:
    """Makes secrets and remembers them."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def word(self) -> str:
        self.planted.append(f"hunter{next(_numbers):06}sesame")
        return self.planted[-1]

    def text(self) -> str:
        """A secret in each form, one a line: an error and what led to it."""
        lines = [form.format(self.word()) for form in _FORMS]
        return "\n".join(["ValueError: it failed", *lines])

    def long(self, length: int, shift: int) -> str:
        """One address after the other, so that whoever cuts it is likely to cut a secret."""
        lines = ["ValueError: " + "x" * shift]
        while sum(map(len, lines)) < length:
            lines.append(f"postgresql://me:{self.word()}@db/x")
        return " ".join(lines)

    def short(self) -> str:
        return f"pwd={self.word()}"

    def document(self) -> str:
        return json.dumps(
            {
                "path": "/data/a.tif",
                "error": self.text(),
                "password": self.word(),
                "api_key": [self.word(), {"x": self.word()}],
                "inner": {"connection_string": self.word(), "text": self.text()},
                "as_text": json.dumps({"secret": self.word()}),
                "number": 7,
            }
        )


def plant(url: str, secrets: Secrets) -> None:
    """One job that failed, one that runs and one that is stuck; KPIs, services, dead letters."""
    with psycopg.connect(url, autocommit=True) as connection:
        for job_id, status, hours in (
            (JOB, "failed", 1),
            ("a" * 64, "processing", 2),
            ("b" * 64, "completed", 30),
        ):
            _plant_job(connection, secrets, job_id, status, hours)
        _plant_long_errors(connection, secrets)
        _plant_kpi(connection, secrets)
        _plant_rest(connection, secrets)


def _plant_job(
    connection: psycopg.Connection, secrets: Secrets, job_id: str, status: str, hours: int
) -> None:
    connection.execute(
        "INSERT INTO app.jobs (job_id, job_type, status, stage, total_stages, parameters,"
        " stage_results, result_data, error_details, created_at, updated_at)"
        " VALUES (%s, 'count_lines', %s, 2, 2, %s, %s, %s, %s,"
        " now() - %s * interval '1 hour', now() - %s * interval '50 minutes')",
        [
            *(job_id, status, secrets.document(), json.dumps({"1": secrets.text()})),
            *(secrets.document(), secrets.text(), hours, hours),
        ],
    )
    states = ("completed", "completed", "failed", "failed", "processing", "queued")
    for number, state in enumerate(states):
        connection.execute(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, stage, task_index,"
            " parameters, result_data, error_details, retry_count, heartbeat, created_at,"
            " updated_at, started_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now() - %s * interval '59 minutes',"
            " now() - %s * interval '1 hour', now() - %s * interval '55 minutes',"
            " now() - %s * interval '59 minutes')",
            [
                *(f"{job_id[:4]}-{number}", job_id, secrets.short(), state, 1 + number // 3),
                *(secrets.short(), secrets.document(), secrets.document()),
                *(secrets.text() if state == "failed" else None, number % 4, *[hours] * 4),
            ],
        )


def _plant_long_errors(connection: psycopg.Connection, secrets: Secrets) -> None:
    for shift in range(0, 42, 6):
        connection.execute(
            "INSERT INTO app.tasks (task_id, parent_job_id, task_type, status, stage,"
            " error_details, retry_count, updated_at)"
            " VALUES (%s, %s, 'long', 'failed', 2, %s, 5, now() - interval '40 minutes')",
            [f"long-{shift}", JOB, secrets.long(70_000 if shift == 6 else 6000, shift)],
        )


def _plant_kpi(connection: psycopg.Connection, secrets: Secrets) -> None:
    connection.execute(
        "INSERT INTO monitoring.database_connections (connection_name, provider,"
        " connection_string, environment, tags, created_by, modified_by)"
        " VALUES (%s, 'PostgreSQL', %s, 'test', %s, 'me', 'me')",
        [KPI, f"postgresql://me:{secrets.word()}@127.0.0.1:1/nowhere", secrets.short()],
    )
    connection.execute(
        "INSERT INTO monitoring.database_queries (query_name, description, sql_query, created_by,"
        " modified_by) VALUES (%s, %s, %s, 'me', 'me')",
        [KPI, secrets.text(), f"SELECT 1 -- password={secrets.word()}"],
    )
    connection.execute(
        "INSERT INTO monitoring.indicators (indicator_name, description, connection_id, query_id,"
        " owner, created_by, modified_by)"
        " SELECT %s, %s, connection_id, query_id, %s, 'me', 'me'"
        "   FROM monitoring.database_connections, monitoring.database_queries"
        "  WHERE connection_name = %s AND query_name = %s",
        [KPI, secrets.text(), secrets.short(), KPI, KPI],
    )
    for minutes in (5, 65):
        connection.execute(
            "INSERT INTO monitoring.database_monitoring_results (indicator_id, slot_at,"
            " executed_at, status, value_text, message, error_type, duration_ms, details,"
            " environment, provider)"
            " SELECT indicator_id, now() - %s * interval '1 minute',"
            " now() - %s * interval '1 minute', 'Error', %s, %s, 'Unavailable', 12.5, %s, 'test',"
            " 'PostgreSQL' FROM monitoring.indicators WHERE indicator_name = %s",
            [minutes, minutes, secrets.text(), secrets.text(), secrets.document(), KPI],
        )


def _plant_rest(connection: psycopg.Connection, secrets: Secrets) -> None:
    connection.execute(
        "INSERT INTO monitoring.system_status (service_name, status, current_task, last_heartbeat,"
        " due_at) VALUES (%s, 'running', %s, now(), now() + interval '3 minutes')",
        [SERVICE, secrets.text()],
    )
    connection.execute(
        "INSERT INTO monitoring.dead_letter_queue (job_id, event_data, error, metadata)"
        " VALUES (%s, %s, %s, %s)",
        [JOB, secrets.document(), secrets.text(), secrets.document()],
    )
    connection.execute(
        "INSERT INTO monitoring.dead_letter_queue (dead_letter_id, job_id, fingerprint,"
        " event_data, error, error_type, metadata)"
        " VALUES (%s, %s, %s, %s, %s, 'connection_lost', %s)",
        [
            *(DEAD_LETTER, f"kpi:{KPI}", "0" * 16, secrets.document(), secrets.text()),
            secrets.document(),
        ],
    )
    connection.execute(
        "INSERT INTO monitoring.worker_instances (worker_instance_id, worker_name, machine_name,"
        " process_id, version, environment, configuration, tags)"
        " VALUES (%s, %s, 'm', 7, '1', 'test', %s, %s)",
        [WORKER, secrets.short(), secrets.document(), secrets.short()],
    )
    connection.execute(
        "INSERT INTO monitoring.worker_jobs (worker_instance_id, job_type, job_name, status,"
        " result_message, error_message, completed_at)"
        " VALUES (%s, 'DatabaseMonitoring', %s, 'Failed', %s, %s, now())",
        [WORKER, secrets.short(), secrets.text(), secrets.text()],
    )
    connection.execute(
        "INSERT INTO monitoring.task_retries (retry_id, job_id, task_id, task_type, stage,"
        " error_details, retry_count, failed_at, actor, reason)"
        " VALUES (gen_random_uuid(), %s, %s, %s, 2, %s, 1, now() - interval '2 hours', %s, %s)",
        [JOB, f"{JOB[:4]}-3", secrets.short(), secrets.text(), secrets.short(), secrets.short()],
    )
