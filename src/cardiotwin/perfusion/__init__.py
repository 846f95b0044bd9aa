"""Blood flow in the wall: how it is measured with a tracer, and what drives it."""
