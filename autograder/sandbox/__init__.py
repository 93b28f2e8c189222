"""Where a submission runs: a kernel behind a wall, and what reaches through it. Graders start at `session.Sandbox`."""
