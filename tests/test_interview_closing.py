"""The closing page of lesson 12: its links lead to cells that are there, and its figures are those that were kept."""

import re

from autograder.course import ROOT, lessons
from autograder.editions import read as read_notebook
from metarec import shipped

FOLDER = ROOT / "notebooks" / "12_interview_drill"
PAGE = {
    cell["id"]: "".join(cell["source"])
    for cell in read_notebook(FOLDER / "12_interview_drill.ipynb")["cells"]
    if cell["id"].startswith("closing-")
}
LINK = re.compile(r"\]\(([^)#]+)(?:#cell-id=([a-z0-9-]+))?\)")
CAPSTONE = shipped.record("capstone")["figures"]
COLD_START = shipped.record("coldstart")["catalogue"]
INTERESTS = shipped.record("interests")
RL2 = shipped.record("rl2")["figures"]
IN_CONTEXT = shipped.record("in_context")["figures"]


def stated(value: float, half: float, digits: int) -> str:
    return f"{value:.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def figure(record: dict[str, float], name: str, digits: int = 2, scale: float = 1.0) -> str:
    return stated(scale * record[name], scale * record[f"{name}_interval"], digits)


KEPT = {
    "closing-methods": [
        *(stated(*COLD_START[f"maml_minus_{other}"]["5"], 3) for other in ("fine_tuning", "item_knn")),
        figure(RL2, "bandit_n100_k5", 1),
        *(f"{RL2[f'bandit_n100_k5_{other}']:.1f}" for other in ("gittins", "thompson")),
        figure(IN_CONTEXT, "bandit_n100_k5_sharpened", 1),
        figure(IN_CONTEXT, "gittins_n100_k5", 1),
    ],
    "closing-large-model": [
        *(figure(CAPSTONE, f"score_{name}") for name in ("dqn", "ppo", "rl2", "in_context", "adaptive")),
        *(figure(IN_CONTEXT, f"drifting_{name}_regret", 1) for name in ("transformer", "fitting")),
    ],
    "closing-applications": [
        *(f"{COLD_START['ndcg10_maml'][k][0]:.2f}" for k in ("1", "10")),
        f"{COLD_START['ndcg10_popularity']['1'][0]:.2f}",
        f"{100 * INTERESTS['percentile_new_placed']:.0f} %",
        f"{100 * INTERESTS['percentile_new_warm']:.0f} %",
        *(figure(INTERESTS, f"recall10_{name}", 3) for name in ("short_only", "long_only", "item_knn")),
        figure(INTERESTS, "gated_over_short_only", 4),
        f"it adds {INTERESTS['simulated_gated'] - INTERESTS['simulated_short_only']:.2f}",
    ],
    "closing-policy": [
        figure(CAPSTONE, "generalisation_gap"),
        *(figure(CAPSTONE, f"{name}_new_catalogue") for name in ("dqn", "ppo", "adaptive")),
        *(figure(CAPSTONE, f"score_{name}") for name in ("adaptive", "dqn", "ppo")),
        *(figure(CAPSTONE, f"recovery_{name}", 1) for name in ("adaptive", "frozen", "without_a_jump")),
        *(f"{figure(CAPSTONE, name, 1, 100)} %" for name in ("gate_false_pass", "gate_false_stop")),
    ],
}


def test_every_link_leads_to_a_cell_that_is_there() -> None:
    links = [(cell_id, *found) for cell_id, text in PAGE.items() for found in LINK.findall(text)]
    assert len(links) > 30
    cells = {}
    for _, target, _ in links:
        path = (FOLDER / target).resolve()
        assert path.is_file(), target
        cells[target] = {cell["id"] for cell in read_notebook(path)["cells"]}
    assert [link for link in links if link[2] not in cells[link[1]]] == []


def test_the_figures_are_those_that_were_kept() -> None:
    missing = [(cell_id, text) for cell_id, texts in KEPT.items() for text in texts if text not in PAGE[cell_id]]
    assert missing == []


def test_every_claim_has_its_figure() -> None:
    rows = [line for text in PAGE.values() for line in text.splitlines() if line.startswith("| ") and "**" in line]
    assert len(rows) > 25
    assert [row for row in rows if not LINK.search(row)] == []


def test_the_question_of_every_lesson_is_answered_somewhere() -> None:
    answered = {target for target, _ in LINK.findall(PAGE["closing-questions"])}
    others = [lesson.name for lesson in lessons() if lesson.slug not in ("welcome", "interview_drill")]
    assert answered == {f"../{name}/{name}.ipynb" for name in others}
