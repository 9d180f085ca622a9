"""Lets torchvision, and with it open_clip, be imported beside a CPU build of PyTorch.

PyPI's torchvision registers CUDA operators of its own library; beside a CPU-only torch that registration fails with
"operator torchvision::nms does not exist". None of those operators is used here, so an empty module takes its place.
"""

import sys
import types


def allow_cpu_torchvision() -> None:
    """Call before the first import of torchvision or open_clip. Does nothing where torch has CUDA."""
    import torch

    if torch.version.cuda is None and "torchvision" not in sys.modules:
        name = "torchvision._meta_registrations"
        sys.modules.setdefault(name, types.ModuleType(name))
