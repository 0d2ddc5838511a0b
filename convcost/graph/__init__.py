"""Networks as graphs: nodes joined by edges, walked to shapes and costs, and rewritten."""
