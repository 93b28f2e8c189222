"""The README's table of results says what the benchmarks kept, and `make figures` makes everything that is kept."""

import re

import pytest

from autograder.course import ROOT
from autograder.errors import CourseError
from benchmarks import figures, results
from metarec import shipped

RECORDS = sorted(path.stem for path in shipped.KEPT.glob("*.json"))


def test_the_readme_s_table_is_what_the_records_say() -> None:
    readme = results.README.read_text(encoding="utf-8")
    assert results.filled(readme) == readme, "python -m benchmarks.results writes it"


def test_every_row_has_a_figure_with_its_interval_or_is_a_speed() -> None:
    rows = results.table().splitlines()[2:]
    assert len(rows) == sum(results.kept(name) is not None for _, _, name, _ in results.ROWS)
    for row in rows:
        assert re.search(r"\*\*−?[\d.]+ (± [\d.]+|times)", row), row  # a speed is a median, and has none
        assert re.search(r"`python -m benchmarks\.[a-z0-9_]+`", row), row


def test_text_around_the_table_stays() -> None:
    text = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    once = results.filled(text)
    assert once.startswith(f"before\n{results.BEGIN}\n| lesson |")
    assert once.endswith(f"|\n{results.END}\nafter\n")
    assert results.filled(once) == once


@pytest.mark.parametrize(
    "text", ["", results.BEGIN, f"{results.END}\n{results.BEGIN}", 2 * (results.BEGIN + results.END)]
)
def test_without_its_place_the_table_goes_nowhere(text: str) -> None:
    with pytest.raises(CourseError, match="no place for the table"):
        results.filled(text)


def test_make_figures_runs_every_benchmark_that_keeps_something() -> None:
    keeps = {
        file.stem
        for file in (ROOT / "benchmarks").glob("*.py")
        if re.search(r"keep_(record|weights)\(", file.read_text(encoding="utf-8"))
    }
    assert set(figures.STUDIES) == keeps
    assert {shipped.record(name)["command"] for name in RECORDS} <= {f"python -m benchmarks.{name}" for name in keeps}


def test_a_study_that_fails_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(figures, "run", lambda name: ran.append(name) or name != figures.STUDIES[0])
    monkeypatch.setattr(figures, "pictures", lambda: None)
    monkeypatch.setattr(results, "main", lambda: ran.append("the table"))
    with pytest.raises(CourseError, match=figures.STUDIES[0]):
        figures.main()
    assert ran == [*figures.STUDIES, "the table"]
