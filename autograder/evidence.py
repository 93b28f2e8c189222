"""Putting a failure into words: the line of specification, the smallest input that shows it, expected and got."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from autograder import beside
from autograder.beside import Fault
from autograder.exercise import Exercise, Implementation
from autograder.observing import ARGUMENTS_LABEL, Observation, Run, changed_names, holds, reference_run
from autograder.proxy import Call, Proxy
from autograder.values import agree, brief, how_it_differs, size
from autograder.verdict import Evidence


def smallest(exercise: Exercise, runs: dict[int, Run], failed: list[str]) -> Evidence:
    """The evidence for the first failed label, on the smallest input among the runs."""
    found: list[tuple[float, Evidence]] = []
    for seed, run in runs.items():
        for key, wanted in reference_run(exercise, seed).items():
            if key[0] != failed[0]:
                continue
            got = run.get(key)
            if not holds(got, wanted):
                broken = got or next((o for o in run.values() if o.label == ""), None)
                found.append(_describe(exercise, wanted, broken))
    if not found:  # a trained label that fails on most seeds, but not on these
        return Evidence(failed[0])
    return min(found, key=lambda pair: pair[0])[1]


def _describe(exercise: Exercise, wanted: Observation, got: Observation | None) -> tuple[float, Evidence]:
    if got is None:
        return float("inf"), Evidence(wanted.label, remark="The check did not get as far as this line.")
    call, expected_result = _telling_call(wanted, got)
    given = written(exercise, call) if call else ""
    many = f" (one of {len(got.calls)} calls)" if len(got.calls) > 1 else ""
    value, expected = got.value, wanted.value
    line = ""
    if isinstance(value, Fault):
        remark, line, got_text = *_fault_in_words(exercise, value), ""
    elif wanted.label == ARGUMENTS_LABEL:
        remark, got_text = f"Afterwards {_changed(exercise, call)} was no longer what it had been.", ""
    else:
        remark, got_text = how_it_differs(value, expected), brief(value)
        if call is not None and _differs(call.outcome.result, expected_result):
            remark = remark or how_it_differs(call.outcome.result, expected_result)
    hidden = exercise.is_quiz or wanted.label == ARGUMENTS_LABEL or wanted.judge is not None
    expected_text = "" if hidden or isinstance(value, Fault) else brief(expected)
    if wanted.judge is not None and not isinstance(value, Fault):
        expected_text = _judged(wanted)
    if expected_text and expected_text == got_text and not remark:
        remark = f"The two differ by {_gap(value, expected):.2g} at most, more than rounding explains."
    amount = sum(size(a) for a in call.arguments) + 0.01 * len(given) if call else 0.0
    shown = Evidence(
        wanted.label, "" if exercise.is_quiz else given + many, expected_text, got_text, remark, line, _printed(got)
    )
    return amount, shown


def _judged(wanted: Observation) -> str:
    threshold = getattr(wanted.judge, "threshold", None)
    return f"at least {brief(threshold)}" if threshold is not None else f"about {brief(wanted.value)}"


def _telling_call(wanted: Observation, got: Observation) -> tuple[Call | None, Any]:
    """The first call whose result is not the reference's, else the last: what led to the observation."""
    for mine, theirs in zip(got.calls, wanted.calls, strict=False):
        if _differs(mine.outcome.result, theirs.outcome.result) and wanted.judge is None:
            return mine, theirs.outcome.result
    return (got.calls[-1], None) if got.calls else (None, None)


def _differs(got: Any, wanted: Any) -> bool:
    return not isinstance(wanted, beside.Opaque) and wanted is not None and not agree(got, wanted)


def _gap(got: Any, wanted: Any) -> float:
    try:
        return float(np.nanmax(np.abs(np.asarray(got, dtype=float) - np.asarray(wanted, dtype=float))))
    except (TypeError, ValueError):
        return float("nan")


def _printed(got: Observation) -> str:
    return " ".join("".join(call.outcome.printed for call in got.calls).split())[:200]


def _fault_in_words(exercise: Exercise, fault: Fault) -> tuple[str, str]:
    if fault.kind == "NotImplementedError":
        called = fault.message if fault.message.isidentifier() and not fault.message.startswith("__") else ""
        stub = f"{called}, which {exercise.name} calls," if called else exercise.name
        return f"{stub} is not written yet: put your answer in the place of `raise NotImplementedError()`.", ""
    if fault.kind == "unusable":
        return f"{fault.message[:1].upper()}{fault.message[1:]}.", ""
    said = f": {fault.message}" if fault.message else ""
    line = f"line {fault.line_number}: {fault.line}" if fault.line else ""
    return f"It raised {fault.kind}{said}.", line


def _changed(exercise: Exercise, call: Call | None) -> str:
    if call is None:
        return "an argument"
    changed = changed_names(exercise.parameters(), call)
    return " and ".join(name for name in changed if name not in exercise.in_place)


def written(exercise: Exercise, call: Call) -> str:
    """The call as one would write it, with the names of the parameters."""
    names = exercise.parameters() if call.name == exercise.name and inspect.isfunction(exercise.reference) else []
    parts = [
        f"{names[index]}={_argument(value)}" if index < len(names) else _argument(value)
        for index, value in enumerate(call.arguments)
    ]
    parts += [f"{name}={_argument(value)}" for name, value in call.keywords.items()]
    return f"{call.name}({', '.join(parts)})"


def _argument(value: Any) -> str:
    if isinstance(value, np.random.Generator) or beside.is_torch_generator(value):
        return "a generator"
    if getattr(value, "spec", None) is not None and hasattr(value, "observation_space"):
        return str(value.spec.id)
    if isinstance(value, Proxy):
        return repr(value)
    return brief(beside.plain(value))


def message(exercise: Exercise, failed: list[str], shown: Evidence | None, diagnoses: list[Implementation]) -> str:
    """Everything that the card says, as plain sentences: for a pass the afterword."""
    if not failed or shown is None:
        return exercise.afterword
    parts = [f"Fails: {shown.label}."]
    if shown.given and shown.got:
        parts.append(f"{shown.given} gave {shown.got}" + (f", expected {shown.expected}." if shown.expected else "."))
    elif shown.given:
        parts.append(f"On {shown.given}:")
    elif shown.got:
        parts.append(f"Got {shown.got}" + (f", expected {shown.expected}." if shown.expected else "."))
    parts += [shown.remark, f"({shown.line})" if shown.line else ""]
    parts += [" ".join((inspect.getdoc(mistake) or "").split()) for mistake in diagnoses]
    others = len(failed) - 1
    if others:
        parts.append(f"{others} other {'line fails' if others == 1 else 'lines fail'}.")
    return " ".join(part for part in parts if part)
