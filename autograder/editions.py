"""From the instructor's notebook to the learner's.

In the source notebook a solution cell imports the reference:

    from solutions.q_learning import td_target

`inlined` replaces that line by the function's source, its body between nbgrader's markers, and nbgrader's
ClearSolutions then leaves a signature, a docstring and a stub. nbgrader is imported only when an edition is
made, so that asking which edition a notebook is stays fast.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import CourseError

if TYPE_CHECKING:
    from nbformat import NotebookNode

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STAMP = "learning_to_recommend"

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def is_solution(cell: Mapping[str, Any]) -> bool:
    """Whether nbgrader takes this cell for a code cell that the learner fills in."""
    return cell["cell_type"] == "code" and bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def text(cell: Mapping[str, Any]) -> str:
    """The cell's source, which a file may hold as lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def inlined(cell: Mapping[str, Any], notebook: Path) -> str:
    """The source of a cell of `notebook`, with what a solution cell imports written out.

    Other cells stay as they are. Raises CourseError, naming the cell and what to do, for a solution cell that
    is not such an import, and for another cell that imports the lesson's own solutions.
    """
    source = text(cell)
    own = f"solutions.{notebook.stem[3:]}"
    where = f"{notebook.name}, cell {cell.get('id', '?')!r}"
    if not is_solution(cell):
        if cell["cell_type"] == "code" and re.search(rf"{own}\b", source):
            raise CourseError(
                f"{where} names {own} but is not a solution cell, so learners would receive the solution. "
                "Set its metadata nbgrader.solution to true, or use the function of the cells above it."
            )
        return source
    module, names = _imported(source, where)
    file = notebook.parent.parent.parent / "solutions" / f"{module}.py"
    try:
        code = file.read_text(encoding="utf-8")
        tree = ast.parse(code)
    except (OSError, SyntaxError, ValueError) as fault:
        raise CourseError(f"{where}: solutions/{module}.py cannot be read: {fault}. Repair it.") from fault
    definitions = {node.name: node for node in tree.body if isinstance(node, Definition)}
    for name in names:
        if name not in definitions:
            raise CourseError(f"{where}: solutions/{module}.py has no function or class {name}. Write it there.")
    return "\n\n\n".join(_with_regions(code.splitlines(), definitions[name], where) for name in names)


def _imported(source: str, where: str) -> tuple[str, list[str]]:
    """The module (without `solutions.`) and the names that a solution cell imports."""
    wanted = f"{where} is a solution cell: its source must be, alone, from solutions.SLUG import NAME[, NAME]"
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        raise CourseError(wanted) from None
    match statements:
        case [ast.ImportFrom(module=str(module), names=names, level=0)] if module.startswith("solutions."):
            if any(name.asname or name.name == "*" for name in names):
                raise CourseError(wanted)
            return module.removeprefix("solutions."), [name.name for name in names]
    raise CourseError(wanted)


def _with_regions(lines: list[str], node: Definition, where: str) -> str:
    """The definition's source, decorators too, with each body between nbgrader's markers."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    last = node.end_lineno or node.lineno
    opens: dict[int, str] = {}
    closes: dict[int, str] = {}
    for function in _functions(node):
        begin, end = _body(lines, function, where)
        indent = " " * function.body[0].col_offset
        opens[begin], closes[end] = indent + BEGIN, indent + END
        last = max(last, end)
    out = []
    for number in range(first, last + 1):
        out += [opens[number]] if number in opens else []
        out += [lines[number - 1]]
        out += [closes[number]] if number in closes else []
    return "\n".join(out)


def _functions(node: Definition) -> Iterable[Function]:
    """The function itself, or the methods of a class and of the classes in it."""
    if isinstance(node, Function):
        yield node
        return
    for child in node.body:
        if isinstance(child, Definition):
            yield from _functions(child)


def _body(lines: list[str], function: Function, where: str) -> tuple[int, int]:
    """First and last line (from 1) of what a learner writes: all after the docstring, comments too."""
    start = f"{where}: {function.name} in the solutions"
    documented = ast.get_docstring(function, clean=False) is not None
    statements = function.body[1:] if documented else function.body
    if not statements:
        raise CourseError(f"{start} has a docstring but no body. Write the reference there.")
    header = function.body[0].end_lineno if documented else function.lineno
    begin = statements[0].lineno
    if isinstance(statements[0], Definition):
        begin = min([begin, *(decorator.lineno for decorator in statements[0].decorator_list)])
    if lines[begin - 1][: statements[0].col_offset].strip():
        raise CourseError(f"{start} has its body beside something else. Put it on lines of its own.")
    while begin - 1 > (header or 0) and _is_comment(lines[begin - 2]):
        begin -= 1
    end = ahead = statements[-1].end_lineno or begin
    while ahead < len(lines) and _is_comment(lines[ahead]):
        indent = len(lines[ahead]) - len(lines[ahead].lstrip())
        if lines[ahead].strip() and indent < statements[0].col_offset:
            break
        ahead += 1
        end = ahead if lines[ahead - 1].strip() else end
    return begin, end


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def edition_id(cells: Iterable[Mapping[str, Any]], notebook: Path) -> str:
    """A short name for what a learner of this source notebook is given: 12 hex digits of a SHA-256.

    It covers the cells with their metadata and the inlined text outside the solution regions, so that a
    reference written better is no new edition, and a clearer docstring is.
    """
    seen = [
        {
            "type": cell["cell_type"],
            "id": cell.get("id"),
            "metadata": cell["metadata"],
            "source": _outside_regions(inlined(cell, notebook)),
        }
        for cell in cells
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:12]


def _outside_regions(source: str) -> str:
    kept, inside = [], False
    for line in source.splitlines():
        inside = inside or line.strip() == BEGIN
        if not inside:
            kept.append(line)
        inside = inside and line.strip() != END
    return "\n".join(kept)


def read(notebook: Path) -> dict[str, Any]:
    """A notebook file as plain data; CourseError where it is none, OSError where it cannot be opened."""
    try:
        content = json.loads(notebook.read_bytes())
        cells = content["cells"]
        complete = isinstance(content["metadata"], dict) and all(
            isinstance(cell["metadata"], dict) and isinstance(cell["cell_type"], str) and "source" in cell
            for cell in cells
        )
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise CourseError(f"{notebook.name} is not a notebook ({fault or type(fault).__name__})") from None
    if not complete:
        raise CourseError(f"{notebook.name} is not a notebook (a cell lacks its parts)")
    return dict(content)


def learner_edition(source: Path) -> "NotebookNode":
    """The notebook that a learner is given, made by nbgrader's own GenerateAssignment without its database.

    `source` is `ROOT/notebooks/NN_slug/NN_slug.ipynb`; the configuration is `ROOT/nbgrader_config.py`. The
    result is what `nbgrader generate_assignment` writes. Raises CourseError for a faulty source.
    """
    import nbformat
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.nbgraderformat import ValidationError
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    source = source.resolve()
    config = PyFileConfigLoader("nbgrader_config.py", str(source.parent.parent.parent)).load_config()
    config.merge(Config({"SaveCells": {"enabled": False}}))
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    exporter = converter.exporter_class(config=converter.config)
    for preprocessor in converter.preprocessors:
        exporter.register_preprocessor(preprocessor)
    identity = {"notebook": source.stem, "assignment": source.stem, "student": ".", "db_url": ""}
    try:
        written, _ = exporter.from_filename(str(source), resources={"nbgrader": identity})
    except (ValidationError, RuntimeError) as fault:
        raise CourseError(f"nbgrader makes no learner edition of {source.name}: {fault}") from fault
    return nbformat.reads(written, as_version=4)
