"""grammar: members are networks that a context-free grammar derives."""
