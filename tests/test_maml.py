"""Laws of adapting and of the losses over tasks, against autograd on a torch network; known values of nDCG."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from autograder.proxy import Here, Proxy, gradient
from metarec.functional import Params, init, mlp, task_loss
from metarec.tasks import Sinusoids, Stairs
from solutions.maml import (
    adapt,
    first_order_maml_loss,
    maml_loss,
    meta_train,
    ndcg_at_k,
    reptile_update,
    split_support_query,
)

Sets = tuple[Tensor, Tensor, Tensor, Tensor]


def start(*sizes: int, seed: int = 0) -> Params:
    """Parameters in double precision, so that differences of them mean something."""
    found = init(sizes, torch.Generator().manual_seed(seed))
    return {name: value.double() for name, value in found.items()}


def tasks(count: int, seed: int = 0) -> Sets:
    support_x, support_y, query_x, query_y = Sinusoids(count, 4, 3)(torch.Generator().manual_seed(seed))
    return support_x.double(), support_y.double(), query_x.double(), query_y.double()


def twin(params: Params) -> nn.Sequential:
    """A torch network of the same layers and numbers."""
    weights = [value for name, value in params.items() if name.endswith("weight")]
    layers: list[nn.Module] = []
    for weight in weights:
        layers += [nn.Linear(*reversed(weight.shape)), nn.ReLU()]
    network = nn.Sequential(*layers[:-1]).double()
    network.load_state_dict(params)
    return network


def close(one: Params, other: Params) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name])


@pytest.mark.parametrize("sizes", [(1, 1), (2, 5, 1), (3, 4, 4, 2)])
def test_the_functional_network_is_torch_s(sizes: tuple[int, ...]) -> None:
    params, x = start(*sizes), torch.randn(6, sizes[0], generator=torch.Generator().manual_seed(1)).double()
    network = twin(params)
    assert list(params) == list(network.state_dict())
    torch.testing.assert_close(mlp(params, x), network(x))
    torch.testing.assert_close(mlp(params, x), torch.func.functional_call(network, params, (x,)))


def test_first_parameters_lie_within_their_bound_and_come_from_the_generator() -> None:
    first, again = (init((9, 400, 1), torch.Generator().manual_seed(3)) for _ in range(2))
    close(first, again)
    for name, bound in (("0.weight", 1 / 3), ("0.bias", 1 / 3), ("2.weight", 1 / 20)):
        assert 0.9 * bound < float(first[name].abs().max()) <= bound
    state = torch.get_rng_state()
    init((2, 2), torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loss_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="hinge"):
        task_loss(start(1, 1), torch.zeros(1, 1).double(), torch.zeros(1, 1).double(), "hinge")  # type: ignore[arg-type]


def test_a_flat_y_is_the_same_as_a_column() -> None:
    params, (x, y, _, _) = start(1, 3, 1), tasks(1)
    assert task_loss(params, x[0], y[0, :, 0]) == task_loss(params, x[0], y[0])


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_adapting_is_what_sgd_does_to_a_torch_network(loss: str) -> None:
    params, (x, y, _, _) = start(1, 6, 1), tasks(1)
    x, y = x[0], (y[0] > 0).double() if loss == "logistic" else y[0]
    network = twin(copy.deepcopy(params))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(4):
        optimiser.zero_grad()
        answers = network(x)
        (
            nn.functional.binary_cross_entropy_with_logits(answers, y)
            if loss == "logistic"
            else (answers - y).square().mean()
        ).backward()
        optimiser.step()
    close(adapt(params, x, y, 0.05, 4, loss), {n: v.detach() for n, v in network.named_parameters()})  # type: ignore[arg-type]


def test_no_step_is_no_change_and_leaves_the_start_alone() -> None:
    params, (x, y, _, _) = start(1, 4, 1), tasks(1)
    before = copy.deepcopy(params)
    close(adapt(params, x[0], y[0], 0.1, 0), params)
    adapt(params, x[0], y[0], 0.1, 5)
    close(params, before)


def by_differences(outer: object, params: Params, name: str, place: int, width: float = 1e-6) -> float:
    """The slope of the loss over tasks in one number of the parameters, by central differences."""
    ends = []
    for shift in (width, -width):
        moved = {key: value.clone() for key, value in params.items()}
        moved[name].view(-1)[place] += shift
        ends.append(float(outer(moved)))  # type: ignore[operator]
    return (ends[0] - ends[1]) / (2 * width)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_the_gradient_of_maml_goes_through_the_adaptation(steps: int) -> None:
    params, sets = start(1, 5, 1), tasks(3)

    def outer(at: Params) -> Tensor:
        return maml_loss(at, *sets, 0.05, steps)

    slopes = torch.func.grad(outer)(params)
    for name, slope in slopes.items():
        for place in range(slope.numel()):
            assert float(slope.view(-1)[place]) == pytest.approx(by_differences(outer, params, name, place), abs=1e-5)


@pytest.mark.parametrize("outer", [maml_loss, first_order_maml_loss])
def test_a_batch_of_tasks_is_the_mean_of_single_ones_in_any_order(outer: object) -> None:
    params, sets = start(1, 5, 1), tasks(4)

    def loss_and_slopes(*of: Tensor) -> tuple[Tensor, Params]:
        slopes, value = torch.func.grad_and_value(outer)(params, *of, 0.05, 2)  # type: ignore[arg-type]
        return value, slopes

    value, slopes = loss_and_slopes(*sets)
    singles = [loss_and_slopes(*(part[t : t + 1] for part in sets)) for t in range(4)]
    torch.testing.assert_close(value, torch.stack([single for single, _ in singles]).mean())
    close(slopes, {name: torch.stack([single[name] for _, single in singles]).mean(dim=0) for name in slopes})
    turned, turned_slopes = loss_and_slopes(*(part[[2, 0, 3, 1]] for part in sets))
    torch.testing.assert_close(turned, value)
    close(turned_slopes, slopes)


def test_first_order_has_the_value_of_maml_and_the_gradient_where_it_ended() -> None:
    params, sets = start(1, 5, 1), tasks(1)
    slopes, value = torch.func.grad_and_value(first_order_maml_loss)(params, *sets, 0.05, 3)
    torch.testing.assert_close(value, maml_loss(params, *sets, 0.05, 3))
    support_x, support_y, query_x, query_y = (part[0] for part in sets)
    adapted = adapt(params, support_x, support_y, 0.05, 3)
    close(slopes, torch.func.grad(task_loss)(adapted, query_x, query_y))


@pytest.mark.parametrize("outer", [maml_loss, first_order_maml_loss])
def test_backward_and_grad_agree(outer: object) -> None:
    params, sets = start(1, 5, 1), tasks(2)
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    outer(leaves, *sets, 0.05, 2).backward()  # type: ignore[operator]
    slopes = torch.func.grad(outer)(params, *sets, 0.05, 2)  # type: ignore[arg-type]
    close({name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}, slopes)


def test_reptile_goes_from_the_start_to_the_mean_of_the_ends() -> None:
    params = start(1, 3, 1)
    ends = {name: torch.stack([value + 1, value + 3]) for name, value in params.items()}
    for size in (0.0, 0.25, 1.0):
        close(reptile_update(params, ends, size), {name: value + 2 * size for name, value in params.items()})


@pytest.mark.parametrize(("n", "size"), [(7, 3), (5, 0), (5, 5), (0, 0)])
def test_a_split_holds_each_index_once(n: int, size: int) -> None:
    support, query = split_support_query(n, size, np.random.default_rng(0))
    assert len(support) == size
    assert sorted([*support, *query]) == list(range(n))


@pytest.mark.parametrize(
    ("relevance", "k", "wanted"),
    [
        ([1, 0, 0], 3, 1.0),
        ([0, 1, 0], 3, 1 / np.log2(3)),
        ([0, 0, 0, 1], 3, 0.0),
        ([0, 0, 0], 2, 0.0),
        ([], 2, 0.0),
        ([3, 2, 3, 0, 1, 2], 6, 0.948810748),  # the standard example, with gain 2^rel − 1
        ([1, 0, 1], 10, (1 + 0.5) / (1 + 1 / np.log2(3))),
        ([1, 0, 0, 1, 1], 2, 1 / (1 + 1 / np.log2(3))),
    ],
)
def test_known_values_of_ndcg(relevance: list[int], k: int, wanted: float) -> None:
    assert ndcg_at_k(np.array(relevance), k) == pytest.approx(wanted)


def test_ndcg_is_1_for_the_best_order_alone() -> None:
    relevance = np.random.default_rng(0).integers(0, 4, 12)
    assert ndcg_at_k(np.sort(relevance)[::-1], 5) == pytest.approx(1)
    assert ndcg_at_k(np.sort(relevance), 5) < 1


def test_meta_train_learns_the_stairs_and_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    params = meta_train(Stairs(), 250, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    left = torch.linspace(-0.9, -0.1, 5)[:, None]
    for c in (-1.0, 0.0, 1.0):
        adapted = adapt(params, left, torch.full_like(left, 1 + c), 0.01, 3)
        assert float(mlp(adapted, -left).mean()) == pytest.approx(3 + 2 * c, abs=0.7)


def test_meta_train_makes_a_network_of_the_tasks_sizes() -> None:
    def wide(generator: torch.Generator) -> Sets:
        x = torch.randn(2, 4, 3, generator=generator)
        return x, x[..., :2], x, x[..., :2]

    params = meta_train(wide, 1, seed=0)
    assert mlp(params, torch.zeros(5, 3)).shape == (5, 2)
    assert not any(value.requires_grad for value in params.values())


@pytest.mark.parametrize("family", [Sinusoids(3, 4, 5), Stairs(tasks=3, support=4, query=5)])
def test_a_family_draws_tasks_from_the_generator_alone(family: Sinusoids | Stairs) -> None:
    drawn, again = (family(torch.Generator().manual_seed(2)) for _ in range(2))
    assert [tuple(part.shape) for part in drawn] == [(3, 4, 1), (3, 4, 1), (3, 5, 1), (3, 5, 1)]
    assert all(torch.equal(one, other) for one, other in zip(drawn, again, strict=True))


def test_sinusoids_are_waves_of_one_period() -> None:
    support_x, support_y, query_x, query_y = Sinusoids(20, 6, 4)(torch.Generator().manual_seed(0))
    for x, y, new_x, new_y in zip(support_x, support_y, query_x, query_y, strict=True):
        solved = torch.linalg.lstsq(torch.cat([x.sin(), x.cos()], dim=1), y).solution
        torch.testing.assert_close(torch.cat([new_x.sin(), new_x.cos()], dim=1) @ solved, new_y, rtol=1e-3, atol=1e-3)
        assert 0.1 <= float(solved.norm()) <= 5.001


def test_a_gradient_with_respect_to_a_dict_is_a_dict_whatever_the_order_of_names() -> None:
    params, (x, y, _, _) = start(1, 3, 1), tasks(1)

    def turned(params: Params, x: Tensor, y: Tensor) -> Params:
        return dict(reversed(adapt(params, x, y, 0.1, 1).items()))

    slopes = gradient(Proxy(Here(), turned, "turned", []), params, x[0], y[0])
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    adapted = adapt(leaves, x[0], y[0], 0.1, 1)
    numbers = torch.cat([adapted[name].flatten() for name in sorted(adapted)])
    total = (numbers * torch.arange(len(numbers)).double().cos()).sum()
    wanted = torch.autograd.grad(total, list(leaves.values()))
    for (name, slope), expected in zip(slopes.items(), wanted, strict=True):
        np.testing.assert_allclose(slope, expected, err_msg=name)
