"""The words that everything speaks: dimensions, costs, amounts, errors; nothing here knows a network."""

import time

BEGUN = time.time_ns()
"""When this process began to read convcost's source; what has changed on disk since then is not what runs."""
