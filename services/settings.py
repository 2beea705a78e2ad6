"""Everything the environment may decide, typed and checked.

Names are those of the app settings, nested by `__` and in any case. A value that is wrong is left
out and named in `problems`; its default holds, and everything else works. Of several keys only the
wrong ones are left out.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict


def _ncrontab(expression: str) -> str:
    from services import ncrontab  # its library is only needed where a schedule is set

    ncrontab.parse(expression)
    return expression


def _each_minute(expression: str) -> str:
    from services import ncrontab

    if not ncrontab.parse(expression).every_minute:
        raise ValueError("it leaves minutes out: without a heartbeat for 60 s all seems stale")
    return expression


Ncrontab = Annotated[str, AfterValidator(_ncrontab)]
EachMinute = Annotated[str, AfterValidator(_each_minute)]
Days = Annotated[int, Field(ge=1, le=36500)]
POOL_LIMIT = 32
RESOURCE_ID = r"^$|^/subscriptions/[\w-]+/resource[Gg]roups/[\w.()-]+/providers/[\w.]+/[\w/-]+$"


def _encryption_keys(keys: SecretStr | None) -> SecretStr | None:
    from services.secrets.keys import check_keys  # only needed where there are keys

    text = keys.get_secret_value().strip() if keys else ""
    if text:
        check_keys(text)
    return keys if text else None


EncryptionKeys = Annotated[SecretStr | None, AfterValidator(_encryption_keys)]


def _plain(name: str) -> str:
    return name.replace("_", "")


class Group(BaseModel):
    """The settings under one prefix; their names are the fields' without underscores."""

    model_config = ConfigDict(alias_generator=_plain, frozen=True, extra="ignore")


class KpiMonitoring(Group):
    schedule: Ncrontab = "*/10 * * * * *"
    max_parallel_kpis: Annotated[int, Field(ge=1, le=100)] = 5
    execution_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    process_only_active_kpis: bool = True
    skip_running_kpis: bool = True


class ScheduledTasks(Group):
    enabled: bool = True
    cleanup_schedule: Ncrontab = "0 0 2 * * *"
    rollup_schedule: Ncrontab = "0 5 * * * *"
    baseline_schedule: Ncrontab = "0 15 * * * *"
    historical_data_retention_days: Days = 90
    log_retention_days: Days = 30
    audit_retention_days: Days = 365
    status_history_retention_days: Days = 60


class Heartbeat(Group):
    schedule: EachMinute = "0 * * * * *"
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "watchkeeper"


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A setting whose value cannot be used, and why; the value itself is never repeated."""

    setting: str
    message: str

    def __str__(self) -> str:
        return f"setting {self.setting} is wrong: {self.message}"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    store_url: SecretStr | None = None
    jobs_url: SecretStr | None = None
    encryption_keys: EncryptionKeys = None
    jobs_schema: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] = "app"
    applicationinsights_resource_id: Annotated[str, Field(pattern=RESOURCE_ID)] = ""
    query_timeout_seconds: Annotated[float, Field(gt=0, le=230)] = 30
    cache_seconds: Annotated[float, Field(ge=0, le=3600)] = 15
    read_only: bool = False
    jobs_writable: bool = False
    python_threadpool_thread_count: Annotated[int, Field(ge=1, le=10000)] = 16
    azure_functions_environment: str = "Production"
    kpi_monitoring: KpiMonitoring = Field(KpiMonitoring(), alias="kpimonitoring")
    scheduled_tasks: ScheduledTasks = Field(ScheduledTasks(), alias="scheduledtasks")
    heartbeat: Heartbeat = Heartbeat()

    @property
    def encryption_keys_text(self) -> str:
        return self.encryption_keys.get_secret_value().strip() if self.encryption_keys else ""

    @property
    def pool_size(self) -> int:
        """Connections a pool may open: one for each thread that can ask, within reason."""
        return min(self.python_threadpool_thread_count, POOL_LIMIT)

    @classmethod
    def read(cls) -> tuple["Settings", tuple[SettingProblem, ...]]:
        """The environment's settings; never fails."""
        given = _given()
        problems = list(_unknown(os.environ))
        try:
            return cls.model_validate(given), tuple(problems)
        except ValidationError as error:
            for fault in error.errors():
                path = tuple(map(str, fault["loc"]))
                problems.append(SettingProblem(name_of(path), _reason(fault)))
                _leave_out(given, path)
        return cls.model_validate(given), tuple(problems)


class _Environment(Settings, BaseSettings):
    """The same, as pydantic-settings reads it."""

    model_config = SettingsConfigDict(env_nested_delimiter="__")


def _given() -> dict[str, Any]:
    """What the environment gives, as text; a group has no value of its own, only its members."""
    source = EnvSettingsSource(_Environment)
    groups = _groups()
    source.env_vars = {name: text for name, text in source.env_vars.items() if name not in groups}
    return source()


def _groups() -> dict[str, Group]:
    return {
        field.alias or name: field.default
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, Group)
    }


def name_of(path: tuple[str, ...]) -> str:
    """The setting's name as the documents write it: KpiMonitoring__MaxParallelKpis, STORE_URL."""
    field, *inner = _fields_of(path)
    if isinstance(Settings.model_fields[field].default, Group):
        return "__".join("".join(map(str.capitalize, part.split("_"))) for part in (field, *inner))
    return field.upper()


def _fields_of(path: tuple[str, ...]) -> Iterator[str]:
    model: type[BaseModel] = Settings
    for part in path[:2]:
        name, field = _field(model, part)
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
        else:
            return


def _field(model: type[BaseModel], alias: str) -> tuple[str, FieldInfo]:
    return next(
        (name, field)
        for name, field in model.model_fields.items()
        if alias.lower() in {name, field.alias or name}
    )


def _reason(fault: ErrorDetails) -> str:
    """pydantic's words, or those of our own check without the value that it begins with."""
    words = fault["msg"].removeprefix("Value error, ")
    return words.replace(f"'{fault['input']}'", "the expression")


def _leave_out(values: dict[str, Any], path: tuple[str, ...]) -> None:
    group = values[path[0]]
    if len(path) > 1 and isinstance(group, dict):
        group.pop(path[1], None)
    elif path == ("encryption_keys",):
        values[path[0]] = _usable_keys(group)
    else:
        values.pop(path[0], None)


def _usable_keys(text: str) -> str:
    from services.secrets.keys import good_keys

    return ",".join(good_keys(text))


def _unknown(names: Iterable[str]) -> Iterator[SettingProblem]:
    """Settings under a prefix of ours that nobody reads: most likely misspelt."""
    groups = _groups()
    for setting in sorted(names):
        prefix, _, rest = setting.lower().partition("__")
        if prefix not in groups:
            continue
        if rest not in {_plain(name) for name in type(groups[prefix]).model_fields}:
            yield SettingProblem(setting, "no such setting")
