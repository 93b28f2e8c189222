import numpy as np
import pytest

from metarec.shortlist import shortlist


def test_the_better_is_better_the_worse_worse_and_no_better_worth_the_same() -> None:
    world = shortlist(1000, seed=1)
    worth = {name: world.worth(name) for name in world.policies}
    assert worth["more of the same"] < worth["running"] - 0.03 < worth["spares what bores"] - 0.06
    assert worth["no better"] == pytest.approx(worth["running"])
    for policy in world.policies.values():
        np.testing.assert_allclose(policy.sum(axis=1), 1, atol=1e-6)
        assert (policy > 0).all()


def test_a_log_is_the_running_policy_s_and_tells_what_others_are_worth() -> None:
    world = shortlist(1000, seed=1)
    users, items, clicks = world.log(40_000, np.random.default_rng(0))
    shown = np.bincount(items, minlength=10) / len(items)
    np.testing.assert_allclose(shown, world.policies["running"][0], atol=0.01)
    for name, policy in world.policies.items():
        terms = clicks * policy[users, items] / world.policies["running"][users, items]
        assert abs(terms.mean() - world.worth(name)) < 4 * terms.std() / 200


def test_a_shortlist_has_an_item_of_each_topic_at_most() -> None:
    with pytest.raises(ValueError, match="from 2 to 20 items, not 21"):
        shortlist(5, seed=1, items=21)
