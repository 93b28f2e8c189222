"""Lesson 09: laws of attention, of the cache and of the posterior, and what pretraining comes to."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from metarec.posterior import best_arm, counts
from metarec.transformer import ArmsAlike, Cache, CausalTransformer, arms_alike, bandit_policy, transformer
from solutions.in_context import (
    InContextPolicy,
    causal_attention,
    dpt_loss,
    interaction_tokens,
    pretrain,
    sample_action,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def history(batch: int, pulls: int, arms: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    actions = torch.randint(arms, (batch, pulls), generator=generator)
    return actions, torch.randint(2, (batch, pulls), generator=generator).float()


def made(arms: int = 4, width: int = 16, layers: int = 2, heads: int = 4) -> InContextPolicy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return InContextPolicy(arms, width, layers, heads)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 7, 5), (1, 2, 40, 8)])
def test_attention_is_torch_s(shape: tuple[int, ...]) -> None:
    query, key, value = (3 * drawn(*shape, seed=seed) for seed in range(3))
    wanted = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(causal_attention(query, key, value), wanted)


def test_attention_to_equal_keys_is_the_running_mean() -> None:
    value = drawn(1, 1, 6, 3)
    out = causal_attention(drawn(1, 1, 6, 2, seed=1), torch.zeros(1, 1, 6, 2), value)
    torch.testing.assert_close(out, value.cumsum(dim=2) / torch.arange(1, 7)[:, None])


@pytest.mark.parametrize("at", range(6))
def test_what_happens_later_changes_no_answer_and_what_happened_changes_all(at: int) -> None:
    policy, (actions, rewards) = made(), history(3, 6, 4)
    other_actions, other_rewards = actions.clone(), rewards.clone()
    other_actions[:, at], other_rewards[:, at] = (actions[:, at] + 1) % 4, 1 - rewards[:, at]
    with torch.no_grad():
        before, after = policy(actions, rewards), policy(other_actions, other_rewards)
    torch.testing.assert_close(before[:, : at + 1], after[:, : at + 1])
    assert ((before - after)[:, at + 1 :].abs().amax(dim=(0, 2)) > 1e-6).all()


def test_a_context_answers_alone_as_among_others() -> None:
    policy, (actions, rewards) = made(), history(5, 8, 4)
    with torch.no_grad():
        torch.testing.assert_close(policy(actions[2:3], rewards[2:3]), policy(actions, rewards)[2:3])


def test_with_a_cache_the_answers_are_the_same() -> None:
    policy, (actions, rewards) = made(), history(3, 9, 4)
    reader = transformer(policy.state_dict(), policy.heads)
    tokens = torch.nn.functional.pad(interaction_tokens(actions, rewards, 4), (0, 0, 1, 0))
    cache: Cache = []
    answers = []
    for place in range(10):
        answer, cache = reader.read(tokens[:, place : place + 1], cache)
        answers.append(answer)
    with torch.no_grad():
        whole = policy(actions, rewards)
    torch.testing.assert_close(torch.cat(answers, dim=1), whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(reader(tokens), whole, rtol=1e-4, atol=1e-5)


def test_a_cache_is_not_changed_by_reading_on() -> None:
    with torch.random.fork_rng():
        reader = CausalTransformer(3, 2, 8, 1, 2)
    _, cache = reader.read(drawn(1, 4, 3), [])
    kept = cache[0][0].clone()
    reader.read(drawn(1, 1, 3, seed=1), cache)
    reader.read(drawn(1, 1, 3, seed=2), cache)
    torch.testing.assert_close(cache[0][0], kept)


def tokens_of(actions: Tensor, rewards: Tensor, arms: int) -> Tensor:
    return torch.nn.functional.pad(interaction_tokens(actions, rewards, arms), (0, 0, 1, 0))


def test_where_arms_are_alike_exchanging_two_exchanges_their_answers() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy = ArmsAlike(CausalTransformer(3, 1, 8, 2, 2))
    actions, rewards = history(3, 9, 4)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        answers = policy(tokens_of(actions, rewards, 4))
        torch.testing.assert_close(policy(tokens_of(order[actions], rewards, 4))[..., order], answers)
    assert answers.shape == (3, 10, 4)
    assert answers.std(dim=2)[:, 1:].min() > 1e-6


def test_where_arms_are_alike_the_answers_are_the_same_with_a_cache() -> None:
    with torch.random.fork_rng():
        policy = ArmsAlike(CausalTransformer(3, 1, 8, 2, 2))
    tokens = tokens_of(*history(3, 9, 4), 4)
    cache: Cache = []
    answers = []
    with torch.no_grad():
        for place in range(10):
            answer, cache = policy.read(tokens[:, place : place + 1], cache)
            answers.append(answer)
        torch.testing.assert_close(torch.cat(answers, dim=1), policy(tokens), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("policy", "arms", "most"), [(bandit_policy, 5, 0.1), (arms_alike, 5, 0.1), (arms_alike, 10, 0.1)]
)
def test_what_is_kept_answers_nearly_as_bayes_does(policy: Any, arms: int, most: float) -> None:
    actions, rewards = history(50, 60, arms, seed=8)
    said = policy(arms)(tokens_of(actions, rewards, arms)).softmax(dim=-1).numpy()
    distance: Any = np.abs(said - best_arm(*counts(actions, rewards, arms))).sum(axis=-1) / 2
    assert distance.mean() < most


def test_attention_for_pictures_sums_to_one_over_the_past() -> None:
    with torch.random.fork_rng():
        reader = CausalTransformer(3, 2, 8, 2, 4)
    weights = reader.attention(drawn(2, 5, 3))
    assert weights.shape == (2, 2, 4, 5, 5)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 2, 4, 5))
    assert (weights.triu(1) == 0).all()


def test_the_posterior_after_one_pull_is_known_by_hand() -> None:
    none, once = np.zeros(5), np.array([1.0, 0, 0, 0, 0])
    np.testing.assert_allclose(best_arm(once, none), [1 / 3, *[1 / 6] * 4], atol=1e-3)
    np.testing.assert_allclose(best_arm(none, once), [1 / 15, *[7 / 30] * 4], atol=1e-3)
    np.testing.assert_allclose(best_arm(none, none), np.full(5, 0.2), atol=1e-6)


def test_the_posterior_is_how_often_each_draw_is_the_greatest() -> None:
    rng = np.random.default_rng(0)
    won, lost = rng.integers(0, 60, (4, 5)), rng.integers(0, 60, (4, 5))
    draws = rng.beta(1 + won, 1 + lost, (100_000, 4, 5)).argmax(axis=2)
    frequencies = np.stack([np.bincount(draws[:, row], minlength=5) for row in range(4)]) / 100_000
    np.testing.assert_allclose(best_arm(won, lost), frequencies, atol=0.008)


def test_unequal_counts_have_no_posterior() -> None:
    with pytest.raises(ValueError, match="of one shape"):
        best_arm(np.zeros(3), np.zeros(4))


def test_counts_are_those_before_each_pull_and_after_the_last() -> None:
    won, lost = counts([[0, 1, 0]], [[1.0, 0.0, 1.0]], 2)
    assert won.tolist() == [[[0, 0], [1, 0], [1, 0], [2, 0]]]
    assert lost.tolist() == [[[0, 0], [0, 0], [0, 1], [0, 1]]]


def test_equal_logits_lose_ln_k_wherever_the_label_is() -> None:
    assert float(dpt_loss(torch.zeros(3, 6, 4), torch.tensor([0, 1, 3]))) == pytest.approx(np.log(4))


def test_the_loss_is_least_at_the_posterior() -> None:
    """Over all tasks of a tiny world: the logits that a long training ends at are log-posteriors."""
    rng = np.random.default_rng(1)
    best = torch.from_numpy(rng.random((4000, 3)).argmax(axis=1))
    frequencies = torch.bincount(best, minlength=3) / len(best)
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    for _ in range(300):
        loss = dpt_loss(logits.expand(len(best), 1, 3), best)
        (slope,) = torch.autograd.grad(loss, logits)
        logits = (logits - slope).detach().requires_grad_()
    torch.testing.assert_close(logits.softmax(dim=-1)[0, 0], frequencies, rtol=0, atol=1e-3)


def test_at_a_quarter_probabilities_count_to_the_fourth() -> None:
    p = torch.tensor([0.5, 0.3, 0.2])
    drawn = sample_action(p.log().expand(50_000, 3), 0.25, torch.Generator().manual_seed(0))
    frequencies = torch.bincount(drawn, minlength=3) / 50_000
    torch.testing.assert_close(frequencies, p**4 / (p**4).sum(), rtol=0, atol=0.01)


@pytest.mark.slow
def test_a_short_pretraining_comes_near_bayes_and_disturbs_nobody_s_numbers() -> None:
    state = torch.get_rng_state()
    policy = pretrain(400, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    actions, rewards = history(200, 12, 5, seed=5)
    with torch.no_grad():
        said = policy(actions, rewards).softmax(dim=-1).numpy()
    distance: Any = np.abs(said - best_arm(*counts(actions, rewards, 5))).sum(axis=-1) / 2
    assert distance.mean() < 0.15
