"""Everything that can go wrong, named for what the caller can do about it."""


class InterleaveError(Exception):
    """Any failure this program explains; its text says what was wanted, what came and what to do."""


class UsageError(InterleaveError):
    """The person's input cannot be used: change it and ask again."""


class SetupError(InterleaveError):
    """Something is not installed, not configured or not writable: fix the set-up."""


class ReplyError(InterleaveError):
    """A model answered with something unusable: ask again or fall back."""


class SourceError(InterleaveError):
    """A source of pictures failed: go on without it."""


class ConflictError(InterleaveError):
    """An edit does not fit the article as it stands now: look at the article again."""
