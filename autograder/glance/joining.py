"""`join` and `leave`, and what each check tells the classroom in between."""

from __future__ import annotations

import contextlib
import os
import time
from html import escape

from autograder import card
from autograder.errors import CourseError
from autograder.glance import membership
from autograder.glance.calling import Refusal, Unreachable, call, parts
from autograder.glance.membership import Membership
from autograder.glance.outbox import Outbox
from autograder.place import kept, workspace_here
from autograder.shown import Shown, show
from autograder.verdict import Verdict

_outbox: Outbox | None = None


def join(address: str, nickname: str) -> None:
    """Join the classroom at this address, under this nickname; from then on each check tells the class three things.

    The exercise, whether it passed, and the mistake that was recognised: never code, and nothing from before. It holds
    in all notebooks of this workspace, for 12 hours at most; `leave()` ends it.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    try:
        found, reached = _join(str(address), str(nickname))
    except CourseError as fault:
        # no reason to stop a notebook: all else works without a classroom
        _say(card.WRONG, "✗ Not joined", str(fault), "Checks work all the same.")
        return
    title = f"✓ You are in the classroom, as {found.nickname}"
    if not reached:
        _say(card.BORDER, title, "It cannot be reached now. What your checks say is sent as soon as it can.")
        return
    _say(
        card.RIGHT,
        title,
        "From now on each check in this workspace tells the class three things: the exercise, whether it passed, and "
        "the mistake that was recognised. Never your code, and nothing from before. It is no score.",
        "`leave()` ends it and deletes what the classroom keeps of you. After 12 hours nothing more is sent.",
    )


def _join(address: str, nickname: str) -> tuple[Membership, bool]:
    """The membership, and whether the classroom could be reached."""
    from autograder.glance.names import cleaned

    scheme, host, path = parts(address)
    address, name = f"{scheme}://{host}{path}", cleaned(nickname)
    if not name:
        raise CourseError("A nickname needs a letter, a digit or a sign.")
    before = membership.current()
    # a token is one classroom's, wherever it is reached
    same = before is not None and parts(before.address)[2] == path
    if before is not None and not same and before.holds:
        raise CourseError(f"You are still in the classroom at {before.address}, as {before.nickname}: leave() first.")
    key = before.key if before is not None and same else ""
    try:
        answer = call(address, "POST", "join", key, {"nickname": name})
    except Unreachable:
        if before is not None and same and before.holds:
            return before, False
        raise
    except Refusal as fault:
        if fault.status == 404:
            raise CourseError(f"There is no such classroom at {host}. Is the end of the address right?") from fault
        raise
    key = str(answer.get("key") or key)
    if not key:
        raise CourseError(f"What answers at {host} is no classroom.")
    found = Membership(address, key, str(answer.get("nickname", name))[:100], joined=time.time())
    membership.remember(found)
    return found, True


def leave() -> None:
    """Leave the classroom: nothing more is sent, and what it keeps of you is deleted."""
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    found = membership.current()
    if found is None:
        _say(card.BORDER, "You are in no classroom", "Nothing is sent.")
        return
    try:
        # first of all nothing more is sent, from any notebook
        membership.remember(found.gone())
    except CourseError as fault:
        _say(card.WRONG, "✗ Not left", str(fault))
        return
    _close(forget=True)
    try:
        try:
            call(found.address, "DELETE", "me", found.key)
        except Refusal as fault:
            # where it does not know this learner there is nothing to delete
            if fault.status not in (401, 404):
                raise
        membership.forget()
    except CourseError as fault:
        _say(
            card.WRONG,
            "✗ Left, and not yet deleted",
            f"{fault} Nothing more is sent, but what it keeps of you could not be deleted.",
            "Call `leave()` again when it can be reached.",
        )
        return
    _say(card.RIGHT, "✓ You have left the classroom", "What it kept of you is deleted, and nothing more is sent.")


def tell(verdict: Verdict) -> None:
    """Tell the classroom, if this learner is in one, what a check said. Never waits, and never fails."""
    # a thread may not start, on a machine that is full
    with contextlib.suppress(OSError, RuntimeError):
        _tell(verdict)


def _tell(verdict: Verdict) -> None:
    global _outbox
    found = membership.current()
    if found is None or not found.holds:
        _close(forget=True)
        return
    if _outbox is not None and (_outbox.closed or (_outbox.address, _outbox.key) != (found.address, found.key)):
        _close(forget=False)
    if _outbox is None:
        workspace = workspace_here()
        file = kept(workspace, "unsent.json") if workspace else None
        _outbox = Outbox(found.address, found.key, lambda: membership.still(found, workspace), file)
    _outbox.put(verdict.name, verdict.passed, verdict.diagnosis)


def _close(*, forget: bool) -> None:
    global _outbox
    if _outbox is not None:
        _outbox.close(forget=forget)
        _outbox = None


def _say(colour: str, title: str, *paragraphs: str) -> None:
    text = "\n  ".join([title, *paragraphs])
    show(Shown(text, card.frame(colour, escape(title), "".join(map(card.paragraph, paragraphs)))))
