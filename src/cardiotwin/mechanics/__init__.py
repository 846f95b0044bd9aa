"""The wall as a hyperelastic body: laws, springs, equilibrium, unloading."""
