"""A small XComposer2 for drawings: its data, its training, its judging, and the folder it ships in."""
