"""Results as JSON, HTML and CSV: what is counted, and that nothing from a submission can do harm there."""

import base64
import csv
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from autograder import judge
from autograder.card import marked_up
from autograder.errors import CourseError
from autograder.report import (
    FAULT_KINDS,
    ExerciseResult,
    GradingFault,
    SubmissionResult,
    class_csv,
    class_html,
    learner_html,
    read_json,
    write_csv,
    write_html,
    write_json,
)
from autograder.report import html as html_module
from autograder.report.cleaning import one_line, visible
from autograder.verdict import Evidence

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style><script>alert(1)</script>",
    "</details></article></main><h1>Fine</h1>",
    '" onmouseover="alert(1)" x=\'',
    "<img src=x onerror=alert(1)>",
    "<!-- -->]]><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &#60;b&#62;",
    "javascript:alert(1)",
    "nul\x00 bell\x07 escape\x1b[31m c1\x9b delete\x7f",
    "turned \u202eexe.ypnb\u202c \u2066isolated\u2069 \u200fmarked",
    "in\u200bvisible \u00adhyphen \ufeffmark \U000e0041tag",
    "half \ud800 a pair",
    "lines\r\nand\u2028separators",
    "\u0335" * 80,
    "x" * 100_000,
]
each_hostile = pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[1:25])


def passing(name: str = "td_target", points: float = 1.0) -> ExerciseResult:
    return ExerciseResult(name, points, points, {"adds": True, "stops": True}, message="It is Bellman's equation.")


def failing(name: str = "td_target", mistake: str = "bootstraps_past_the_end") -> ExerciseResult:
    return ExerciseResult(
        name,
        0.5,
        1.0,
        {"adds": True, "stops": False},
        mistake,
        "Fails: stops.",
        ((mistake, "A terminated episode has no next value."),),
        Evidence("stops", "td_target(reward=1)", "1", "1.9", "It is off.", "line 3: return x", "hello"),
    )


def submission(learner: str = "ada", *exercises: ExerciseResult, **fields: Any) -> SubmissionResult:
    return SubmissionResult(
        **{
            "learner": learner,
            "lesson": "q_learning",
            "score": sum(exercise.score for exercise in exercises),
            "points": float(max(1, len(exercises))),
            "seconds": 2.5,
            "sandboxed": True,
            "exercises": exercises,
            "seeds": (987654321, 2, 3),
            "path": "submitted/ada/03_q_learning/03_q_learning.ipynb",
            **fields,
        }
    )


def unreadable(learner: str = "bob") -> SubmissionResult:
    return submission(learner, faults=(GradingFault("unreadable", "It is not JSON."),))


def page(*results: SubmissionResult) -> BeautifulSoup:
    return BeautifulSoup(class_html(results, "today"), "html.parser")


def words(element: Any) -> str:
    return " ".join(element.get_text(" ").split())


# JSON


def test_json_is_the_contract(tmp_path: Path) -> None:
    write_json([submission("ada", failing()), unreadable()], tmp_path / "r.json")
    first, second = json.loads((tmp_path / "r.json").read_text())["submissions"]
    assert {"learner", "lesson", "score", "points", "exercises", "faults", "seconds"} <= first.keys()
    (exercise,) = first["exercises"]
    assert {name: exercise[name] for name in ("name", "score", "points", "labels", "diagnosis")} == {
        "name": "td_target",
        "score": 0.5,
        "points": 1.0,
        "labels": {"adds": True, "stops": False},
        "diagnosis": "bootstraps_past_the_end",
    }
    assert exercise["diagnoses"] == [["bootstraps_past_the_end", "A terminated episode has no next value."]]
    assert set(exercise["evidence"]) == {"label", "given", "expected", "got", "remark", "line", "printed"}
    assert second["faults"] == [{"kind": "unreadable", "message": "It is not JSON."}]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    ranked = reaching(-0.25)
    results = [submission("ada", passing(), failing("q_update"), ranked), unreadable("Zoë \ud800 علي"), submission("")]
    write_json(results, tmp_path / "r.json")
    assert read_json(tmp_path / "r.json") == results
    assert (tmp_path / "r.json").read_bytes().isascii()


def test_the_smallest_json_of_the_contract_is_read(tmp_path: Path) -> None:
    exercise = {"name": "f", "score": 1, "points": 2, "labels": {}, "diagnosis": None}
    record = {
        "learner": "a",
        "lesson": "l",
        "score": 1,
        "points": 2,
        "exercises": [exercise],
        "faults": [],
        "seconds": 0,
    }
    (tmp_path / "r.json").write_text(json.dumps({"submissions": [record]}))
    (result,) = read_json(tmp_path / "r.json")
    assert (result.score, result.exercises[0].points, result.exercises[0].evidence) == (1, 2, None)


def test_a_result_says_what_the_verdict_says() -> None:
    verdict = judge(lambda clicks, impressions: clicks / impressions, seed=1, name="click_through_rate")
    result = ExerciseResult.from_verdict(verdict)
    assert not verdict.passed
    for name in (
        "name",
        "score",
        "points",
        "labels",
        "diagnosis",
        "message",
        "diagnoses",
        "evidence",
        "passed",
        "reached",
    ):
        assert getattr(result, name) == getattr(verdict, name), name


def damaged(change: Callable[[dict[str, Any]], object]) -> Any:
    data = json.loads(json.dumps(submission("ada", failing(), faults=(GradingFault("timeout", "slow"),)).to_json()))
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("learner"), "submission has no 'learner'"),
        (lambda d: d.update(learner=3), "submission.learner should be a string, and is 3"),
        (lambda d: d.update(score="1"), "submission.score should be a number, and is '1'"),
        (lambda d: d.update(score=True), "submission.score should be a number from 0, and is True"),
        (lambda d: d.update(score=float("nan")), "submission.score should be a number from 0, and is nan"),
        (lambda d: d.update(score=-1), "submission.score should be a number from 0, and is -1"),
        (lambda d: d.update(score=99), "submission.score should be at most the 1 points, and is 99"),
        (lambda d: d.update(seeds=["1"]), "submission.seeds should be a list of whole numbers"),
        (lambda d: d.update(sandboxed="yes"), "submission.sandboxed should be true or false, and is 'yes'"),
        (lambda d: d.update(exercises={}), "submission.exercises should be a list, and is {}"),
        (lambda d: d["exercises"].append(None), "submission.exercises[1] should be an object, and is None"),
        (
            lambda d: d["exercises"][0].update(labels={"a": 1}),
            "exercises[0].labels.a should be true or false, and is 1",
        ),
        (lambda d: d["exercises"][0].update(diagnoses=[["a"]]), "exercises[0].diagnoses should be a list of pairs"),
        (lambda d: d["exercises"][0]["evidence"].update(got=[]), "exercises[0].evidence.got should be a string"),
        (lambda d: d["exercises"][0].update(reached="1"), "exercises[0].reached should be a number, and is '1'"),
        (lambda d: d["exercises"][0].update(reached=float("inf")), "exercises[0].reached should be a number, and is"),
        (lambda d: d["faults"][0].update(kind="boom"), "faults[0].kind should be one of timeout, memory, "),
    ],
)
def test_a_wrong_field_is_named(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(CourseError, match=re.escape(said)):
        SubmissionResult.from_json(damaged(change))


@pytest.mark.parametrize("content", [b"", b"[1", b"\xff\xfe", b"[]", b'{"submissions": 3}', b"[" * 100_000])
def test_a_damaged_file_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(CourseError, match=r"r\.json"):
        read_json(tmp_path / "r.json")


def test_a_fault_has_a_known_kind() -> None:
    assert list(FAULT_KINDS) == ["timeout", "memory", "crash", "refused", "unreadable", "foreign", "missing"]
    with pytest.raises(ValueError, match="boom"):
        GradingFault("boom", "")


@pytest.mark.parametrize("write", [write_json, write_csv, write_html])
def test_a_report_is_written_whole_or_not_at_all(
    write: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new folder" / "report"
    write([submission("first", passing())], target)
    before = target.read_bytes()
    assert b"first" in before

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CourseError, match="No space left on device"):
        write([submission("second", passing())], target)
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_a_report_goes_where_a_link_points_and_into_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_csv([unreadable()], tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("learner,")
    reading, writing = os.pipe()
    write_csv([unreadable()], Path(f"/dev/fd/{writing}"))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == (tmp_path / "real.csv").read_text()


def test_a_folder_is_no_place_for_a_report(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot be written"):
        write_json([], tmp_path)
    assert list(tmp_path.iterdir()) == []


# What is counted


def test_the_mistakes_of_the_class_are_counted_and_sorted() -> None:
    class_of_30 = [submission(f"p{i:02}", failing(), passing("q_update")) for i in range(11)]
    class_of_30 += [submission(f"p{i:02}", passing(), failing("q_update", "whole_row")) for i in range(11, 15)]
    class_of_30 += [submission(f"p{i:02}", passing(), passing("q_update")) for i in range(15, 30)]
    rows = [[words(cell) for cell in row("td") + row("th")] for row in mistakes_table(page(*class_of_30))("tr")[1:]]
    assert rows == [
        ["11 of 30", "td_ target", "A terminated episode has no next value.", "bootstraps past the end"],
        ["4 of 30", "q_ update", "A terminated episode has no next value.", "whole row"],
    ]


def mistakes_table(soup: BeautifulSoup) -> Any:
    return next(table for table in soup("table") if "submissions make them" in words(table.caption))


def test_failing_without_a_known_mistake_is_counted_too() -> None:
    unknown = dataclasses.replace(failing(), diagnosis=None, diagnoses=())
    table = mistakes_table(page(submission("a", unknown), submission("b", failing()), submission("c", unknown)))
    assert "2 of 3 td_ target none that is known Most often fails: stops" in words(table)


def test_every_mistake_of_a_quiz_counts_and_a_bare_name_does() -> None:
    several = dataclasses.replace(failing(), diagnoses=(("a_b", "First."), ("a_c", "Second.")))
    bare = dataclasses.replace(failing(), diagnosis="a_c", diagnoses=())
    text = words(mistakes_table(page(submission("a", several), submission("b", bare))))
    assert "2 of 2 td_ target a c" in text
    assert "1 of 2 td_ target a b First." in text


def test_the_mean_is_that_of_the_graded() -> None:
    soup = page(submission("a", passing()), submission("b", failing()), unreadable("c"))
    assert words(soup.select_one("p.lead")) == (
        "3 submissions from 3 learners: 2 graded, 1 that could not be, 1 fault. Mean score 75 % (n = 2)."
    )
    assert "3 submissions, 2 graded; mean 0.75 of 1 point (n = 2)." in words(soup)


@pytest.mark.parametrize(("share", "shown"), [(0, "0 %"), (0.713, "71 %"), (0.9999, "99 %"), (1, "100 %")])
def test_only_all_is_100_percent(share: float, shown: str) -> None:
    assert html_module.percent(share) == shown


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_a_stopping_fault_leaves_a_submission_ungraded(kind: str) -> None:
    judged = submission("a", passing(), faults=(GradingFault(kind, ""),))
    assert judged.graded == (kind not in {"refused", "unreadable", "foreign"})
    assert not dataclasses.replace(judged, exercises=()).graded


def test_the_matrix_holds_every_learner_and_exercise() -> None:
    soup = page(submission("b", failing(), passing("q_update", 2.0)), submission("a", passing()), unreadable("c"))
    rows = {words(row.th): [words(cell) for cell in row("td")] for row in soup.select("tbody.learners tr")}
    assert rows == {
        "a": ["✓ 1", "–", "1"],
        "b": ["◐ 0.5", "✓ 2", "2.5"],
        "c ⚠ unreadable": ["could not be graded", "0"],
    }
    averages = [[words(cell) for cell in row("td")] for row in soup.select("tbody.class tr")]
    assert averages == [["0.75", "2", "1.75 of 2"], ["1 of 2", "1 of 1", "1 of 2"]]


def test_a_large_class_is_folded_and_complete() -> None:
    soup = page(*(submission(f"p{i:03}", passing()) for i in range(250)))
    (first, *folded) = soup.select("table.matrix")
    assert not first.select("tbody.learners")
    assert first.select("tbody.class")
    assert [len(table.select("tbody.learners tr")) for table in folded] == [100, 100, 50]
    assert all(table.find_parent("details").get("open") is None for table in folded)
    assert len(soup.select("details.learner")) == 250


def reaching(score: float | None, name: str = "train_policy") -> ExerciseResult:
    return ExerciseResult(name, 1.0, 1.0, {"learns": True}, reached=score)


def board(*results: SubmissionResult) -> list[list[str]]:
    table = page(*results).find("table", attrs={"data-board": "train_policy"})
    return [] if table is None else [[words(cell) for cell in row(["td", "th"])] for row in table.tbody("tr")]


def test_the_class_is_ranked_by_the_score_that_was_reached() -> None:
    scores = {"eve": 0.31, "ada": 0.684, "bob": 0.679, "Zoë": -0.02, "dan": 0.7}
    results = [submission(name, reaching(score)) for name, score in scores.items()]
    results += [submission("failed", reaching(None)), unreadable("broken"), submission("other", passing())]
    results += [submission("forger", reaching(0.99), sandboxed=False)]
    assert board(*results) == [
        ["1", "forger ⚠ no sandbox", "0.99"],
        ["2", "dan", "0.70"],
        ["3", "ada", "0.68"],
        ["3", "bob", "0.68"],
        ["5", "eve", "0.31"],
        ["6", "Zoë", "-0.02"],
    ]


def test_an_exercise_that_ranks_nobody_has_no_leaderboard() -> None:
    text = words(page(submission("ada", passing()), submission("bob", reaching(None))))
    assert "Leaderboard" not in text


def test_a_leaderboard_is_the_instructors_alone() -> None:
    result = submission("ada", reaching(0.684))
    assert "Leaderboard" not in learner_html(result)
    assert "0.68" not in learner_html(result)


def test_the_leaderboard_of_a_large_class_is_folded_and_complete() -> None:
    results = [submission(f"p{i:03}", reaching(i / 100)) for i in range(230)]
    tables = page(*results).find_all("table", attrs={"data-board": True})
    assert [len(table.tbody("tr")) for table in tables] == [100, 100, 30]
    assert words(tables[0].tbody.tr.th) == "p229"


def test_a_learner_has_a_section_with_what_failed_and_why() -> None:
    (section,) = page(submission("ada", failing(), passing("q_update"))).select("details.learner")
    text = words(section)
    for said in (
        "✗ fails stops Input td_target(reward=1) Expected 1 Got 1.9 What is off It is off.",
        "Diagnosis A terminated episode has no next value.",
        "Passed: q_update",
        "seeds 987654321, 2, 3",
        "submitted/ada/",
    ):
        assert said in text


def test_faults_are_told_by_kind() -> None:
    slow = submission("a", passing(), faults=(GradingFault("timeout", "Cell 3 was interrupted."),))
    soup = page(slow, unreadable("b"), unreadable("c"))
    told = [words(block) for block in soup.select("section[aria-labelledby=faults] details")]
    assert [text.partition(" (")[0] for text in told] == ["timeout: 1", "unreadable: 2"]
    assert "a , 03_q_learning: Cell 3 was interrupted." in told[0]


def test_an_empty_class_has_a_report() -> None:
    assert words(page().select_one("p.lead")).startswith("0 submissions from 0 learners: 0 graded")
    assert class_csv([]).splitlines() == [class_csv([unreadable()]).splitlines()[0]]


def test_scores_without_the_sandbox_are_marked_everywhere(tmp_path: Path) -> None:
    results = [submission("a", passing(), sandboxed=False), submission("b", passing())]
    soup = page(*results)
    assert "1 of 2 scores were made without the sandbox" in words(soup.select_one("p.warning"))
    marks = [words(row.th) for row in soup.select("tbody.learners tr")]
    assert marks == ["a ⚠ no sandbox", "b"]
    assert ["without the sandbox" in words(part).lower() for part in soup.select("article")] == [True, False]
    assert ["Made without the sandbox" in learner_html(result) for result in results] == [True, False]
    assert [row["sandboxed"] for row in csv.DictReader(io.StringIO(class_csv(results)))] == ["no", "yes"]
    write_json(results, tmp_path / "r.json")
    assert [item["sandboxed"] for item in json.loads((tmp_path / "r.json").read_text())["submissions"]] == [False, True]


# A learner's own page


def test_feedback_says_every_line_and_keeps_the_grader_s_own_to_itself() -> None:
    soup = BeautifulSoup(learner_html(submission("ada", failing(), passing("q_update"))), "html.parser")
    assert [words(heading) for heading in soup("h2")] == ["◐ td_target: 0.5 of 1 point", "✓ q_update: 1 of 1 point"]
    assert [words(item.b) for item in soup.select("ul.lines > li")] == ["✓ holds", "✗ fails", "✓ holds", "✓ holds"]
    assert "Diagnosis A terminated episode has no next value." in words(soup)
    assert "It is Bellman's equation." in words(soup)
    assert "987654321" not in str(soup)
    assert "submitted/" not in str(soup)
    assert not soup("script")


# Strangers' text


def everywhere(text: str) -> SubmissionResult:
    """A submission all of whose strings are `text`."""
    evidence = Evidence(text, text, text, text, text, text, text)
    exercise = ExerciseResult(text, 0.5, 1.0, {text: False}, text, text, ((text, text),), evidence)
    unknown = ExerciseResult(f"{text}2", 0.0, 1.0, {}, None, text)
    faults = tuple(GradingFault(kind, text) for kind in ("timeout", "crash"))
    return submission(text, exercise, unknown, lesson=text, faults=faults, path=text)


def skeleton(document: str) -> list[tuple[str, list[str]]]:
    """Every element with its attributes' names, but for those that stand within text."""
    soup = BeautifulSoup(document, "html.parser")
    return [(tag.name, sorted(tag.attrs)) for tag in soup.find_all(True) if tag.name not in ("wbr", "code")]


def pages(result: SubmissionResult) -> list[str]:
    return [class_html([result], "today"), learner_html(result)]


@each_hostile
def test_a_stranger_s_text_is_text(text: str) -> None:
    assert [skeleton(document) for document in pages(everywhere(text))] == [
        skeleton(document) for document in pages(everywhere("harmless"))
    ]


@each_hostile
def test_nothing_invisible_reaches_a_report(text: str) -> None:
    result = everywhere(text)
    for document in [*pages(result), class_csv([result]).replace("\r\n", "\n")]:
        hidden = {c for c in document if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert hidden == set()
        assert len(document) < 200_000
        document.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It goes *up* the loss.", "It goes <em>up</em> the loss."),
        ("`a * b` and *two words*, *a* * *b*", "<code>a * b</code> and <em>two words</em>, <em>a</em> * <em>b</em>"),
        ("2*x*y, gamma * max", "2*x*y, gamma * max"),
        ("half a `tick", "half a `tick"),
        ("*<b>*", "<em>&lt;b&gt;</em>"),
    ],
)
def test_code_and_stress_are_shown(text: str, shown: str) -> None:
    assert html_module.prose(text) == shown
    assert marked_up(text) == shown


def test_text_is_shown_as_it_was_written() -> None:
    shown = words(page(everywhere(HOSTILE[0])).select_one("details.learner > summary"))
    assert shown.startswith("<script>alert(1)</script> ·")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 李 علي क्‍ष 👩‍🔬", "Zoë 李 علي क्‍ष 👩‍🔬"),
        ("a\u202eb\x1b\x00", "a⟨U+202E⟩b⟨U+001B⟩⟨U+0000⟩"),
        ("\ud800\U000e0041", "⟨U+D800⟩⟨U+E0041⟩"),
        ("a\tb\r\nc\rd", "a\tb\nc⟨U+000D⟩d"),
        ("e" + "\u0301" * 4, "e" + "\u0301" * 4),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "⟨2 more marks⟩"),
        ("x" * 1003, "x" * 1000 + " … (and 3 more characters)"),
        ("", ""),
    ],
)
def test_what_would_not_show_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert one_line(text) == " ".join(shown.split())


# The page itself


@pytest.mark.parametrize("document", pages(submission("ada", failing(), passing("q_update"))), ids=["class", "learner"])
def test_the_policy_allows_this_style_and_script_alone(document: str) -> None:
    soup = BeautifulSoup(document, "html.parser")
    policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    wanted = "default-src 'none'"
    for kind, tag in (("style", "style"), ("script", "script")):
        for element in soup(tag):
            digest = hashlib.sha256(str(element.string).encode()).digest()
            wanted += f"; {kind}-src 'sha256-{base64.b64encode(digest).decode()}'"
    assert policy == f"{wanted}; base-uri 'none'; form-action 'none'"
    assert soup.head.style
    attributes = {(name, str(value)) for tag in soup.find_all(True) for name, value in tag.attrs.items()}
    assert not {name for name, _ in attributes if name == "style" or name.startswith("on") or name == "src"}
    assert all(value.startswith("#") for name, value in attributes if name == "href")
    assert not re.search(r"https?:|url\(|@import", document)


def whole_report() -> BeautifulSoup:
    results = [submission(f"p{i:03}", failing(), reaching(i / 200)) for i in range(120)]
    return page(
        *results, submission("p000", passing(), lesson="welcome"), unreadable(), submission("z", sandboxed=False)
    )


def test_a_screen_reader_finds_its_way() -> None:
    soup = whole_report()
    assert soup.html["lang"] == "en"
    assert all(soup.find(landmark) for landmark in ("header", "nav", "main", "footer"))
    assert soup.body.find(True)["href"] == "#main"
    for table in soup("table"):
        assert words(table.caption)
        assert all(head.get("scope") in ("col", "row") for head in table("th"))
        assert all(row.find("th") for row in table("tr"))
    identifiers = [tag["id"] for tag in soup.select("[id]")]
    assert len(set(identifiers)) == len(identifiers)
    targets = {tag["href"][1:] for tag in soup("a")} | {
        tag["aria-labelledby"] for tag in soup.select("[aria-labelledby]")
    }
    assert targets <= set(identifiers)
    levels = [int(heading.name[1]) for heading in soup(re.compile("^h[1-6]$"))]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert levels.count(1) == 1
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in soup.select("[role=region]"))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, by WCAG 2's definition."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> Iterator[Any]:
    css = (Path(html_module.__file__).parent / "page.css").read_text()
    blocks = re.findall(r":root \{([^}]*)\}", css)
    assert len(blocks) == 2
    for name, block in zip(("light", "dark"), blocks, strict=True):
        yield pytest.param(dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)), id=name)


@pytest.mark.parametrize("colours", [*themes()])
def test_words_stand_out_in_both_themes(colours: dict[str, str]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    pairs = [(text, ground) for text in ("text", "soft") for ground in ("ground", "raised")]
    pairs += [("link", "ground"), *((f"{kind}-text", kind) for kind in ("full", "part", "none", "warning"))]
    assert {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5} == {}
    graphics = [
        ("focus", "ground"),
        ("bar", "ground"),
        *((f"{kind}-text", "ground") for kind in ("full", "part", "none")),
    ]
    assert {pair: ratio for pair in graphics if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 3} == {}


# CSV


def test_csv_has_a_row_for_each_learner_and_exercise() -> None:
    third = ExerciseResult("third", 1 / 3, 1.0)
    text = class_csv([submission('Zoë, "the" 1st', failing(), third), unreadable("bob")])
    rows = list(csv.DictReader(io.StringIO(text)))
    told = [
        (row["learner"], row["exercise"], row["score"], row["passed"], row["diagnosis"], row["faults"]) for row in rows
    ]
    assert told == [
        ('Zoë, "the" 1st', "td_target", "0.5", "no", "bootstraps_past_the_end", ""),
        ('Zoë, "the" 1st', "third", repr(1 / 3), "no", "", ""),
        ("bob", "", "0", "no", "", "unreadable: It is not JSON."),
    ]
    assert rows[0]["fails"] == "stops"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "  =", "\u202e=", "＝", "＋", "－", "＠"])
def test_a_spreadsheet_computes_nothing(start: str) -> None:
    text = class_csv([everywhere(f"{start}cmd|' /C calc'!A0"), everywhere(f'fine;{start}1+1;"{start}2')])
    for delimiter in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            for value in row:
                assert not re.match(r"[\s\"]*[=+\-@＝＋－＠]", value), (delimiter, value)


def test_csv_is_utf_8_without_a_mark(tmp_path: Path) -> None:
    write_csv([unreadable("Zoë 李")], tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_bytes().startswith(b"learner,")
    assert "Zoë 李" in (tmp_path / "r.csv").read_text(encoding="utf-8")


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as tools:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        own = Path(tools.chromium.executable_path)
        if found is None and not own.exists():
            pytest.skip("there is no Chromium: playwright install chromium")
        chromium = tools.chromium.launch(executable_path=found or own, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.browser
def test_the_report_works_in_a_browser_under_its_own_policy(browser: Any, tmp_path: Path) -> None:
    results = [submission(f"p{i:03}", passing() if i % 3 else failing()) for i in range(230)]
    results += [everywhere(text) for text in HOSTILE]
    write_html(results, tmp_path / "report.html")
    tab, said = browser.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda fault: said.append(str(fault)))
    tab.on("dialog", lambda dialog: said.append(dialog.message))
    tab.goto((tmp_path / "report.html").as_uri())
    assert not tab.get_by_role("link", name="p142").is_visible()
    tab.get_by_label("Find a learner").fill("P14")
    tab.get_by_text("10 found").wait_for()
    assert tab.get_by_role("link", name="p142").is_visible()
    assert not tab.get_by_role("link", name="p150").is_visible()
    tab.get_by_label("Find a learner").fill("")
    tab.locator("section.lesson", has_text="03_q_learning").get_by_role("button", name="td_target").first.click()
    scores = tab.locator("section.lesson", has_text="03_q_learning").locator("tbody.learners td:nth-child(2)")
    assert [text[0] for text in scores.all_text_contents()] == ["◐"] * 77 + ["✓"] * 153
    tab.goto(f"{(tmp_path / 'report.html').as_uri()}#s200")
    tab.locator("#s200").wait_for()
    assert said == []
    tab.close()


@pytest.mark.browser
def test_the_report_is_complete_without_script(browser: Any, tmp_path: Path) -> None:
    write_html([submission(f"p{i:03}", failing()) for i in range(120)], tmp_path / "report.html")
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((tmp_path / "report.html").as_uri())
    assert not tab.get_by_label("Find a learner").is_visible()
    tab.get_by_text("Rows 101 to 120").click()
    assert tab.get_by_role("link", name="p110").is_visible()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_has_no_grave_fault(browser: Any, tmp_path: Path, scheme: str) -> None:
    from browser import faults

    results = [submission(f"p{i}", failing(), passing("q_update")) for i in range(6)]
    write_html([*results, unreadable(), submission("z", sandboxed=False)], tmp_path / "report.html")
    tab = browser.new_page(color_scheme=scheme)
    tab.goto((tmp_path / "report.html").as_uri())
    for folded in tab.locator("details").all():
        folded.evaluate("details => details.open = true")
    assert faults(tab) == []
    tab.close()
