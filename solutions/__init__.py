"""Reference implementations, one module per lesson: the only place where a solution is written."""
