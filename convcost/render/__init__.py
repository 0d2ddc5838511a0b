"""Rendering: tables as text and HTML, figures as SVG; nothing here knows a network."""
