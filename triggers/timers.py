"""Every schedule in the app; each tick is one service call."""

from collections.abc import Callable, Mapping

import azure.functions as func

from services import Services
from services.settings import Settings
from triggers.tick import tick


def schedules(settings: Settings) -> Mapping[str, str]:
    """The timers that are switched on, with their NCRONTAB expressions."""
    always = {
        "heartbeat": settings.heartbeat.schedule,
        "run_kpi_checks": settings.kpi_monitoring.schedule,
    }
    if not settings.scheduled_tasks.enabled:
        return always
    tasks = settings.scheduled_tasks
    return {
        **always,
        "clean_up": tasks.cleanup_schedule,
        "roll_up": tasks.rollup_schedule,
        "update_baselines": tasks.baseline_schedule,
    }


def blueprint(services: Callable[[], Services], timers: Mapping[str, str]) -> func.Blueprint:
    bp = func.Blueprint()

    def add(name: str, act: Callable[[Services], object], *, alone: bool = False) -> None:
        if name not in timers:
            return

        @bp.function_name(name)
        @bp.timer_trigger(arg_name="timer", schedule=timers[name])
        def run(timer: func.TimerRequest) -> None:
            app = services()
            tick(app.timers, name, timer, lambda: act(app), alone=alone)

    add("heartbeat", _beat)
    add("run_kpi_checks", lambda app: app.kpis.run_due().summary())
    add("clean_up", lambda app: app.upkeep.clean_up(), alone=True)
    add("roll_up", lambda app: app.rollups.roll_up(), alone=True)
    add("update_baselines", lambda app: app.baselines.refresh(), alone=True)
    return bp


def _beat(app: Services) -> None:
    app.heartbeats.beat()
    app.recorder.flush()
