"""The class at a glance: what learners who joined try, whether it passes, and which mistakes they make right now.

`room` knows who is where, `store` keeps it on the disk, `server` takes reports and shows the page; `joining` and
`outbox` are the learner's side, which never waits. docs/CLASSROOM.md says what is sent and what is not.
"""
