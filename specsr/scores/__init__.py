"""How far a result is from the truth, and simple methods to beat."""
