"""Linear layers whose weights are packed once, for oneDNN's products in float32 on a CPU.

PyTorch gives a linear layer to MKL, which brings the weights into its own order in every call. On one core, at 2,048
rows, 93 to 100 GFLOP/s were measured that way and 105 to 113 this way with AVX-512, and 86 % of an encoding is linear
layers. A row of such a product has the same bits among any number of rows from 2 on (measured with AVX-512 and AVX2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sphering.encoder.sentence_transformers.batching import ON_A_CORE


class PackedLinear(nn.Linear):
    """A linear layer with packed weights beside its own, which networks may look at.

    Parameters
    ----------
    linear : torch.nn.Linear
        In float32 on the CPU.
    """

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ON_A_CORE.budget)

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows · weight' + bias, shape (..., out_features)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self.bias, "none", [], "")
        return product


def pack_linear_layers(network: nn.Module) -> None:
    """Replace the linear layers of a network, where PyTorch was built with oneDNN.

    Subclasses of `torch.nn.Linear` stay as they are: they do something else.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child))
