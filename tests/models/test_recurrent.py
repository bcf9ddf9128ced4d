"""The recurrent networks, against torch.nn.RNN and by hand."""

import pytest
import torch
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.recurrent import SimpleRNN
from bakeoff.models.registry import Task, build
from tests.models.overfit import steps_to_learn


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "count"), [("rnn", 49_408), ("birnn", 98_816)])
def test_parameter_counts_are_those_of_an_rnn_from_256_to_128(name: str, count: int) -> None:
    model = build(name, Task(channels=1, size=64, outputs=2), {})
    assert parameters(model.networks) == count
    assert parameters(model) == count + parameters(model.head)


def copied(reference: nn.RNN, *, reverse: bool = False, activation: str = "tanh") -> SimpleRNN:
    """Ours with the weights of torch's."""
    suffix = "_l0_reverse" if reverse else "_l0"
    ours = SimpleRNN(
        reference.input_size, reference.hidden_size, activation=activation, reverse=reverse
    )
    weights = {
        "input.weight": getattr(reference, f"weight_ih{suffix}"),
        "input.bias": getattr(reference, f"bias_ih{suffix}"),
        "recurrent.weight": getattr(reference, f"weight_hh{suffix}"),
        "recurrent.bias": getattr(reference, f"bias_hh{suffix}"),
    }
    ours.to(reference.weight_ih_l0.dtype).load_state_dict(weights, strict=True)
    return ours


@pytest.mark.parametrize(("dtype", "gate"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_states_are_those_of_torch_in_both_directions(
    dtype: torch.dtype, gate: float, activation: str
) -> None:
    torch.manual_seed(0)
    reference = nn.RNN(
        24, 16, nonlinearity=activation, bidirectional=True, batch_first=True, dtype=dtype
    )
    sequence = torch.randn(3, 30, 24, dtype=dtype)
    expected, last = reference(sequence)
    forwards = copied(reference, activation=activation)(sequence)
    backwards = copied(reference, reverse=True, activation=activation)(sequence)
    assert (torch.cat([forwards, backwards], dim=2) - expected).abs().max() < gate
    assert (forwards[:, -1] - last[0]).abs().max() < gate
    assert (backwards[:, 0] - last[1]).abs().max() < gate


@pytest.mark.parametrize("wrong", ["one bias", "other activation", "other direction"])
def test_what_is_not_torchs_network_fails_the_gate(wrong: str) -> None:
    torch.manual_seed(0)
    reference = nn.RNN(24, 16, batch_first=True)
    sequence = torch.randn(3, 30, 24)
    ours = copied(reference, activation="relu" if wrong == "other activation" else "tanh")
    if wrong == "one bias":
        nn.init.zeros_(ours.recurrent.bias)
    ours.reverse = wrong == "other direction"
    assert (ours(sequence) - reference(sequence)[0]).abs().max() > 1e-2


def test_a_state_by_hand() -> None:
    network = SimpleRNN(1, 1)
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), (2.0, 0.5, 3.0, -1.0), strict=True):
            parameter.fill_(value)  # U, b, W, b'
    first = torch.tanh(torch.tensor(2.0 * 0.1 + 0.5 - 1.0))
    second = torch.tanh(2.0 * 0.2 + 0.5 + 3.0 * first - 1.0)
    states = network(torch.tensor([[[0.1], [0.2]]]))
    assert torch.allclose(states[0, :, 0], torch.stack([first, second]))


def test_weights_start_within_the_bounds_of_torch() -> None:
    network = SimpleRNN(256, 128)
    for parameter in network.parameters():
        assert 0.9 * 128**-0.5 < parameter.abs().max() <= 128**-0.5


def test_many_to_one_takes_from_each_direction_the_state_that_has_seen_everything() -> None:
    torch.manual_seed(0)
    model = build("birnn", Task(channels=1, size=32, outputs=2), {"patch": 8, "hidden": 8})
    images = torch.rand(1, 1, 32, 32, requires_grad=True)
    forwards, backwards = model.head.weight.split(8, dim=1)
    for silenced in (forwards, backwards):
        before = silenced.detach().clone()
        with torch.no_grad():
            silenced.zero_()
        (seen,) = torch.autograd.grad(model(images).sum(), images)
        assert bool((seen != 0).all()), "each direction alone has seen every pixel"
        with torch.no_grad():
            silenced.copy_(before)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "patch", "stride"), [(32, 16, None), (45, 8, 4), (16, 16, None)])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_any_size_and_either_number_of_channels(
    channels: int, size: int, patch: int, stride: int | None, readout: str
) -> None:
    task = Task(channels=channels, size=size, outputs=2)
    options = {"patch": patch, "stride": stride, "hidden": 8, "readout": readout}
    model = build("birnn", task, options)
    assert model(torch.rand(3, channels, size, size)).shape == (3, 2)


def test_the_mean_readout_averages_the_states() -> None:
    torch.manual_seed(0)
    task = Task(channels=1, size=32, outputs=2)
    model = build("rnn", task, {"readout": "mean", "patch": 8, "hidden": 8})
    images = torch.rand(2, 1, 32, 32)
    patches = images.reshape(2, 4, 8, 4, 8).transpose(2, 3).reshape(2, 16, 64)
    states = model.networks[0](patches)
    assert torch.allclose(model(images), model.head(states.sum(dim=1) / 16))


def test_an_image_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds no patch of 64 x 64"):
        build("rnn", Task(size=32), {"patch": 64})


@pytest.mark.parametrize("name", ["rnn", "birnn"])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_sixteen_images_are_learnt_by_heart(name: str, readout: str) -> None:
    assert steps_to_learn(name, {"patch": 8, "hidden": 64, "readout": readout}) > 0
