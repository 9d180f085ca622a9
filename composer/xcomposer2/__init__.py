"""InternLM-XComposer2, native: the model, its checkpoints, its way of composing, its training.

Every module here needs torch and transformers; the rest of the program imports the package only when it is used.
"""

from retrieval.torchvision_fix import allow_cpu_torchvision

allow_cpu_torchvision()  # transformers' base classes import torchvision
