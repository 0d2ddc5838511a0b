"""Published figures of papers and tools, recomputed; published accuracies against costs."""
