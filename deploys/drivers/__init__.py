"""How commands are run: as processes, in bubblewrap, in containers of Docker; one seam for all."""
