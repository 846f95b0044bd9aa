"""The door to dolfinx: a wall as a finite-element mesh, Newton, load continuation."""
