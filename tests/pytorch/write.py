"""Writes the files beside this one: PyTorch 2.15.0, safetensors 0.8.0, numpy 2.4.6, on a CPU.

    python tests/pytorch/write.py
"""

from pathlib import Path

import numpy as np
import torch
from nets import Conv4, ResNet12, WAYS, images, logits, mlp
from safetensors.torch import save_file

HERE = Path(__file__).parent


def arrays(net):
    return {name: array.numpy() for name, array in net.state_dict().items()}


def trained(net):
    """A few steps, so that scales, shifts, running statistics and counts are not what they were at first."""
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for step in range(5):
        x = images() * (1 + step) + 0.1 * step
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), torch.arange(len(x)) % WAYS).backward()
        optimizer.step()
    return net


torch.manual_seed(0)
conv4, resnet12 = trained(Conv4()), trained(ResNet12())
for name, net in [("conv4", conv4), ("resnet12", resnet12)]:
    save_file(net.state_dict(), HERE / f"{name}.safetensors")
    np.savez_compressed(HERE / f"{name}_logits.npz", **{k: v.numpy() for k, v in logits(net).items()})
np.savez_compressed(HERE / "conv4.npz", **arrays(conv4))
for kind in (torch.float64, torch.float16, torch.bfloat16):
    head = {k: v.to(kind) for k, v in conv4.head.state_dict().items()}
    save_file(head, HERE / f"head_{str(kind)[6:]}.safetensors")
    if kind != torch.bfloat16:  # NumPy has no such type
        np.savez(HERE / f"head_{str(kind)[6:]}.npz", **{k: v.numpy() for k, v in head.items()})

net, x = mlp(), torch.linspace(-2, 2, 5)[:, None]
np.savez(HERE / "mlp.npz", **arrays(net))
np.savez(HERE / "mlp_logits.npz", x=x.numpy(), y=net(x).detach().numpy())
