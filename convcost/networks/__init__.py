"""What a caller holds: a network that can be asked, and several of them side by side."""
