import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.host import Host, Options
from tests.devhost.client import Client, Serve, WriteApp

TIMER = """
import json, time
runs = []

@app.timer_trigger(arg_name="timer", schedule="{schedule}", {more})
def tick(timer: func.TimerRequest) -> None:
    runs.append((timer.past_due, timer.schedule_status, timer.schedule))
    {body}

@app.route("runs")
def show(req: func.HttpRequest) -> str:
    return json.dumps(runs)
"""
NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
Start = Callable[..., "Running"]


class Running:
    """A host whose timers tick, on a clock that starts at `now` and can be put forward."""

    def __init__(self, folder: Path, serve: Serve, now: datetime) -> None:
        self._began, self._origin = time.monotonic(), now
        self.host = Host(Options(app_dir=folder), clock=self.now)
        self.client: Client = serve(self.host)
        self.client.wait_for(self.host.start())

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=time.monotonic() - self._began)

    def runs(self) -> list[tuple[bool, dict[str, str], dict[str, Any]]]:
        return [tuple(run) for run in self.client.get("/api/runs").json()]

    def runs_after(self, seconds: float) -> list[tuple[bool, dict[str, str], dict[str, Any]]]:
        time.sleep(seconds)
        return self.runs()

    def first_runs(self, count: int) -> list[tuple[bool, dict[str, str], dict[str, Any]]]:
        """The runs, as soon as there are so many; however busy the machine is."""
        deadline = time.monotonic() + 10
        while len(self.runs()) < count:
            assert time.monotonic() < deadline, f"not {count} runs within 10 s"
            time.sleep(0.02)
        return self.runs()

    def stop(self) -> None:
        self.client.wait_for(self.host.stop())


@pytest.fixture
def start(write_app: WriteApp, serve: Serve) -> Iterator[Start]:
    started: list[Running] = []

    def start_at(
        now: datetime, schedule: str, more: str = "", body: str = "pass", **files: Any
    ) -> Running:
        folder = write_app(TIMER.format(schedule=schedule, more=more, body=body), **files)
        started.append(Running(folder, serve, now))
        return started[-1]

    yield start_at
    for running in started:
        running.stop()


def test_a_timer_runs_when_its_schedule_says(start: Start) -> None:
    running = start(NOON + timedelta(seconds=29.9), "0 * * * * *")
    assert running.runs() == []
    (run,) = running.first_runs(1)
    assert run[0] is False
    assert run[1] == {
        "Last": "0001-01-01T00:00:00+00:00",
        "Next": "2026-03-01T12:01:00+00:00",
        "LastUpdated": run[1]["LastUpdated"],
    }
    assert run[2] == {"AdjustForDST": True}


def test_a_timer_runs_on_startup_if_it_says_so(start: Start) -> None:
    running = start(NOON, "0 0 0 1 1 *", "run_on_startup=True")
    assert [run[0] for run in running.first_runs(1)] == [False]


def test_a_timer_below_a_minute_has_no_status(start: Start) -> None:
    running = start(NOON + timedelta(seconds=0.9), "* * * * * *")
    assert running.first_runs(1)[:1] == [(False, {}, {"AdjustForDST": True})]
    assert not list((running.host.folder / ".local").rglob("tick.json"))


def test_runs_never_overlap_and_an_overrun_is_caught_up_once(start: Start) -> None:
    running = start(NOON + timedelta(seconds=0.9), "* * * * * *", body="time.sleep(1.6)")
    # Due at 1, 2, 3, …: runs from 1.0 to 2.6, from 2.6 (for 2) to 4.2.
    assert len(running.runs_after(0.8)) == 1
    assert len(running.first_runs(2)) == 2


def test_a_missed_run_arrives_past_due_once(start: Start) -> None:
    first = start(NOON, "0 0 * * * *")
    first.stop()
    late = start(NOON + timedelta(hours=3), "0 0 * * * *")
    (run,) = late.first_runs(1)
    assert run[0] is True
    assert run[1]["Next"] == "2026-03-01T13:00:00+00:00"
    late.stop()
    again = start(NOON + timedelta(hours=3, minutes=5), "0 0 * * * *")
    assert again.runs_after(0.1) == []


def test_a_changed_schedule_is_not_past_due(start: Start) -> None:
    start(NOON, "0 0 * * * *").stop()
    assert start(NOON + timedelta(hours=3), "0 30 * * * *").runs_after(0.1) == []


def test_a_timer_that_is_not_monitored_is_never_past_due(start: Start) -> None:
    start(NOON, "0 0 * * * *", "use_monitor=False").stop()
    late = start(NOON + timedelta(hours=3), "0 0 * * * *", "use_monitor=False")
    assert late.runs_after(0.1) == []


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"Last": "x", "Next": "y", "LastUpdated": "z"}'])
def test_a_timer_begins_anew_where_its_state_is_unreadable(start: Start, kept: str) -> None:
    running = start(NOON, "0 0 * * * *")
    running.stop()
    (state,) = (running.host.folder / ".local").rglob("tick.json")
    state.write_text(kept)
    assert start(NOON + timedelta(hours=3), "0 0 * * * *").runs_after(0.1) == []
    assert json.loads(state.read_text())["Next"] == "2026-03-01T16:00:00+00:00"


def test_a_disabled_timer_is_not_scheduled_but_can_be_fired(start: Start) -> None:
    values = {"AzureWebJobs.tick.Disabled": "true"}
    running = start(NOON, "0 0 * * * *", "run_on_startup=True", values=values)
    assert running.runs_after(0.1) == []
    assert running.client.post("/admin/functions/tick").status_code == 202
    assert len(running.first_runs(1)) == 1


def test_a_timer_is_fired_by_name_in_any_case(start: Start) -> None:
    running = start(NOON, "0 0 * * * *")
    response = running.client.post("/admin/functions/TICK", json={"input": ""})
    assert (response.status_code, response.content) == (202, b"")
    (run,) = running.runs_after(0.1)
    assert run[:1] == (False,)
    assert run[1]["Next"] == "2026-03-01T13:00:00+00:00"
    assert running.client.post("/admin/functions/tock").status_code == 404
    assert running.client.post("/admin/functions/show").status_code == 400


def test_a_period_is_a_schedule_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Every", "00:00:01")
    assert len(start(NOON, "%Every%").runs_after(1.15)) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 1", "returned a non-None value"),
        ("raise LookupError('inner')", "LookupError: inner"),
    ],
)
def test_a_timer_that_fails_is_logged_and_goes_on(
    start: Start, body: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    running = start(NOON + timedelta(seconds=0.9), "* * * * * *", body=body)
    assert len(running.runs_after(1.25)) == 2
    assert reason in caplog.text
    assert "Executed 'Functions.tick' (Failed" in caplog.text


def test_the_list_of_functions_says_when_a_timer_runs_next(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = start(NOON, "0 0 * * * *")
    time.sleep(0.05)
    assert running.client.get("/admin/functions").json() == [
        {
            "name": "show",
            "trigger": "http",
            "route": "api/runs",
            "methods": None,
            "auth_level": "function",
            "disabled": False,
            "errors": [],
        },
        {
            "name": "tick",
            "trigger": "timer",
            "schedule": "0 0 * * * *",
            "next": "2026-03-01T13:00:00+00:00",
            "disabled": False,
            "errors": [],
        },
    ]
    assert running.client.get("/admin/functions/tick").json()["name"] == "tick"
    assert running.client.get("/admin/functions/tock").status_code == 404
    assert running.client.get("/admin/host/status").json()["state"] == "Running"
