import json
import os
from collections.abc import Callable

import pytest

from services.masking import mask_json, mask_text
from services.secrets.keys import make_key
from services.settings import POOL_LIMIT, SettingProblem, Settings

Read = Callable[..., tuple[Settings, dict[str, str]]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """The settings of an environment that holds these and nothing else, and the problems."""

    def reading(**given: str) -> tuple[Settings, dict[str, str]]:
        for name in os.environ:
            monkeypatch.delenv(name)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings, problems = Settings.read()
        return settings, {problem.setting: problem.message for problem in problems}

    return reading


def test_an_empty_environment_has_every_default(read: Read) -> None:
    settings, problems = read()
    assert problems == {}
    assert settings.store_url is None
    assert settings.jobs_url is None
    assert (settings.jobs_schema, settings.query_timeout_seconds) == ("app", 30)
    assert (settings.cache_seconds, settings.read_only) == (15, False)
    assert not settings.jobs_writable
    assert settings.azure_functions_environment == "Production"
    kpis, tasks = settings.kpi_monitoring, settings.scheduled_tasks
    assert (kpis.schedule, kpis.max_parallel_kpis) == ("*/10 * * * * *", 5)
    assert (kpis.execution_timeout_seconds, kpis.process_only_active_kpis) == (300, True)
    assert (tasks.enabled, tasks.cleanup_schedule) == (True, "0 0 2 * * *")
    assert (tasks.historical_data_retention_days, tasks.log_retention_days) == (90, 30)
    assert (tasks.status_history_retention_days, tasks.audit_retention_days) == (60, 365)
    assert settings.heartbeat.schedule == "0 * * * * *"


@pytest.mark.parametrize(
    "slow", ["0 */2 * * * *", "0 0 * * * *", "*/10 * 8-18 * * *", "0 * * * * 1"]
)
def test_a_heartbeat_that_leaves_minutes_out_is_named_and_not_taken(read: Read, slow: str) -> None:
    settings, problems = read(Heartbeat__Schedule=slow)
    assert "leaves minutes out" in problems["Heartbeat__Schedule"]
    assert settings.heartbeat.schedule == "0 * * * * *"
    settings, problems = read(Heartbeat__Schedule="*/20 * * * * *")
    assert (settings.heartbeat.schedule, problems) == ("*/20 * * * * *", {})


def test_settings_are_read_by_the_names_of_the_documents(read: Read) -> None:
    settings, problems = read(
        STORE_URL="postgresql://u:hunter2@h/db",
        JOBS_SCHEMA="work",
        QUERY_TIMEOUT_SECONDS="2.5",
        READ_ONLY="true",
        KpiMonitoring__MaxParallelKpis="7",
        KpiMonitoring__ProcessOnlyActiveKpis="false",
        ScheduledTasks__CleanupSchedule="0 30 4 * * MON",
        ScheduledTasks__HistoricalDataRetentionDays="7",
        Heartbeat__Service="watchkeeper-2",
    )
    assert problems == {}
    assert settings.store_url is not None
    assert settings.store_url.get_secret_value() == "postgresql://u:hunter2@h/db"
    assert "hunter2" not in repr(settings)
    assert (settings.jobs_schema, settings.query_timeout_seconds) == ("work", 2.5)
    assert settings.read_only
    assert settings.kpi_monitoring.max_parallel_kpis == 7
    assert not settings.kpi_monitoring.process_only_active_kpis
    assert settings.scheduled_tasks.cleanup_schedule == "0 30 4 * * MON"
    assert settings.scheduled_tasks.historical_data_retention_days == 7
    assert settings.heartbeat.service == "watchkeeper-2"


@pytest.mark.parametrize(
    "name",
    [
        "KpiMonitoring__MaxParallelKpis",
        "KPIMONITORING__MAXPARALLELKPIS",
        "kpimonitoring__maxparallelkpis",
    ],
)
def test_case_does_not_matter(read: Read, name: str) -> None:
    assert read(**{name: "9"})[0].kpi_monitoring.max_parallel_kpis == 9
    assert list(read(**{name: "0"})[1]) == ["KpiMonitoring__MaxParallelKpis"]


BAD = {
    "JOBS_SCHEMA": ("a;b", "2x", "", "a" * 64),
    "APPLICATIONINSIGHTS_RESOURCE_ID": ("my-app", "/subscriptions/x", "https://portal.azure.com"),
    "QUERY_TIMEOUT_SECONDS": ("0", "231", "nan", "soon", ""),
    "CACHE_SECONDS": ("-1", "inf"),
    "ENCRYPTION_KEYS": ("x", "hunter2,", "keyvault:https://evil.example/secrets/a"),
    "READ_ONLY": ("maybe",),
    "JOBS_WRITABLE": ("perhaps", "2"),
    "PYTHON_THREADPOOL_THREAD_COUNT": ("0", "1.5"),
    "KpiMonitoring__Schedule": ("0 0 2 ? * *", "hourly", "", '{"a":'),
    "KpiMonitoring__MaxParallelKpis": ("0", "101", "many"),
    "KpiMonitoring__ExecutionTimeoutSeconds": ("0", "3601"),
    "ScheduledTasks__Enabled": ("perhaps",),
    "ScheduledTasks__LogRetentionDays": ("0", "99999"),
    "Heartbeat__Service": ("a b", "", "-x"),
}


@pytest.mark.parametrize(("name", "value"), [(name, bad) for name in BAD for bad in BAD[name]])
def test_a_bad_value_is_named_and_leaves_everything_else_as_it_is(
    read: Read, name: str, value: str
) -> None:
    usual = {"CACHE_SECONDS": "7"} if name != "CACHE_SECONDS" else {"JOBS_SCHEMA": "work"}
    also = {**usual, "KpiMonitoring__ProcessOnlyActiveKpis": "false"}
    expected, _ = read(**also)
    settings, problems = read(**also, **{name: value})
    assert list(problems) == [name]
    assert settings == expected


def test_every_bad_value_is_named_at_once(read: Read) -> None:
    settings, problems = read(**{name: values[0] for name, values in BAD.items()})
    assert problems.keys() == BAD.keys()
    assert settings == read()[0]


def test_a_bad_schedule_tells_the_reason_and_not_the_value(read: Read) -> None:
    problems = read(KpiMonitoring__Schedule="hunter2")[1]
    reason = "the expression has 1 fields: NCRONTAB has 6, or 5 and no seconds"
    assert problems == {"KpiMonitoring__Schedule": reason}


def test_no_message_repeats_a_value(read: Read) -> None:
    for name in BAD:
        assert "hunter" not in str(read(**{name: "hunter-2 x"})[1])


def test_a_name_under_our_prefixes_that_nobody_reads_is_named(read: Read) -> None:
    settings, problems = read(
        KpiMonitoring__MaxParalelKpis="7",
        heartbeat__="x",
        Elsewhere__MaxParallelKpis="x",
        KPI="x",
    )
    assert problems == dict.fromkeys(
        ("KpiMonitoring__MaxParalelKpis", "heartbeat__"), "no such setting"
    )
    assert settings == read()[0]


@pytest.mark.parametrize("value", ["abc", "5", "", "{", '{"service": "x"}', "[1]"])
def test_a_prefix_alone_is_no_setting_and_spoils_nothing(read: Read, value: str) -> None:
    settings, problems = read(HEARTBEAT=value, KpiMonitoring=value, Heartbeat__Service="ours")
    assert problems == dict.fromkeys(("HEARTBEAT", "KpiMonitoring"), "no such setting")
    assert settings.heartbeat.service == "ours"


def test_a_pool_has_a_connection_for_each_thread_within_reason(read: Read) -> None:
    assert read(PYTHON_THREADPOOL_THREAD_COUNT="3")[0].pool_size == 3
    assert read(PYTHON_THREADPOOL_THREAD_COUNT="1000")[0].pool_size == POOL_LIMIT


def test_one_wrong_key_leaves_the_others(read: Read) -> None:
    first, second = make_key(), make_key()
    settings, problems = read(ENCRYPTION_KEYS=f"{first}, hunter2,{second},")
    assert settings.encryption_keys_text == f"{first},{second}"
    assert problems == {"ENCRYPTION_KEYS": "key 2, 4 of 4 is none: `make new-key` makes one"}


def test_what_is_said_of_a_setting_is_not_taken_for_its_value(read: Read) -> None:
    for value in BAD["ENCRYPTION_KEYS"]:
        for name, message in read(ENCRYPTION_KEYS=value)[1].items():
            said = str(SettingProblem(name, message))
            assert mask_text(said) == said
            assert mask_json(json.dumps({"setting": name, "message": message})).count(message) == 1


def test_encryption_keys_are_kept_to_themselves(read: Read) -> None:
    keys = f"{make_key()}, {make_key()}"
    settings, problems = read(ENCRYPTION_KEYS=f" {keys} ")
    assert problems == {}
    assert settings.encryption_keys_text == keys
    assert keys[:20] not in repr(settings)
    for nothing in ("", " "):
        assert read(ENCRYPTION_KEYS=nothing)[0].encryption_keys_text == ""
    reference = "keyvault:https://team.vault.azure.net/secrets/keys"
    assert read(ENCRYPTION_KEYS=reference)[0].encryption_keys_text == reference
