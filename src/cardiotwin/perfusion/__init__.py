"""Blood through the wall: what a first pass of contrast measures, and models that predict it."""
