"""What a network is for: the closed list of words that a spec may say; apart, so that the command line need not load more."""

TASKS = (
    "classification",
    "detection",
    "segmentation",
    "pose estimation",
    "depth estimation",
    "super-resolution",
    "denoising",
    "video classification",
    "text recognition",
    "keyword spotting",
    "speech recognition",
    "sequence modelling",
    "anomaly detection",
)
"""Of images unless the word says otherwise."""
