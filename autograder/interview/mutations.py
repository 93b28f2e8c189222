"""Bugs of the kind that people write, as changes of a line: a term dropped, an axis swapped, a border missed.

A change is made in the text and not in the tree, so that all else in the function stays as its author wrote it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

PAIRS = (
    *(("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("minimum", "maximum")),
    *(("terminated", "truncated"), ("terminated", "ended"), ("zeros", "ones"), ("zeros_like", "ones_like")),
    *(("gamma", "lam"), ("successes", "failures"), ("online", "target"), ("next_q_online", "next_q_target")),
    *(("mean", "sum"), ("old_log_prob", "new_log_prob"), ("values", "next_values")),
    *(("huber_loss", "mse_loss"), ("log_softmax", "softmax"), ("ceil", "floor"), ("floor", "round")),
    *(("logged_propensity", "target_propensity"), ("predicted_logged", "predicted_target")),
)
SWAPS = {old: new for pair in PAIRS for old, new in (pair, pair[::-1])}
# taking such a call away leaves code that runs
DROPPABLE = {"masked_fill", "detach", "copy", "clone", "clip", "clamp", "exp", "log", "abs", "cumsum", "flip"}
COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}


@dataclass(frozen=True)
class Change:
    """One change: in `line` (from 1) of the source the bytes from `start` to `end` become `text`."""

    line: int
    start: int
    end: int
    text: str
    kind: str

    def applied(self, source: str) -> str:
        """The source with this change made."""
        lines = source.splitlines()
        changed = lines[self.line - 1].encode()
        lines[self.line - 1] = (changed[: self.start] + self.text.encode() + changed[self.end :]).decode()
        return "\n".join(lines) + "\n"


def changes(source: str, name: str) -> list[Change]:
    """All changes of the body of the function `name` in `source`, its docstring, defaults and annotations left alone.

    SyntaxError where the source is none.
    """
    tree = ast.parse(source)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    names = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    names |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    found = [
        change for statement in body for node in ast.walk(statement) for change in _of_node(_Text(source), node, names)
    ]
    return list(dict.fromkeys(found))


class _Text:
    """The source by nodes: positions are in bytes, as Python's own are."""

    def __init__(self, source: str) -> None:
        self.lines = [line.encode() for line in source.splitlines()]

    def of(self, node: ast.expr | ast.stmt) -> str:
        return self.lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()

    def operand(self, node: ast.expr, of: ast.expr) -> str:
        """The operand's text, with its brackets where it has some of its own."""
        line, start, end = self.lines[node.lineno - 1], node.col_offset, node.end_col_offset or 0
        bracketed = line[start - 1 : start] == b"(" and line[end : end + 1] == b")"
        within = (of.col_offset < start and end < (of.end_col_offset or 0)) or start - 1 == of.col_offset
        return f"({self.of(node)})" if bracketed and within else self.of(node)

    def replaced(self, node: ast.expr | ast.stmt, text: str, kind: str) -> Iterator[Change]:
        """The node's text replaced, if it stands on one line and something changes."""
        if node.lineno == node.end_lineno and node.end_col_offset is not None and text != self.of(node):
            start, end = node.col_offset, node.end_col_offset
            line = self.lines[node.lineno - 1]
            # brackets around a single name would give the change away
            if text.isidentifier() and re.search(rb"(^|[^\w\])])\($", line[:start]) and line[end:].startswith(b")"):
                start, end = start - 1, end + 1
            yield Change(node.lineno, start, end, text, kind)

    def between(self, left: ast.expr, right: ast.expr, old: str, new: str, kind: str) -> Iterator[Change]:
        """The operator `old` between two nodes of one line replaced."""
        if left.end_lineno == right.lineno and left.end_col_offset is not None:
            gap = self.lines[right.lineno - 1][left.end_col_offset : right.col_offset].decode()
            if gap.count(old) == 1:
                at = left.end_col_offset + len(gap[: gap.index(old)].encode())
                yield Change(right.lineno, at, at + len(old.encode()), new, kind)


def _of_node(text: _Text, node: ast.AST, names: set[str]) -> Iterator[Change]:
    match node:
        case ast.BinOp():
            yield from _of_operation(text, node)
        case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in COMPARISONS:
            yield from text.between(left, right, *COMPARISONS[type(operation)], "a border is missed")
        case ast.BoolOp(op=operation, values=[left, right]):
            old, new = ("and", "or") if isinstance(operation, ast.And) else ("or", "and")
            yield from text.between(left, right, old, new, "one condition is taken for the other")
        case ast.UnaryOp(operand=operand):
            yield from text.replaced(node, text.of(operand), "a sign or a negation is lost")
        case ast.IfExp(body=body, orelse=other):
            yield from text.replaced(node, text.of(other), "a case is forgotten")
            yield from text.replaced(node, text.of(body), "a case is forgotten")
        case ast.If(test=test) | ast.While(test=test):
            yield from text.replaced(test, f"not {text.of(test)}", "a condition is turned round")
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            yield from text.replaced(node, str(1 - value if value in (0, 1) else value + 1), "a number is off by one")
        case ast.Call():
            yield from _of_call(text, node)
        case ast.Name(id=name) if SWAPS.get(name) in names:
            yield from text.replaced(node, SWAPS[name], "two names are mixed up")
        case ast.Attribute(value=value, attr=attribute) if attribute in SWAPS and node.lineno == node.end_lineno:
            yield from text.replaced(node, f"{text.of(value)}.{SWAPS[attribute]}", "the wrong one of two is taken")
        case ast.AugAssign(target=target, op=ast.Add() | ast.Sub() as operation, value=value):
            old = "+=" if isinstance(operation, ast.Add) else "-="
            yield from text.between(target, value, old, "=", "a sum is overwritten")
            yield from text.between(target, value, old, "-=" if old == "+=" else "+=", "a sign is turned round")
        case _:
            pass


def _of_operation(text: _Text, node: ast.BinOp) -> Iterator[Change]:
    left, right = text.operand(node.left, node), text.operand(node.right, node)
    match node.op:
        case ast.Add() | ast.Sub():
            yield from text.replaced(node, left, "a term is dropped")
            yield from text.replaced(node, right, "a term is dropped")
            old, new = ("+", "-") if isinstance(node.op, ast.Add) else ("-", "+")
            yield from text.between(node.left, node.right, old, new, "a sign is turned round")
        case ast.Mult() | ast.MatMult():
            yield from text.replaced(node, left, "a factor is dropped")
            yield from text.replaced(node, right, "a factor is dropped")
        case ast.Div():
            yield from text.replaced(node, left, "a division is dropped")
            if isinstance(node.left, ast.Name | ast.Call) and isinstance(node.right, ast.Name | ast.Call):
                yield from text.replaced(node, f"{right} / {left}", "a fraction is upside down")
        case ast.Pow():
            yield from text.between(node.left, node.right, "**", "*", "a power is taken for a product")
        case _:
            pass


def _of_call(text: _Text, node: ast.Call) -> Iterator[Change]:
    match node:
        case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
            yield from text.replaced(node, text.of(inner), "the order is turned round")
        case ast.Call(func=ast.Name(id="range"), args=[end]):
            yield from text.replaced(node, f"range({text.of(end)} - 1)", "a loop ends one early")
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in DROPPABLE:
            # np.exp(x) loses its argument's function, x.exp() its own
            is_module = isinstance(value, ast.Name) and value.id in ("np", "torch", "math") and node.args
            yield from text.replaced(node, text.of(node.args[0] if is_module else value), "a step is left out")
    if len(node.args) >= 2 and not any(isinstance(argument, ast.Starred) for argument in node.args):
        first, second = node.args[-2:]
        if first.lineno == first.end_lineno == second.lineno == second.end_lineno and first.end_col_offset is not None:
            gap = text.lines[first.lineno - 1][first.end_col_offset : second.col_offset].decode()
            swapped = f"{text.of(second)}{gap}{text.of(first)}"
            if second.end_col_offset is not None and text.of(first) != text.of(second):
                yield Change(
                    first.lineno, first.col_offset, second.end_col_offset, swapped, "two arguments are swapped"
                )
