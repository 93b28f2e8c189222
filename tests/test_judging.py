"""Whatever an implementation does, the checker judges the specification and answers in its own words."""

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from autograder import CheckFailed, check, hint, judge, reveal
from autograder.exercise import Exercise, exercise
from autograder.judges import Ranked
from autograder.judging import here, judge_here, judge_on
from autograder.observing import ARGUMENTS_LABEL
from autograder.proxy import Here, Proxy, derived, flows, gradient, observed, repeated, traced
from autograder.verdict import Verdict
from solutions import actor_critic, rl2


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """The mean of `values` [N], each with its weight."""
    return float(np.sum(np.asarray(values) * weights) / np.sum(weights))


@exercise(weighted_mean, points=2, hints=["a nudge", "nearly the line"], afterword="Weights matter.")
def small(mean: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    n = int(rng.integers(2, 5))
    values, weights = np.round(rng.normal(size=n) + 3, 1), np.round(rng.uniform(0.5, 2, n), 1)
    yield "weighs each value", mean(values, weights)
    yield "divides by the sum of the weights", mean(np.ones(n), weights)


@small.mistake
def unweighted(values: np.ndarray, weights: np.ndarray) -> float:
    """It forgets the weights."""
    return float(np.mean(values))


@small.mistake
def unnormalised(values: np.ndarray, weights: np.ndarray) -> float:
    """It divides by the number of values."""
    return float(np.mean(np.asarray(values) * weights))


def verdict_on(implementation: Callable[..., Any], of: Exercise = small) -> Verdict:
    return judge_here(of, implementation)


def noisy(values: np.ndarray, weights: np.ndarray) -> float:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    warnings.warn("a warning", stacklevel=1)
    return weighted_mean(values, weights)


@pytest.mark.parametrize(
    "road",
    [
        lambda v, w: sum(a * b for a, b in zip(v, w, strict=True)) / sum(w),
        lambda v, w: np.average(v, weights=w),
        lambda v, w: np.array(np.average(v, weights=w)),
        lambda v, w: np.float32(np.average(v.astype(np.float32), weights=w.astype(np.float32))),
        lambda values, weights, extra=1: weighted_mean(values, weights),
        noisy,
    ],
)
def test_a_right_answer_by_another_road_passes(road: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    verdict = verdict_on(road)
    assert verdict.passed
    assert verdict.score == 2
    assert verdict.message == "Weights matter."
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def in_place(values: np.ndarray, weights: np.ndarray) -> float:
    values *= weights
    return float(values.sum() / weights.sum())


def raising(values: np.ndarray, weights: np.ndarray) -> float:
    raise LookupError("nothing here")


def leaving(values: np.ndarray, weights: np.ndarray) -> float:
    raise SystemExit(3)


def endless(values: np.ndarray, weights: np.ndarray) -> float:
    return endless(values, weights)


def cyclic(values: np.ndarray, weights: np.ndarray) -> list[Any]:
    held: list[Any] = []
    held.append(held)
    return held


class Pretender(float):
    """A float that calls itself equal to anything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


@pytest.mark.parametrize(
    ("implementation", "words"),
    [
        (lambda v, w: None, "Is a `return` missing?"),
        (lambda v, w: "3.0", "a string, where a number is asked for"),
        (lambda v, w: [weighted_mean(v, w)], "Its shape is (1,)"),
        (lambda v, w: v, "and should be that of a plain number"),
        (lambda v, w: math.nan, "NaN"),
        (lambda v, w: complex(1, 1), "complex"),
        (lambda v, w: (x for x in v), "generator"),
        (lambda v, w: Pretender(0.0), "gave 0"),
        (cyclic, "nested more than 16 deep"),
        (raising, "It raised LookupError: nothing here. (line"),
        (leaving, "It raised SystemExit"),
        (endless, "RecursionError"),
        (lambda v: 1.0, "must take (values, weights), and yours takes (v)"),
        (lambda: 1.0, "must take (values, weights), and yours takes ()"),
        (3, "must be a function, and it is an int"),
        (Pretender, "must be a function, and it is the class Pretender"),
    ],
)
def test_a_wrong_answer_gets_one_clear_sentence(implementation: Any, words: str) -> None:
    verdict = verdict_on(implementation)
    assert not verdict.passed
    assert verdict.score == 0
    assert words in verdict.message
    assert "autograder" not in verdict.message


def test_credit_is_the_share_of_labels_that_hold() -> None:
    verdict = verdict_on(unweighted)
    assert verdict.labels == {
        "weighs each value": False,
        "divides by the sum of the weights": True,
        ARGUMENTS_LABEL: True,
    }
    assert verdict.score == pytest.approx(4 / 3, abs=1e-3)
    assert verdict.diagnosis == "unweighted"
    assert "It forgets the weights." in verdict.message


def test_changing_an_argument_is_seen_and_named() -> None:
    verdict = verdict_on(in_place)
    assert [label for label, held in verdict.labels.items() if not held] == [ARGUMENTS_LABEL]
    assert verdict.diagnosis == "changes_its_arguments"
    assert "Afterwards values was no longer what it had been" in verdict.message


def test_a_stub_gets_no_credit_for_leaving_its_arguments_alone() -> None:
    def stub(values: np.ndarray, weights: np.ndarray) -> float:
        raise NotImplementedError

    verdict = verdict_on(stub)
    assert verdict.score == 0
    assert not any(verdict.labels.values())
    assert "not written yet" in verdict.message


def test_equal_seeds_give_equal_verdicts_and_other_seeds_other_inputs() -> None:
    first, again = judge_here(small, unweighted, seed=1), judge_here(small, unweighted, seed=1)
    other = judge_here(small, unweighted, seed=2)
    assert first.message == again.message
    assert first.message != other.message


def test_the_smallest_input_is_shown() -> None:
    shown = verdict_on(unweighted).evidence
    assert shown is not None
    # values and weights of two entries each are the smallest that the trial makes
    assert shown.given.count(",") == 3


def test_a_fault_fails_its_own_label_and_no_other() -> None:
    def fails_on_ones(values: np.ndarray, weights: np.ndarray) -> float:
        if (values == 1).all():
            raise ZeroDivisionError
        return weighted_mean(values, weights)

    labels = verdict_on(fails_on_ones).labels
    assert labels["weighs each value"]
    assert not labels["divides by the sum of the weights"]


class Counter:
    """Counts."""

    def __init__(self, start: int) -> None:
        self.count = start

    def add(self, steps: int) -> int:
        self.count += steps
        return self.count

    def __len__(self) -> int:
        return self.count


@exercise(Counter, points=1, hints=["one", "two"])
def counting(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    counter = make(2)
    yield "adds", counter.add(int(rng.integers(1, 5)))
    yield "keeps its count", counter.count
    yield "has a length", derived(len, counter)


def test_a_class_is_reached_through_its_methods_and_attributes() -> None:
    class Forgets(Counter):
        def add(self, steps: int) -> int:
            return self.count + steps

    assert judge_here(counting, Counter).passed
    labels = judge_here(counting, Forgets).labels
    assert labels == {"adds": True, "keeps its count": False, "has a length": False}


def test_a_class_whose_methods_are_missing_fails_their_labels_alone() -> None:
    class Bare:
        def __init__(self, start: int) -> None:
            self.count = start

        def __len__(self) -> int:
            return self.count

    labels = judge_here(counting, Bare).labels
    assert not labels["adds"]


def noisy_step(table: list[float], rng: np.random.Generator) -> float:
    """Draws into a table."""
    table[0] = rng.random()
    return table[0]


def test_a_list_passes_for_a_tuple_or_for_a_table_where_gradients_are_asked_for() -> None:
    def pair(logits: torch.Tensor, actions: torch.Tensor) -> list[torch.Tensor]:
        return list(actor_critic.log_prob_and_entropy(logits, actions))

    def rows(hidden: torch.Tensor, episode_ended: torch.Tensor, trial_ended: torch.Tensor) -> list[torch.Tensor]:
        return list(rl2.carry_hidden(hidden, episode_ended, trial_ended))

    assert judge(pair, name="log_prob_and_entropy").passed
    assert judge(rows, name="carry_hidden").passed


def test_the_same_check_of_a_network_begins_with_the_same_weights_and_disturbs_no_generator() -> None:
    weights: list[float] = []

    @exercise(torch.nn.Linear, points=1, hints=["one", "two"])
    def one_layer(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        weights.append(float(make(1, 1).state_dict()["weight"].item()))
        yield "has one weight", derived(len, make(1, 1).state_dict()["weight"])

    before = torch.random.get_rng_state()
    judge_here(one_layer, torch.nn.Linear, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    first = set(weights)
    assert len(first) > 1
    torch.rand(1)
    judge_here(one_layer, torch.nn.Linear, seed=1)
    assert set(weights) == first
    judge_here(one_layer, torch.nn.Linear, seed=2)
    assert set(weights) != first


def test_what_a_call_leaves_behind_is_observed_and_inputs_depend_on_nobodys_draws() -> None:
    inputs: list[float] = []

    @exercise(noisy_step, points=1, hints=["one", "two"], in_place=("table",))
    def drawing(step: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        table = [0.5]
        seen = observed(step, table, rng)
        assert table == [0.5]
        inputs.append(float(rng.random()))
        yield "leaves its draw in the table", derived(lambda left, result: left[0] == result, seen.left[0], seen.result)
        yield "draws anew each time", derived(lambda drawn: len(set(drawn)), repeated(step, 3, table, rng))

    def greedy_drawer(table: list[float], rng: np.random.Generator) -> float:
        rng.random(100)
        return noisy_step(table, rng)

    assert judge_here(drawing, noisy_step).passed
    seen_so_far = set(inputs)
    assert judge_here(drawing, greedy_drawer).passed
    assert set(inputs) == seen_so_far


def test_gradients_and_traces_are_taken_beside_the_implementation() -> None:
    def scaled(x: Any) -> Any:
        return 2 * x

    @exercise(scaled, points=1, hints=["one", "two"])
    def scaling(scale: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        x = torch.as_tensor(rng.normal(size=3))
        yield "is twice as much", scale(x)
        yield "lets the gradient through", gradient(scale, x)
        trace = traced(scale, x)
        yield "stays on its device", derived(lambda t: t["devices"], trace)

    def pair(x: Any) -> Any:
        return x.detach(), 3 * x

    assert not np.any(gradient(Proxy(Here(), pair, "pair", []), torch.ones(2), of=0))
    assert np.all(gradient(Proxy(Here(), pair, "pair", []), torch.ones(2), of=1))

    assert [flows(Proxy(Here(), pair, "pair", []), torch.ones(2), of=of) for of in (0, 1)] == [False, True]
    assert flows(Proxy(Here(), lambda x: (x - 1).sqrt() * 0, "nan", []), torch.ones(2)) is False

    def cut(x: Any) -> Any:
        return (2 * x).detach()

    def looks(x: Any) -> Any:
        return 2 * x if x.sum().item() > -math.inf else x

    assert judge_here(scaling, scaled).passed
    assert judge_here(scaling, cut).labels["lets the gradient through"] is False
    assert judge_here(scaling, looks).labels["stays on its device"] is False


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (3, "it got the number 3"),
        ("text", "it got a str"),
        (lambda: 0, "A lambda has no name"),
        (noisy, "There is no exercise named noisy"),
        (None, "it got a NoneType"),
    ],
)
def test_check_of_what_is_no_exercise_says_so(asked: Any, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed, match=words):
        check(asked)
    captured = capsys.readouterr()
    assert words in captured.out
    assert captured.err == ""


def click_through_rate(clicks: int, impressions: int) -> float:
    return clicks / impressions if impressions else 0.0


def test_check_shows_a_card_and_raises_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(click_through_rate)
    assert "\n" not in str(caught.value)
    out = capsys.readouterr().out
    assert "✗ fails  is NaN where nothing was shown" in out
    assert "✓ holds  is the share of impressions that were clicked" in out
    assert "Diagnosis" in out


def test_check_returns_points_and_never_raises_while_nbgrader_grades(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check(click_through_rate) == 0.75
    assert check(3) == 0.0
    assert check(judge) == 0.0
    assert capsys.readouterr().err == ""


def test_judge_of_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        judge(noisy)
    with pytest.raises(KeyError):
        judge(click_through_rate, name="no_such_exercise")


def test_hints_go_from_one_to_the_next_and_reveal_shows_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    hint(click_through_rate)
    assert "Hint 1 of 3" in capsys.readouterr().out
    hint("click_through_rate")
    assert "Hint 2 of 3" in capsys.readouterr().out
    hint("click_through_rate")
    hint("click_through_rate")
    assert "reveal(click_through_rate)" in capsys.readouterr().out
    reveal(click_through_rate)
    assert "def click_through_rate" in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="Did you mean hint\\('click_through_rate'\\)"):
        hint("clickthrough_rate")


def test_the_card_says_right_and_wrong_in_words_and_escapes_what_it_shows() -> None:
    verdict = verdict_on(lambda v, w: "<script>alert(1)</script>")
    html = verdict._repr_mimebundle_()["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "✗</span> fails" in html
    assert 'role="status"' in html


@exercise(weighted_mean, points=1, hints=["a nudge"], trains=True)
def ranked(mean: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    level = float(rng.uniform(0, 1))
    yield "is the value itself where all are equal", mean(np.ones(2), np.ones(2))
    score = mean(np.full(2, level), np.ones(2))
    for threshold in (0.0, 2.0):
        yield f"scores {threshold} or more", score, Ranked(threshold)


def levels(seeds: list[int]) -> list[float]:
    alone = [judge_on(ranked, here, weighted_mean, [seed]).reached for seed in seeds]
    assert len(set(alone)) == len(seeds)
    return [level for level in alone if level is not None]


def test_what_was_reached_is_the_mean_over_the_seeds_whatever_passed() -> None:
    seeds = [3, 4, 5]
    verdict = judge_on(ranked, here, weighted_mean, seeds)
    assert verdict.reached == pytest.approx(np.mean(levels(seeds)))
    assert not verdict.passed
    assert verdict.measured == {
        f"scores {threshold} or more": f"scored {levels(seeds)[0]:.2f}" for threshold in (0.0, 2.0)
    }
    # two of three decide, and then nothing more is trained
    assert judge_on(ranked, here, weighted_mean, seeds, needed_trained=2).reached == pytest.approx(
        np.mean(levels(seeds[:2]))
    )


def test_whoever_cannot_act_on_a_seed_reaches_nothing_there() -> None:
    seeds = [3, 4]
    failing_on = levels(seeds)[1]

    def sometimes(values: np.ndarray, weights: np.ndarray) -> float:
        if math.isclose(values[0], failing_on):
            raise RuntimeError("out of memory")
        return float(values.mean())

    assert judge_on(ranked, here, sometimes, seeds).reached == pytest.approx(levels(seeds)[0] / 2)
    for useless in (lambda values, weights: values, lambda values, weights: math.nan, lambda values, weights: "0.9"):
        verdict = judge_on(ranked, here, useless, seeds)
        assert (verdict.reached, verdict.measured) == (None, {})
    assert judge_on(small, here, weighted_mean, seeds).reached is None
