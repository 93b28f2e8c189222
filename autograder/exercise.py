"""An exercise, said once: a reference, a trial that observes any implementation, and the mistakes people make in it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograder.beside import is_mutable_data, is_tensor
from autograder.proxy import derived

Judge = Callable[[Any, Any], bool]
Trial = Callable[[Any, np.random.Generator], Iterator[tuple[Any, ...]]]
Implementation = Callable[..., Any]


@dataclasses.dataclass(eq=False)
class Exercise:
    """What a learner is asked to write, and everything that the course knows about it.

    `trial(implementation, rng)` yields `(label, observation)` or `(label, observation, judge)`; `minutes` is the time
    that it takes a learner; `in_place` names the arguments that may change; an exercise that `trains` may take 40 s.
    """

    reference: Implementation
    trial: Trial
    points: float
    minutes: int
    hints: Sequence[str]
    afterword: str
    in_place: tuple[str, ...] = ()
    trains: bool = False
    is_quiz: bool = False
    mistakes: list[Implementation] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the reference, which the learner's implementation bears too."""
        return self.reference.__name__

    @property
    def lesson(self) -> str:
        """The slug of the lesson, "q_learning"."""
        return self.reference.__module__.rpartition(".")[2]

    def mistake(self, implementation: Implementation) -> Implementation:
        """Add a known mistake: executable, and its docstring is the diagnosis."""
        if not inspect.getdoc(implementation):
            raise ValueError(f"mistake {implementation.__name__} of {self.name} needs a docstring: it is the diagnosis")
        self.mistakes.append(implementation)
        return implementation

    @property
    def guards_arguments(self) -> bool:
        """Whether a function takes data that it must leave as it was: then that is one of its labels."""
        if self.trains or not inspect.isfunction(self.reference):
            return False
        parameters = inspect.signature(self.reference).parameters.values()
        return any(_is_data(str(p.annotation)) for p in parameters if p.name not in self.in_place)

    def parameters(self) -> list[str]:
        """The names of the reference's parameters, in order."""
        return list(inspect.signature(self.reference).parameters)


def exercise(
    reference: Implementation,
    *,
    points: float,
    hints: Sequence[str],
    minutes: int = 5,
    afterword: str = "",
    in_place: tuple[str, ...] = (),
    trains: bool = False,
) -> Callable[[Trial], Exercise]:
    """Make an exercise of a trial. `afterword` is shown once it passes: why it matters, what to notice."""

    def decorate(trial: Trial) -> Exercise:
        made = Exercise(reference, trial, points, minutes, hints, afterword, in_place, trains)
        if made.guards_arguments:
            made.mistakes.append(_changes_its_arguments(made))
        return made

    return decorate


def quiz(
    reference: Callable[[], dict[str, str]],
    questions: dict[str, tuple[str, dict[str, str]]],
    *,
    points: float,
    hints: Sequence[str],
    minutes: int = 5,
    afterword: str = "",
) -> Exercise:
    """An exercise of choices: `questions` maps a key to the question and to why each wrong option is wrong.

    The right options are those of the reference; each wrong one becomes a mistake named `key_option`.
    """
    right = reference()
    if right.keys() != questions.keys():
        raise ValueError(
            f"quiz {reference.__name__}: the reference answers {[*right]}, the questions are {[*questions]}"
        )

    def trial(answers: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        given = answers()
        for key, (question, _) in questions.items():
            yield question, derived(lambda chosen, key=key: _option(chosen, key), given)

    made = Exercise(reference, trial, points, minutes, hints, afterword, is_quiz=True)
    for key, (_, explanations) in questions.items():
        for option, explanation in explanations.items():
            made.mistake(_answering(right, key, option, explanation))
    return made


def _option(given: Any, key: str) -> Any:
    if not isinstance(given, dict):
        raise TypeError("a dict of answers is asked for")
    if key not in given:
        raise KeyError(f"there is no answer under {key!r}")
    chosen = given[key]
    return chosen.strip().lower() if isinstance(chosen, str) else chosen


def _answering(right: dict[str, str], key: str, option: str, explanation: str) -> Implementation:
    def mistaken() -> dict[str, str]:
        return {**right, key: option}

    mistaken.__name__ = mistaken.__qualname__ = f"{key}_{option}"
    mistaken.__doc__ = explanation
    return mistaken


def _changes_its_arguments(made: Exercise) -> Implementation:
    """The mistake that every function can hold: a right answer that spoils the caller's data."""

    def changes_its_arguments(*arguments: Any, **keywords: Any) -> Any:
        """It changes data that belongs to its caller, who may still need it as it was: work on a copy."""
        result = made.reference(*arguments, **keywords)
        for name, value in zip(made.parameters(), arguments, strict=False):
            if name not in made.in_place and is_mutable_data(value):
                _spoil(value)
        return result

    return changes_its_arguments


def _is_data(annotation: str) -> bool:
    return any(word in annotation for word in ("ndarray", "NDArray", "Tensor", "list", "Sequence", "dict"))


def _spoil(value: Any) -> None:
    if isinstance(value, list):
        value.append(0)
    elif isinstance(value, dict):
        value.clear()
    elif is_tensor(value):
        value.detach().copy_(value.logical_not())
    else:
        value[...] = ~value if value.dtype == bool else value + 1
