"""Limits on what networks cost, a lock of what they did cost, and checks of both."""
