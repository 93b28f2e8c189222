import base64
import io
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import gymnasium
import matplotlib as mpl
import matplotlib.image
import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from nbconvert.exporters import HTMLExporter
from pictures import signs

import metarec  # noqa: F401
from metarec.plots import learning_curve, policy_map, session_strip, show
from metarec.style import BLUE, GREEN, GREY, INK, TOPICS, VERMILLION, Chart, mimebundle, style

LINES: Any = {"optimal": 25.8, "myopic": 15.3, "random": 2.75}


@pytest.fixture
def env() -> Any:
    return gymnasium.make("metarec/Tabular-v0")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def session(env: Any, steps: int) -> Any:
    state, _ = env.reset(seed=3)
    played = []
    for step in range(steps):
        following, reward, terminated, _, _ = env.step(step % 2)
        played.append((state, step % 2, reward))
        state = env.reset()[0] if terminated else following
    return list(zip(*played, strict=True))


@pytest.fixture(params=["curve", "band", "map", "strip"])
def figure(request: pytest.FixtureRequest, env: Any) -> Chart:
    rng = np.random.default_rng(0)
    if request.param == "map":
        return policy_map(rng.random((243, 4)), env)
    if request.param == "strip":
        states, actions, rewards = session(env, 9)
        return session_strip(states, actions, rewards, env)
    return learning_curve(rng.random((3, 200) if request.param == "band" else 200) * 20, **LINES)


def test_the_curve_is_the_mean_of_the_last_window_episodes() -> None:
    returns = np.random.default_rng(0).normal(size=(3, 50))
    figure = learning_curve(returns, window=7, **LINES)
    axes: Any = figure.axes[0]
    curve = axes.lines[-1]
    wanted = [np.mean([row[end - 7 : end].mean() for row in returns]) for end in range(7, 51)]
    np.testing.assert_allclose(curve.get_xdata(), range(7, 51))
    np.testing.assert_allclose(curve.get_ydata(), wanted, atol=1e-12)
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(max(row[k : k + 7].mean() for row in returns for k in range(44)))


def test_every_line_is_named_at_its_end_and_no_names_overlap() -> None:
    figure = learning_curve(np.full(100, 25.7), **LINES)
    assert set(texts(figure)) == {"optimal 25.8", "learnt 25.7", "myopic 15.3", "random 2.75"}
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = sorted((text.get_window_extent(renderer) for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))
    assert all(0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize(("returns", "window"), [([], None), (np.zeros((2, 2, 2)), None), ([1.0], 2), ([1.0], 0)])
def test_a_curve_of_nothing_is_refused(returns: Any, window: int | None) -> None:
    with pytest.raises(ValueError, match="must be"):
        learning_curve(returns, window=window, **LINES)


def test_the_map_shows_the_greatest_value_of_each_state(env: Any) -> None:
    q = np.random.default_rng(0).random((243, 4))
    q[5] = 0
    figure = policy_map(q, env)
    letters = Counter(letter for axes in figure.axes for *_, letter in signs(axes))
    wanted = Counter("ABCD"[action] for state, action in enumerate(q.argmax(axis=1)) if state != 5)
    assert letters == wanted + Counter({"·": 1})
    policy = q.argmax(axis=1)
    policy[env.unwrapped.encode((2, 1, 0, 2), 3)] = 3
    place = (0 * 3.3 + 2, 2 * 3.3 + 1)
    (only,) = (letter for *at, letter in signs(policy_map(policy, env).axes[2]) if at == pytest.approx(place))
    assert only == "D"


@pytest.mark.parametrize("policy", [np.zeros(5), np.zeros((243, 3)), np.full(243, 4), np.full(243, -1)])
def test_what_is_no_policy_is_refused(env: Any, policy: Any) -> None:
    with pytest.raises(ValueError, match="a policy is"):
        policy_map(policy, env)


def test_a_session_shows_what_happened(env: Any) -> None:
    states, actions, rewards = session(env, 40)
    figure = session_strip(states, actions, rewards, env)
    top, middle, bottom = figure.axes
    assert [sign for _, y, sign in signs(top) if y == 0] == ["AB"[action] for action in actions[:30]]
    assert [sign for _, y, sign in signs(top) if y == 1] == ["✓" if reward else "✗" for reward in rewards[:30]]
    decoded = [env.unwrapped.decode(state) for state in states[:30]]
    assert [bar.get_height() for bar in middle.patches] == [patience for _, patience in decoded]  # type: ignore[attr-defined]
    levels = [int(level) for *_, level in signs(bottom)]
    assert levels == [level for satiation, _ in decoded for level in satiation if level]
    assert "40 steps, the first 30 drawn" in figure.alt


def test_the_first_steps_of_a_session_stand_where_they_stand_in_all_of_it(env: Any) -> None:
    played = session(env, 20)
    some, whole = (session_strip(*played, env, until=until) for until in (7, None))
    assert len(signs(some.axes[0])) == 14
    assert signs(some.axes[0]) == signs(whole.axes[0])[:14]
    for few, all_ in zip(some.axes, whole.axes, strict=True):
        assert few.get_xlim() == all_.get_xlim()
        assert few.get_ylim() == all_.get_ylim()
    assert some.get_size_inches().tolist() == whole.get_size_inches().tolist()
    assert "20 steps, the first 7 drawn" in some.alt


@pytest.mark.parametrize(("states", "actions"), [([], []), ([0], [0, 1])])
def test_a_session_of_nothing_is_refused(env: Any, states: list[int], actions: list[int]) -> None:
    with pytest.raises(ValueError, match="one length"):
        session_strip(states, actions, states, env)


def test_a_notebook_gets_a_sharp_transparent_image_with_its_text(figure: Chart) -> None:
    data, metadata = figure._repr_mimebundle_()
    pixels = mpl.image.imread(io.BytesIO(base64.b64decode(data["image/png"])))
    size = metadata["image/png"]
    assert pixels.shape == (2 * size["height"], 2 * size["width"], 4)
    assert pixels[0, 0, 3] == 0
    assert pixels[..., 3].max() == 1
    assert len(figure.alt) > 50
    assert data["text/plain"] == size["alt"] == figure.alt


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_nbconvert_s_page_carries_the_text(template: str, caplog: pytest.LogCaptureFixture) -> None:
    alt = 'a <curve> & "more"'
    data, metadata = mimebundle(Figure(figsize=(1, 1)), alt)
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output], id="figure")])
    page, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    assert [image["alt"] for image in BeautifulSoup(page, "html.parser").select("img")] == [alt]
    assert "missing" not in caplog.text


def test_show_displays_in_ipython_and_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    figure = learning_curve([1.0, 2.0], **LINES)
    show(figure)
    assert capsys.readouterr() == ("", "")
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            show(figure)
            show(Figure(figsize=(1, 1)), "an empty square")
    finally:
        InteractiveShell.clear_instance()
    assert [shown.data["text/plain"] for shown in captured.outputs] == [figure.alt, "an empty square"]
    for alt in (None, " "):
        with pytest.raises(ValueError, match="text alternative"):
            show(Figure(), alt)


def test_matplotlib_s_own_settings_return() -> None:
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["text.color"] == GREY
    learning_curve([1.0], **LINES)
    assert dict(mpl.rcParams) == before


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_everything_can_be_read_on_light_and_dark_pages(page: str) -> None:
    assert contrast(GREY, page) == pytest.approx(4.3, abs=0.1)
    assert min(contrast(colour, page) for colour in (BLUE, GREEN, VERMILLION)) > 3
    assert min(contrast(colour, INK) for colour in TOPICS) > 4.5


def test_importing_the_figures_brings_neither_pyplot_nor_torch() -> None:
    code = "import sys, metarec.plots; print([name for name in ('matplotlib.pyplot', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
