"""How things are put on paper: tables as text, HTML and SVG; nothing here knows a network."""
