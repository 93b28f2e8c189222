import time

import pytest
import torch

from metarec.timing import operations, seconds


def test_the_least_of_several_calls_counts_and_the_first_does_not() -> None:
    calls: list[float] = []

    def slower_at_first() -> None:
        time.sleep(0.05 if not calls else 0.005)
        calls.append(0)

    assert 0.005 <= seconds(slower_at_first, times=3) < 0.05
    assert len(calls) == 3


def test_a_single_call_is_timed_as_it_is() -> None:
    assert seconds(time.sleep, 0.01, times=1) >= 0.01


def test_operations_are_those_that_ran_and_nothing_is_said_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    found = operations(lambda x: (2 * x).sigmoid(), torch.ones(1000), times=3)
    assert {"mul", "sigmoid"} <= found.keys()
    assert min(found.values()) > 0
    assert capfd.readouterr().err == ""
