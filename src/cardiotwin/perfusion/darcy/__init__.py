"""Blood through the wall as through a porous body of several compartments, fed by the coronaries.

Michler et al. (2013), Int J Numerical Methods Biomed Eng 29:217-232; Di Gregorio et al. (2021),
J Comput Phys 424:109836.
"""
