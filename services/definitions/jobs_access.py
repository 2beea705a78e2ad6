"""The jobs database is only read, unless JOBS_WRITABLE says otherwise: by KPIs too."""

from repositories.records.definitions import ConnectionDefinition
from repositories.records.kpis import Connection, ResultType, Rule

JOBS, JOBS_ADDRESS = "jobs", "setting:JOBS_URL"
JOBS_ARE_READ = "JOBS_WRITABLE is not true: the jobs database is only read here"


def is_unwanted_write(
    place: Connection | ConnectionDefinition, rule: Rule, *, jobs_writable: bool
) -> bool:
    is_jobs = place.name == JOBS or place.address == JOBS_ADDRESS
    return is_jobs and rule.result_type is ResultType.NON_QUERY and not jobs_writable
