"""The command line: `autograder COMMAND`. Each command is a few lines over the module that does the work."""

import os
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


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


@app.command()
def grade(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Notebooks, folders, nbgrader's submitted tree.")
    ],
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all results as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report of the class.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a row for each learner and exercise.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that grade.", show_default="cores")] = cores(),
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="A dask.distributed scheduler to grade on.")] = "",
    lesson: Annotated[str, typer.Option(metavar="LESSON", help="The lesson of all of them: 3, q_learning.")] = "",
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Keep the results of what is unchanged, or grade all anew.")
    ] = True,
    seed: Annotated[
        str, typer.Option(metavar="A,B,C", help="Judge on these seeds, as a result records them: to replay a dispute.")
    ] = "",
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Without a sandbox. Scores can be forged, and are marked.")
    ] = False,
) -> None:
    """Grade what was handed in, each submission in a sandbox of its own.

    Leaves with 0 when all could be graded, whatever the scores; with 1 when some could not.

    Example: `autograder grade classroom/submitted --json results.json --html class.html`
    """
    from autograder.grading.command import Options, grade

    options = Options(
        json, html, csv, workers, scheduler, lesson, fresh=not resume, seeds=seed, unsafe=unsafe_no_sandbox
    )
    raise typer.Exit(grade(paths, options))


@app.command()
def drill(
    lesson: Annotated[
        str,
        typer.Option(metavar="LESSON", help="Ask about one lesson: 3, q_learning.", show_default="all of them"),
    ] = "",
    count: Annotated[int, typer.Option(min=1, metavar="N", help="How many questions.")] = 10,
    workspace: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where you work.", show_default="where you are, or workspace/"),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Find a bug that was put into a function of your own.")
    ] = False,
    sheet: Annotated[bool, typer.Option("--sheet", help="Show your weak spots instead of asking.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="With --sheet: write it as a page.")] = None,
) -> None:
    """Answer interview questions, each again before you would forget it.

    Leave with q. Every answer is kept at once, in `drill.json` in your workspace.

    Example: `autograder drill --lesson bandits --count 5`
    """
    from autograder.interview.command import Options, drill

    drill(Options(lesson, count, workspace, repair, sheet, html))


@app.command()
def status(
    workspace: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where you work.", show_default="where you are, or workspace/")
    ] = None,
) -> None:
    """Show which exercises have passed, as your own checks said, how many minutes are left, and what is next.

    Example: `autograder status`
    """
    from autograder.desk.overview import overview
    from autograder.desk.telling import as_text
    from autograder.place import workspace as chosen

    found = overview(chosen(workspace))
    Console(soft_wrap=True, highlight=False).print(Text(as_text(found)))


@app.command()
def check(
    lesson: Annotated[
        str, typer.Argument(metavar="[LESSON]", help="Its number or name; all that you have begun, if none.")
    ] = "",
    workspace: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where you work.", show_default="where you are, or workspace/")
    ] = None,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Without a sandbox, where there is none: it is your own code.")
    ] = False,
) -> None:
    """Grade your own work before you hand it in, as an instructor would.

    The saved notebook is run in a sandbox and judged on secret seeds. Leaves with 0 when everything passes, with 1 when
    something does not. Nothing is written down.

    Example: `autograder check q_learning`
    """
    from autograder.desk.check import check
    from autograder.place import workspace as chosen

    folder = chosen(workspace)
    raise typer.Exit(check(folder, lesson, unsafe=unsafe_no_sandbox))


@app.command()
def classroom(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 8899,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Serve on this address; 127.0.0.1 is this machine alone.")
    ] = "0.0.0.0",
    database: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the class is kept.", show_default="classroom/class.db"),
    ] = None,
) -> None:
    """Show a class at a glance: who is at which exercise, and which mistakes are being made right now.

    Prints the address of the page for the room's second screen, and the line that learners run to join.

    Example: `autograder classroom --port 8899`
    """
    from autograder.glance.command import DEFAULT, run

    run(host, port, DEFAULT if database is None else database.expanduser())


@app.command()
def present(
    lesson: Annotated[str, typer.Argument(metavar="LESSON", help="Its number or name: 3, q_learning, 03_q_learning.")],
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where JupyterLab listens.", show_default="the next free one")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the speaker's sheet as HTML instead.")
    ] = None,
) -> None:
    """Present a lesson: its notebook as slides in JupyterLab, with a live kernel.

    Space and the arrow keys go from step to step, Shift + Enter runs a cell where it stands, Alt + P leaves the slides
    and returns. What is presented is a fresh copy under classroom/present; the lesson's own notebook stays as it is.

    Example: `autograder present 3`, and before it `autograder present 3 --sheet sheet.html`
    """
    from autograder.course import named

    if sheet is not None:
        from autograder.present.sheet import write_sheet

        write_sheet(named(lesson), sheet)
        Console(soft_wrap=True, highlight=False).print(Text(f"The speaker's sheet is in {sheet}."))
        return
    from autograder.present.server import present

    present(named(lesson), browser=browser, port=port)


@app.command()
def doctor() -> None:
    """Tell whether this machine has all that the course needs, a line each, with the command that mends what it lacks.

    Leaves with 1 if something is at fault.

    Example: `autograder doctor`
    """
    from autograder.doctor import doctor, exit_code, render

    findings = doctor()
    render(findings, Console(soft_wrap=True, highlight=False))
    raise typer.Exit(exit_code(findings))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a CourseError becomes one line on stderr and its exit code."""
    try:
        app(args=arguments)
    except CourseError as fault:
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text(str(fault)))
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
