"""Languages, direction, dates and refusals, as a person reads them."""
