"""Costs in test suites of others: a plugin for pytest."""
