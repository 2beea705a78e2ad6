import pytest

from services.periods import default_jitter_seconds, shortest_period_seconds
from services.schedule_words import describe_schedule


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("1", "every second"),
        ("60", "every minute"),
        ("300", "every 5 minutes"),
        ("90", "every 90 seconds"),
        ("7200", "every 2 hours"),
        ("86400", "every day"),
        ("1209600", "every 2 weeks"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("15 * * * * *", "every minute at second 15"),
        ("0 * * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("30 2/5 * * * *", "every 5 minutes from minute 2 at second 30"),
        ("0 7,20,41 * * * *", "at minute 7, 20 and 41"),
        ("0 0 * * * *", "every hour"),
        ("0 15 * * * *", "every hour at minute 15"),
        ("0 30 */4 * * *", "every 4 hours at minute 30 (UTC)"),
        ("0 0 2 * * *", "at 02:00 (UTC)"),
        ("5 0 2 * * *", "at 02:00:05 (UTC)"),
        ("0 0 2 * * SUN", "at 02:00 on Sundays (UTC)"),
        ("0 30 8,18 * * MON-FRI", "at 08:30 and 18:30 on Mondays to Fridays (UTC)"),
        (
            "0 */15 8-17 * * 1-5",
            "every 15 minutes from 08:00 to 17:59 on Mondays to Fridays (UTC)",
        ),
        (
            "0 0 9-17 * * MON,WED",
            "every hour from 09:00 to 17:00 on Mondays and Wednesdays (UTC)",
        ),
        (
            "0 0 1,2,3,7,9,11 * * *",
            "at 01:00, 02:00, 03:00, 07:00, 09:00 and 11:00 (UTC)",
        ),
        ("0 0 0 1,15 1,7 *", "at 00:00 on day 1 and 15 of the month in January and July (UTC)"),
        ("0 0 2 1-7 * MON", "at 02:00 on day 1 to 7 of the month if that is Monday (UTC)"),
        (
            "5,35 0-9 8-17 * * *",
            "every 30 seconds from second 5 of minute 0 to 9 from 08:00 to 17:59 (UTC)",
        ),
        ("0 0 * 13 * *", "every hour on day 13 of the month (UTC)"),
    ],
)
def test_a_schedule_is_said_in_plain_words(schedule: str, words: str) -> None:
    assert describe_schedule(schedule) == words


@pytest.mark.parametrize(
    ("schedule", "seconds", "jitter"),
    [
        ("1", 1, 0),
        ("60", 60, 6),
        ("3600", 3600, 30),
        ("* * * * * *", 1, 0),
        ("*/10 * * * * *", 10, 1),
        ("0,50 * * * * *", 10, 1),
        ("0 */5 * * * *", 300, 30),
        ("0 0 8,9,23 * * *", 3600, 30),
        ("0 0 0,23 * * *", 3600, 30),
        ("0 0 2 * * SUN", 86400, 30),
        ("0 0 0 29 2 *", 86400, 30),
    ],
)
def test_how_close_together_its_slots_can_be(schedule: str, seconds: int, jitter: int) -> None:
    assert shortest_period_seconds(schedule) == seconds
    assert default_jitter_seconds(schedule) == jitter


@pytest.mark.parametrize("schedule", ["", "0", "x", "* * *", "0 0 0 31 2 *"])
def test_what_is_no_schedule_has_neither_words_nor_a_period(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        describe_schedule(schedule)
    with pytest.raises(ValueError, match=r"."):
        shortest_period_seconds(schedule)
