"""How the starter image-text model was made: its data, its hold-out, its training and its judging. Needs torch."""
