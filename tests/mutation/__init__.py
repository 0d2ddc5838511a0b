"""Mutation: one token of the code changed at a time, to see whether a test notices.

`python -m mutation ops spec/elaborate.py --sample 40 --seed 7`, in tests, takes 40 of the mutants of a package and a module and
runs the tests that cover them. What survives is printed, and the exit status is 1: either a test is missing, or no result
can change; such mutants stand in equivalent.yaml, with the reason.
"""
