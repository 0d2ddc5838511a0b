"""What papers and tools print, recomputed; accuracies beside costs."""
