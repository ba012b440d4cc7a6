"""The size of the package in some checkouts, as a table: python tools/size.py CHECKOUT...

Lines are those of code, without blank ones, comments and docstrings.
"""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

import numpy as np

FOLDERS = ("hamiltonians", "_data", "_solvers", "_selection", "_simulation", "integrators")
SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def lines_of_code(text, module):
    """The numbers of the lines that hold code."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return lines


def measured(checkout):
    """{row of the table: a number or several}."""
    rows, lengths, constants, abstract = dict.fromkeys((*FOLDERS, "the rest"), 0), [], 0, 0
    for file in Path(checkout, "skhnn").rglob("*.py"):
        text = file.read_text()
        module = ast.parse(text)
        lines, folder = lines_of_code(text, module), file.relative_to(checkout).parts[1]
        rows[folder if folder in FOLDERS else "the rest"] += len(lines)
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                lengths.append(len(lines.intersection(range(node.lineno, node.end_lineno + 1))))
                abstract += ast.unparse(node.body[-1]).startswith("raise NotImplementedError")
                abstract += "abstractmethod" in map(ast.unparse, node.decorator_list)
        stored = " ".join(
            ast.dump(n) for n in module.body if isinstance(n, ast.Assign | ast.AnnAssign)
        )
        constants += len(re.findall("Name\\(id='_?[A-Z][A-Z0-9_]+', ctx=Store", stored))
    total = rows["all"] = sum(rows.values())
    rows |= {"functions": len(lengths), "abstract methods": abstract}
    rows["lines of a function: median, p90, most"] = np.percentile(lengths, [50, 90, 100])
    rows["constants per 1000 lines"] = round(1000 * constants / total, 1)
    return rows


if __name__ == "__main__":
    tables = [measured(checkout) for checkout in sys.argv[1:]]
    print(f"| | {' | '.join(sys.argv[1:])} |\n{'|---' * len(sys.argv)}|")
    for row in tables[0]:
        cells = (" ".join(f"{x:.5g}" for x in np.ravel(table[row])) for table in tables)
        print("|", " | ".join([row, *cells]), "|")
