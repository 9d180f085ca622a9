"""How much memory a model could have on this machine now."""

from pathlib import Path

GB = 1e9


def free_gb(device: str) -> float:
    """Memory that a model could have now, GB; a large number where that cannot be told."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0]) / GB
    try:
        table = Path("/proc/meminfo").read_text(encoding="ascii")
        return float(next(line.split()[1] for line in table.splitlines() if line.startswith("MemAvailable"))) / 1e6
    except (OSError, StopIteration, ValueError):
        return 1e6
