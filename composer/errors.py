"""The errors of `retrieval.errors`, and the two that only articles and models have."""

from retrieval.errors import InterleaveError, SetupError, SourceError, UsageError

__all__ = ["ConflictError", "InterleaveError", "ReplyError", "SetupError", "SourceError", "UsageError"]


class ReplyError(InterleaveError):
    """A model answered with something unusable: ask again or fall back."""


class ConflictError(InterleaveError):
    """An edit does not fit the article as it stands now: look at the article again."""
