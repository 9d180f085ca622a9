from retrieval.torchvision_fix import allow_cpu_torchvision

allow_cpu_torchvision()  # before a test module imports transformers
