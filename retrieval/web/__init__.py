"""Openly licensed pictures from the web: what is asked, how politely, and what is believed of the answers.

Nothing here is used until the author switches it on; docs/web-sources.md says what is sent to whom.
"""
