"""The fuzzer: hostile input through every door, judged by what must hold of any answer.

`python -m fuzz 200000 --seed 7 --jobs 2`, in tests, runs so many cases; `python -m fuzz --only spec:7:1234` runs one again.

A case is a few small files and something that is asked about them (`case.py`). Generators make the case of a kind, a seed and
a number, the same on every machine (`specs`, `models`, `tables`, `commands`, `calls`; `grown`, `mutants` and `values` are what
they draw on). A door asks (`doors.py`) and judges the answer by `oracles.py`; `watch.py` bounds its time and memory;
`run.py` runs many. What was found once stands in `kept/`, one file each, with what is right.
"""
