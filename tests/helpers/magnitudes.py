"""Numbers of every magnitude, for what has to hold of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

HUGE = 10**30

#: Numbers of every magnitude, and those around powers, where the unit steps up.
COUNTS = st.one_of(
    st.integers(0, 10**4),
    st.integers(0, HUGE),
    st.builds(lambda power, nearly: 1000**power - nearly, st.integers(1, 10), st.integers(0, 10**6)).map(abs),
    st.builds(lambda power, nearly: 1024**power - nearly, st.integers(1, 9), st.integers(0, 10**6)).map(abs),
    st.builds(lambda digits, power: digits * 10**power, st.integers(0, 10**4), st.integers(0, 26)),
)
