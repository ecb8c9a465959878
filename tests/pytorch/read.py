"""Loads files that innerloop wrote into PyTorch's modules, strictly, and compares their logits with innerloop's.

    python tests/pytorch/read.py FOLDER

The test `pytorch` writes the files and runs this if INNERLOOP_PYTHON names a Python with torch, safetensors and numpy.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from nets import Conv4, ResNet12, logits
from safetensors.torch import load_file

folder = Path(sys.argv[1])
worst = 0.0
for name, make in [("conv4", Conv4), ("resnet12", ResNet12)]:
    theirs = np.load(folder / f"{name}_logits.npz")
    with np.load(folder / f"{name}.npz") as file:
        npz = {key: torch.from_numpy(file[key]) for key in file.files}
    for kind, state in [("safetensors", load_file(folder / f"{name}.safetensors")), ("npz", npz)]:
        net = make()
        net.load_state_dict(state)  # strict: a name too many or too few is an error
        for norm, ours in logits(net).items():
            difference = np.abs(ours.numpy() - theirs[norm]).max()
            print(f"{name}.{kind}, norm by {norm} statistics: logits differ by {difference:.1e}")
            worst = max(worst, difference)
if not worst <= 1e-5:
    sys.exit(f"logits differ by {worst}")
