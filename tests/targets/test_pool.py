import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from repositories.contracts.databases import PoolUse
from repositories.errors import Busy, LoginRefused
from repositories.pool import MAX_IDLE_SECONDS, MAX_LIFETIME_SECONDS, SURE_SECONDS, Pool
from tests.fake_clocks import FakeClock


class Line:
    """A connection of no server."""

    def __init__(self, number: int) -> None:
        self.number, self.is_closed, self.lives = number, False, True

    def close(self) -> None:
        self.is_closed = True


class Office:
    """Opens lines, and a pool of them."""

    def __init__(self, **options: Any) -> None:
        self._numbers = count(1)
        self._clock = FakeClock()
        self.looks = 0
        self.opened: list[Line] = []
        self.pool: Pool[Line] = Pool(
            self.open,
            is_alive=self.is_alive,
            clock=lambda: self._clock().timestamp(),
            **{"size": 2, "patience_seconds": 0.05, **options},
        )

    def open(self) -> Line:
        line = Line(next(self._numbers))
        self.opened.append(line)
        return line

    def is_alive(self, line: Line) -> bool:
        self.looks += 1
        return line.lives

    def move(self, *, seconds: float) -> None:
        self._clock.move(seconds=seconds)

    def use(self, seconds_later: float = 0) -> int:
        self._clock.move(seconds=seconds_later)
        with self.pool.loan() as loan:
            return loan.connection.number


def test_nothing_is_opened_before_it_is_needed_and_one_is_enough_for_one_at_a_time() -> None:
    office = Office()
    assert office.opened == []
    assert [office.use(), office.use()] == [1, 1]


def test_there_are_never_more_than_the_size() -> None:
    office = Office()
    with office.pool.loan(), office.pool.loan(), pytest.raises(Busy):
        office.use()
    assert office.use() in {1, 2}
    assert len(office.opened) == 2


def test_who_waits_gets_what_comes_back() -> None:
    office = Office(size=1, patience_seconds=5)
    numbers: list[int] = []
    with office.pool.loan():
        waiting = threading.Thread(target=lambda: numbers.append(office.use()))
        waiting.start()
    waiting.join(5)
    assert numbers == [1]


def test_a_refusal_comes_at_once_and_takes_no_place() -> None:
    def refuse() -> Line:
        raise LoginRefused

    pool = Pool(refuse, size=1, is_alive=lambda line: True, patience_seconds=0.01)
    for _ in range(3):
        with pytest.raises(LoginRefused), pool.loan():
            pass


def test_one_that_was_just_used_is_not_looked_at_and_one_that_lay_idle_is() -> None:
    office = Office()
    office.use()
    office.use()
    assert office.looks == 0
    office.use(seconds_later=SURE_SECONDS)
    assert office.looks == 1


def test_one_that_died_while_idle_is_closed_and_another_opened() -> None:
    office = Office()
    office.use()
    office.opened[0].lives = False
    assert office.use(seconds_later=SURE_SECONDS) == 2
    assert office.opened[0].is_closed


@pytest.mark.parametrize("seconds", [MAX_IDLE_SECONDS + 1, MAX_LIFETIME_SECONDS + 1])
def test_one_that_is_too_old_is_replaced(seconds: float) -> None:
    office = Office()
    office.use()
    assert office.use(seconds_later=seconds) == 2
    assert office.opened[0].is_closed


def test_what_is_no_longer_needed_is_closed_while_others_are_used() -> None:
    office = Office()
    with office.pool.loan(), office.pool.loan():
        pass
    for _ in range(3):
        office.use(seconds_later=MAX_IDLE_SECONDS / 2)
    assert sorted(line.is_closed for line in office.opened) == [False, True]


def test_after_an_error_a_connection_that_lives_stays() -> None:
    office = Office()
    with pytest.raises(ZeroDivisionError), office.pool.loan():
        raise ZeroDivisionError
    assert office.looks == 1
    assert office.use() == 1


def test_one_that_died_takes_the_idle_ones_with_it() -> None:
    office = Office()
    with office.pool.loan(), office.pool.loan():
        pass
    with office.pool.loan() as loan:
        loan.connection.lives, loan.doubtful = False, True
    assert [line.is_closed for line in office.opened] == [True, True]
    assert office.use() == 3


def test_a_closed_pool_closes_what_comes_back() -> None:
    office = Office()
    with office.pool.loan():
        office.use()
        office.pool.close()
        assert [line.is_closed for line in office.opened] == [False, True]
    assert office.opened[0].is_closed


def test_one_that_is_not_to_be_used_again_is_closed() -> None:
    office = Office()
    with office.pool.loan() as loan:
        loan.is_last = True
    assert office.opened[0].is_closed
    assert office.use() == 2


def test_what_nobody_has_used_for_too_long_is_closed_when_asked_to() -> None:
    office = Office(max_idle_seconds=60)
    with office.pool.loan(), office.pool.loan():
        pass
    office.use(seconds_later=40)
    office.move(seconds=30)
    office.pool.close_idle()
    assert sorted(line.is_closed for line in office.opened) == [False, True]
    assert office.pool.use() == PoolUse(in_use=0, idle=1, size=2)


def test_a_place_alone_counts_and_makes_room() -> None:
    office = Office(size=1)
    office.use()
    with office.pool.place():
        assert office.opened[0].is_closed
        assert office.pool.use() == PoolUse(in_use=1, idle=0, size=1)
        with pytest.raises(Busy):
            office.use()
    assert office.use() == 2


def test_a_loan_may_say_how_to_open_and_how_long_to_wait() -> None:
    office = Office(size=1, patience_seconds=60)
    own = Line(7)
    with office.pool.loan(open_connection=lambda: own) as loan:
        assert loan.connection is own
        started = time.monotonic()
        with pytest.raises(Busy), office.pool.loan(patience_seconds=0.05):
            pass
        assert time.monotonic() - started < 5


def test_an_opening_that_fails_leaves_its_place_to_who_waits() -> None:
    def refuse() -> Line:
        raise LoginRefused

    office = Office(size=1, patience_seconds=5)
    with ThreadPoolExecutor(4) as threads:
        failing = [threads.submit(borrow, office, refuse) for _ in range(20)]
        assert all(isinstance(one.exception(), LoginRefused) for one in failing)
    assert office.use() == 1


def test_many_threads_share_no_connection_and_lose_none() -> None:
    office, used = Office(size=3, patience_seconds=10), set[int]()

    def use(_: int) -> None:
        with office.pool.loan() as loan:
            assert loan.connection.number not in used
            used.add(loan.connection.number)
            time.sleep(0.0005)
            used.remove(loan.connection.number)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(use, range(600)))
    assert len(office.opened) == 3
    assert office.pool.use() == PoolUse(in_use=0, idle=3, size=3)


def borrow(office: Office, opening: Callable[[], Line]) -> None:
    with office.pool.loan(open_connection=opening):
        raise AssertionError("it cannot be opened")
