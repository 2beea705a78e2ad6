"""One computation at a time, for as long as its value is young enough."""

import gc
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from services.caching import Aged, Cache


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Computation:
    """Counts its runs; where it is gated, each waits until the gate opens."""

    def __init__(self, *, gated: bool = False) -> None:
        self.runs = 0
        self.at_once = 0
        self.most_at_once = 0
        self.begun = threading.Event()
        self.gate = threading.Event()
        self._guard = threading.Lock()
        if not gated:
            self.gate.set()

    def __call__(self) -> int:
        with self._guard:
            self.runs += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            number = self.runs
        self.begun.set()
        assert self.gate.wait(10)
        with self._guard:
            self.at_once -= 1
        return number


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return Cache(15, clock=clock)


def test_a_value_is_kept_for_so_many_seconds_and_says_how_old_it_is(
    cache: Cache, clock: Clock
) -> None:
    compute = Computation()
    assert cache.get("a", compute) == Aged(1, 0.0)
    clock.now += 14
    assert cache.get("a", compute) == Aged(1, 14.0)
    clock.now += 2
    assert cache.get("a", compute) == Aged(2, 0.0)


def test_a_value_is_as_old_as_the_beginning_of_its_computation(cache: Cache, clock: Clock) -> None:
    def slow() -> str:
        clock.now += 5
        return "seen at the beginning"

    cache.get("a", slow)
    assert cache.get("a", slow).age_seconds == 5


def test_each_key_has_its_own_value(cache: Cache) -> None:
    assert cache.get("a", lambda: 1).value == 1
    assert cache.get(("a", 2), lambda: 2).value == 2


def test_zero_seconds_keep_nothing(clock: Clock) -> None:
    cache, compute = Cache(0, clock=clock), Computation()
    values = []
    for _ in range(3):
        values.append(cache.get("a", compute).value)
        clock.now += 0.001
    assert values == [1, 2, 3]


def test_fresh_asks_anew_and_keeps_what_it_got(cache: Cache, clock: Clock) -> None:
    compute = Computation()
    cache.get("a", compute)
    clock.now += 1
    assert cache.get("a", compute, fresh=True) == Aged(2, 0.0)
    assert cache.get("a", compute).value == 2


def test_a_failure_is_not_kept(cache: Cache) -> None:
    def fail() -> int:
        raise RuntimeError("down")

    with pytest.raises(RuntimeError, match="down"):
        cache.get("a", fail)
    assert cache.get("a", lambda: 1).value == 1


def test_a_value_that_is_not_to_be_kept_is_computed_each_time(cache: Cache, clock: Clock) -> None:
    compute = Computation()
    for number in (1, 2):
        assert cache.get("a", compute, keep=lambda value: value > 2).value == number
        clock.now += 1
    assert cache.get("a", compute, keep=lambda value: value > 2).value == 3
    assert cache.get("a", compute).value == 3


def test_a_none_is_a_value_too(cache: Cache) -> None:
    runs: list[int] = []
    for _ in range(2):
        assert cache.get("a", lambda: runs.append(1)).value is None
    assert runs == [1]


def ask_at_once(
    count: int, ask: Callable[[], Aged[int]], compute: Computation
) -> list[Future[Aged[int]]]:
    """The askers' answers, all of them asked while the first computation is under way."""
    asking = threading.Semaphore(0)

    def one() -> Aged[int]:
        asking.release()
        return ask()

    with ThreadPoolExecutor(count) as threads:
        answers = [threads.submit(one)]
        assert compute.begun.wait(10)
        answers += [threads.submit(one) for _ in range(count - 1)]
        for _ in range(count):
            assert asking.acquire(timeout=10)
        time.sleep(0.05)  # from here to the cache it is a few instructions
        compute.gate.set()
    return answers


def test_threads_that_ask_together_share_one_computation() -> None:
    cache, compute = Cache(15), Computation(gated=True)
    answers = ask_at_once(16, lambda: cache.get("a", compute), compute)
    assert {answer.result().value for answer in answers} == {1}
    assert compute.runs == 1


def test_those_who_ask_fresh_meanwhile_share_the_next_computation() -> None:
    cache, compute = Cache(15), Computation(gated=True)
    answers = ask_at_once(16, lambda: cache.get("a", compute, fresh=True), compute)
    assert sorted({answer.result().value for answer in answers}) == [1, 2]
    assert (compute.runs, compute.most_at_once) == (2, 1)


def test_those_who_wait_for_what_is_not_kept_do_not_compute_one_after_another() -> None:
    cache, compute = Cache(15), Computation(gated=True)
    answers = ask_at_once(16, lambda: cache.get("a", compute, keep=lambda _: False), compute)
    assert sorted({answer.result().value for answer in answers}) == [1, 2]
    assert (compute.runs, compute.most_at_once) == (2, 1)


def test_another_key_does_not_wait() -> None:
    cache, slow = Cache(15), Computation(gated=True)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(cache.get, "slow", slow)
        assert slow.begun.wait(10)
        assert cache.get("other", lambda: 7).value == 7
        slow.gate.set()
        assert waiting.result().value == 1


def test_a_key_whose_value_is_gone_is_forgotten() -> None:
    """Keys come from requests: whoever asks for ever new ones must not fill the memory."""

    class Key:
        pass

    cache, key = Cache(60, size=1), Key()
    seen = weakref.ref(key)
    cache.get(key, int)
    del key
    assert seen() is not None
    cache.get("another", int)
    gc.collect()
    assert seen() is None
