"""The command line: `autograder COMMAND`. Each command is a few lines over the module that does the work."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from autograder.course import ROOT
from autograder.errors import CourseError

app = typer.Typer(
    help="Learning to Recommend: a notebook course that grades itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _course() -> None:
    """Learning to Recommend: a notebook course that grades itself."""


@app.command()
def start(
    workspace: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to work.", show_default="workspace/ in the course"),
    ] = None,
) -> None:
    """Make the folder that you work in, with a notebook for each lesson.

    What is there is never changed: where the course has a newer edition of a lesson, it is put beside yours.

    Example: `autograder start --workspace ~/recommend`
    """
    from autograder.workspace import Did, start

    folder = ROOT / "workspace" if workspace is None else workspace.expanduser()
    console = Console(soft_wrap=True, highlight=False)
    outcomes = []
    for outcome in start(folder):
        outcomes.append(outcome)
        match outcome.did:
            case Did.MADE:
                console.print(Text.assemble((outcome.lesson.name, "bold"), "  made"))
            case Did.BESIDE:
                console.print(
                    Text.assemble(
                        (outcome.lesson.name, "bold"),
                        f"  yours is kept; the course's newer edition is beside it: {outcome.path.name}",
                    )
                )
            case Did.FAILED:
                Console(stderr=True, soft_wrap=True, highlight=False).print(
                    Text.assemble((outcome.lesson.name, "bold"), ("  not made: ", "red"), outcome.message)
                )
    kept = sum(outcome.did in (Did.KEPT, Did.BESIDE) for outcome in outcomes)
    made = sum(outcome.did is Did.MADE for outcome in outcomes)
    console.print(Text(f"{folder}: {made} made, {kept} as you left them"))
    if any(outcome.did is Did.FAILED for outcome in outcomes):
        raise typer.Exit(1)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a CourseError becomes one line on stderr and its exit code."""
    try:
        app(args=arguments)
    except CourseError as fault:
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text(str(fault)))
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
