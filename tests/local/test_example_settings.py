import json
from pathlib import Path

import pytest

from services.settings import Settings

REPO = Path(__file__).resolve().parents[2]


def values() -> dict[str, str]:
    document = json.loads((REPO / "local.settings.example.json").read_text())
    assert document["IsEncrypted"] is False
    return dict(document["Values"])


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values().items():
        monkeypatch.setenv(name, value)
    settings, problems = Settings.read()
    assert problems == ()
    shown = settings.model_copy(update={"store_url": None, "jobs_url": None})
    assert shown == Settings()


def test_no_value_of_the_example_is_a_secret() -> None:
    assert not any("://" in value for value in values().values())
