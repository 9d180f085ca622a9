"""Pictures arranged from drawings of single things: no model draws them, and whoever drew the things is credited."""
