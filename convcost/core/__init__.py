"""The words that everything speaks: dimensions, costs, amounts, errors; nothing here knows a network."""
