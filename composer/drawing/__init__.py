"""Drawing pictures for an article: what is asked of a generator, when, in which style, and what the files say of it."""
