"""Packed linear layers give the products of plain ones, and a row's bits do not depend on the rows beside it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sphering.encoder.sentence_transformers.packed import PackedLinear, pack_linear_layers


class Scaled(nn.Linear):
    """A linear layer that does something else too."""


@pytest.mark.parametrize(("inputs", "outputs", "bias"), [(384, 1536, True), (1536, 384, True), (312, 100, False)])
def test_a_packed_layer_is_the_layer_and_a_row_is_the_same_among_any_rows(inputs, outputs, bias):
    torch.manual_seed(0)
    plain = nn.Linear(inputs, outputs, bias=bias)
    packed = PackedLinear(plain)
    rows = torch.randn(512, inputs)
    with torch.inference_mode():
        whole = packed(rows)
        wide = rows.double() @ plain.weight.double().T + (plain.bias.double() if bias else 0.0)
        assert (whole - wide).abs().max() < 1e-5
        assert torch.equal(packed(rows.reshape(4, 128, inputs)).reshape(512, outputs), whole)
        for height in (*range(16, 513, 16), 2, 3, 17, 31):
            assert torch.equal(packed(rows[512 - height :]), whole[512 - height :]), height


def test_a_network_keeps_its_weights_and_the_layers_that_are_no_plain_linear_layers():
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Scaled(4, 4), nn.Linear(4, 2)))
    weights = {name: weight.clone() for name, weight in network.state_dict().items()}
    pack_linear_layers(network)
    assert [type(layer) for layer in (network[0], network[1][0], network[1][1])] == [PackedLinear, Scaled, PackedLinear]
    assert {name: torch.equal(weights[name], weight) for name, weight in network.state_dict().items()} == dict.fromkeys(
        weights, True
    )
