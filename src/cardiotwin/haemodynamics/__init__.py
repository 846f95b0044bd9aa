"""Blood as an incompressible fluid in a moving cavity: Navier-Stokes by finite elements."""
