"""Languages, direction, dates and sentences of the refusals, as a person reads them."""
