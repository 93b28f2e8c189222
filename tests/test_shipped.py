from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import pieces
from benchmarks.pieces import Pieces
from metarec import shipped


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "KEPT", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("kept")
def test_weights_come_back_as_they_went() -> None:
    state = {"layer.weight": torch.randn(3, 2), "count": torch.tensor(7), "half": torch.ones(2, dtype=torch.float16)}
    shipped.keep_weights("some", state)
    back = shipped.weights("some")
    assert back.keys() == state.keys()
    for name, tensor in state.items():
        assert back[name].dtype == tensor.dtype
        torch.testing.assert_close(back[name], tensor)


def test_equal_weights_give_equal_files(kept: Path) -> None:
    first = shipped.keep_weights("one", {"a": torch.arange(4)}).read_bytes()
    assert shipped.keep_weights("two", {"a": torch.arange(4)}).read_bytes() == first


@pytest.mark.usefixtures("kept")
def test_a_record_names_its_command() -> None:
    shipped.keep_record("some", {"score": 0.5, "curve": [1, 2]}, command="python -m benchmarks.some")
    assert shipped.record("some") == {"command": "python -m benchmarks.some", "score": 0.5, "curve": [1, 2]}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("find", [shipped.weights, shipped.record])
def test_a_missing_name_is_told_with_those_there_are(find: Callable[[str], Any]) -> None:
    shipped.keep_record("known", {}, command="c")
    shipped.keep_weights("known", {"a": torch.zeros(1)})
    with pytest.raises(FileNotFoundError, match="nothing is kept as 'other'; there is known"):
        find("other")


@pytest.mark.usefixtures("kept")
def test_nothing_is_unpickled(kept: Path) -> None:
    np.savez(kept / "bad.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        shipped.weights("bad")


def squared(key: dict[str, Any]) -> dict[str, Any]:
    return {"value": key["n"] ** 2, "tensor": torch.full((2,), float(key["n"]))}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(pieces, "ROOT", tmp_path)
    keys = [{"n": n} for n in range(4)]

    def stops(key: dict[str, Any]) -> dict[str, Any]:
        if key["n"] == 2:
            raise KeyboardInterrupt
        return squared(key)

    with pytest.raises(KeyboardInterrupt):
        list(Pieces("study").over(keys, stops))
    kept = sorted(tmp_path.rglob("*.pt"))
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    found = list(Pieces("study").over(keys, squared, workers=workers))
    assert [key for key, _ in found] == keys
    assert [result["value"] for _, result in found] == [0, 1, 4, 9]
    torch.testing.assert_close(found[3][1]["tensor"], torch.tensor([3.0, 3.0]))
    assert [path.stat().st_mtime_ns for path in kept] == times


def test_another_state_of_the_code_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "ROOT", tmp_path)
    module = ModuleType("module")
    module.__file__ = str(tmp_path / "module.py")
    Path(module.__file__).write_text("one = 1")
    list(Pieces("study", module).over([{"n": 3}], squared))
    Path(module.__file__).write_text("one = 2")
    list(Pieces("study", module).over([{"n": 3}], squared))
    assert len(list(tmp_path.rglob("*.pt"))) == 2
