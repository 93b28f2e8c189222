"""The bank of mistakes tests the checker, and the checker the bank: over every exercise of every lesson."""

from collections import Counter
from typing import Any

import pytest

from autograder import exercises, judge, judging
from autograder.exercise import Exercise, Implementation
from autograder.judges import is_costly, is_trained
from autograder.judging import judge_here
from autograder.observing import ARGUMENTS_LABEL, outline

ALL = exercises()
QUICK = [exercise for exercise in ALL if not exercise.trains]
each = pytest.mark.parametrize("exercise", ALL, ids=lambda e: f"{e.lesson}/{e.name}")
each_quick = pytest.mark.parametrize("exercise", QUICK, ids=lambda e: f"{e.lesson}/{e.name}")


def test_names_are_unique_since_check_finds_exercises_by_them() -> None:
    assert max(Counter(exercise.name for exercise in ALL).values()) == 1


@each
def test_an_exercise_carries_what_a_learner_needs(exercise: Exercise) -> None:
    assert exercise.points > 0
    assert 1 <= exercise.minutes <= 60
    assert len(exercise.hints) >= 2
    assert exercise.afterword
    assert exercise.reference.__doc__
    assert len(exercise.mistakes) >= 3


@each
def test_mistakes_have_names_of_their_own(exercise: Exercise) -> None:
    names = [mistake.__name__ for mistake in exercise.mistakes]
    assert len(set(names)) == len(names)
    assert exercise.name not in names


@each_quick
def test_the_reference_holds_every_label_on_twenty_seeds(exercise: Exercise) -> None:
    for seed in range(20):
        verdict = judge(exercise.reference, seed=seed)
        assert verdict.passed, verdict.message
        assert verdict.score == verdict.points == exercise.points


@each_quick
def test_every_mistake_fails_and_is_diagnosed_as_itself(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        for mistake in exercise.mistakes:
            verdict = judge(mistake, seed=seed, name=exercise.name)
            assert not verdict.passed, f"{mistake.__name__} passes"
            assert verdict.score < verdict.points
            assert verdict.diagnosis == mistake.__name__, verdict.message
        # the search for a small input takes most of the time, and once it has been seen
        monkeypatch.setattr(judging, "SEARCH_ROUNDS", 0)


@each
def test_a_stub_earns_nothing(exercise: Exercise) -> None:
    def stub(*arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError

    class Stub:
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            raise NotImplementedError

    verdict = judge(Stub if isinstance(exercise.reference, type) else stub, name=exercise.name)
    assert verdict.score == 0
    assert not any(verdict.labels.values())
    assert "not written yet" in verdict.message


@each_quick
def test_every_label_is_failed_by_some_mistake(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "SEARCH_ROUNDS", 0)
    verdicts = [judge(mistake, name=exercise.name) for mistake in exercise.mistakes]
    for label in verdicts[0].labels:
        assert any(not verdict.labels[label] for verdict in verdicts), label


TRAINING = [exercise for exercise in ALL if exercise.trains]
each_training = pytest.mark.parametrize("exercise", TRAINING, ids=lambda e: f"{e.lesson}/{e.name}")
EACH_TRAINED_MISTAKE = [(exercise, mistake) for exercise in TRAINING for mistake in exercise.mistakes]


@each
def test_what_is_costly_comes_last_since_most_rounds_stop_before_it_and_what_trains_says_so(exercise: Exercise) -> None:
    costly = [is_costly(o.judge) for o in outline(exercise, 0).values() if o.label != ARGUMENTS_LABEL]
    assert costly == sorted(costly)
    assert any(is_trained(o.judge) for o in outline(exercise, 0).values()) == exercise.trains


@pytest.mark.slow
@each_training
def test_the_reference_of_a_training_exercise_passes(exercise: Exercise) -> None:
    verdict = judge(exercise.reference, seed=1)
    assert verdict.passed, verdict.message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exercise", "mistake"), EACH_TRAINED_MISTAKE, ids=[f"{e.name}/{m.__name__}" for e, m in EACH_TRAINED_MISTAKE]
)
def test_every_mistake_in_training_fails_and_is_diagnosed_as_itself_before_any_training(
    exercise: Exercise, mistake: Implementation
) -> None:
    verdict = judge_here(exercise, mistake, seed=2, trained=False)
    assert not verdict.passed
    assert verdict.diagnosis == mistake.__name__, verdict.message
