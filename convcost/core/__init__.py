"""The vocabulary shared by all packages: dimensions, costs, amounts, errors; nothing here knows a network."""

import time

BEGUN = time.time_ns()
"""When this process began to load convcost's source; files changed on disk since then are not what is running."""
