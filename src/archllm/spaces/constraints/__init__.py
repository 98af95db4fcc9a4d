"""Constraints: which combinations of choices belong to a space, in a small language that can only look and compare.

    count("conv3x3") <= 3 and slot.width1 <= slot.width2

Numbers, texts in quotes, `true`, `false`; `+ - * / // %`; `== != < <= > >=`, chained as in `1 < slot.a <= 5`;
`in [...]`; `not`, `and`, `or`; `min`, `max`, `sum` and `abs` of numbers; and the names that the kind of space offers. A
text becomes a tree by Python's own parser, behind a check of every token, and the tree is interpreted on whole batches:
nothing is ever compiled, evaluated or executed.
"""

from archllm.spaces.constraints.meaning import Constraint, Term, Vocabulary, check_work, compile_constraints

__all__ = ["Constraint", "Term", "Vocabulary", "check_work", "compile_constraints"]
