"""Charts as SVG, made from the numbers that the API gives, each with the table that says the same."""
