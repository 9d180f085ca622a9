"""Where vectors lie and are searched: on this machine, or on a server behind the same protocol."""
