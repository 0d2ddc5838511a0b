"""What tests share: reference counters, random graphs, rows derived by hand, readers of what is printed."""
