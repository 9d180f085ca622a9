"""Where a picture goes in a text that stands, and which one: gaps, their features, one optimum, one assignment."""
