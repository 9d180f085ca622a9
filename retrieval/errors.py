"""Everything that can go wrong, named for what the caller can do about it; the tree the whole program shares."""


class InterleaveError(Exception):
    """Any failure this program explains; its text says what was wanted, what came and what to do."""


class UsageError(InterleaveError):
    """The person's input cannot be used: change it and ask again."""


class SetupError(InterleaveError):
    """Something is not installed, not configured or not writable: fix the set-up."""


class SourceError(InterleaveError):
    """A source of pictures failed: go on without it."""
