"""What is asked for at the same time is done in one go."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any

import pytest

from services.gathering import LATE_SECONDS, MOST_BATCHES, Gathering


class Desk:
    """Doubles numbers, once it is let go; those that are equal modulo 100 have one key."""

    def __init__(self, *, most: int = 100) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.error: Exception | None = None
        self.gathering = Gathering(self._double, key=lambda number: number % 100, most=most)

    def ask(self, *numbers: int) -> list[Awaitable[int]]:
        return [asyncio.ensure_future(self.gathering.ask(number)) for number in numbers]

    def _double(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append([*numbers])
        assert self.go.wait(5)
        if self.error is not None:
            raise self.error
        return [2 * number for number in numbers]


def on_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0.001)


async def begun(desk: Desk) -> list[Awaitable[int]]:
    """The first batch is under way."""
    asked = desk.ask(0)
    await until(lambda: desk.batches == [[0]])
    return asked


@on_a_loop
async def test_one_alone_does_not_wait_for_others() -> None:
    desk = Desk()
    desk.go.set()
    assert [await desk.gathering.ask(1), await desk.gathering.ask(2)] == [2, 4]
    assert desk.batches == [[1], [2]]


@on_a_loop
async def test_what_comes_during_a_batch_is_the_next_one() -> None:
    desk = Desk()
    asked = [*await begun(desk), *desk.ask(1, 2, 3)]
    await asyncio.sleep(0)
    desk.go.set()
    assert await asyncio.gather(*asked) == [0, 2, 4, 6]
    assert desk.batches == [[0], [1, 2, 3]]


@on_a_loop
async def test_of_those_with_one_key_the_next_waits_for_the_batch_after() -> None:
    desk = Desk()
    asked = [*await begun(desk), *desk.ask(105, 205, 6)]
    await asyncio.sleep(0)
    desk.go.set()
    assert await asyncio.gather(*asked) == [0, 210, 410, 12]
    assert desk.batches == [[0], [105, 6], [205]]


@on_a_loop
async def test_a_batch_has_at_most_so_many() -> None:
    desk = Desk(most=2)
    asked = [*await begun(desk), *desk.ask(1, 2, 3, 4, 5)]
    await asyncio.sleep(0)
    desk.go.set()
    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8, 10]
    assert desk.batches == [[0], [1, 2], [3, 4], [5]]


@on_a_loop
async def test_a_batch_that_is_late_is_not_waited_for_while_there_is_room() -> None:
    desk = Desk()
    asked = await begun(desk)
    for number in range(1, MOST_BATCHES + 2):
        asked += desk.ask(number)
        await asyncio.sleep(1.5 * LATE_SECONDS)
    assert desk.batches == [[number] for number in range(MOST_BATCHES)]
    desk.go.set()
    assert await asyncio.gather(*asked) == [2 * number for number in range(MOST_BATCHES + 2)]
    assert desk.batches[MOST_BATCHES:] == [[MOST_BATCHES, MOST_BATCHES + 1]]


@on_a_loop
async def test_where_it_fails_those_without_room_are_told_too_and_the_next_is_tried_anew() -> None:
    desk = Desk()
    desk.error = ConnectionError("away")
    asked = await begun(desk)
    for number in range(1, MOST_BATCHES + 1):
        asked += desk.ask(number)
        await asyncio.sleep(1.5 * LATE_SECONDS)
    desk.go.set()
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(error) for error in errors} == {ConnectionError}
    assert len(desk.batches) == MOST_BATCHES
    desk.error = None
    assert await desk.gathering.ask(50) == 100


@on_a_loop
async def test_an_answer_too_few_is_an_error_for_everybody() -> None:
    gathering: Gathering[int, int] = Gathering(lambda numbers: numbers[1:], key=lambda one: one)
    with pytest.raises(ValueError, match="shorter"):
        await gathering.ask(1)


@on_a_loop
async def test_one_who_no_longer_waits_holds_up_nobody() -> None:
    desk = Desk()
    first, second = *await begun(desk), *desk.ask(1)
    assert isinstance(first, asyncio.Future)
    first.cancel()
    desk.go.set()
    assert await second == 2
