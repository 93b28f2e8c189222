"""Every figure that the README or a lesson states, each reproduced by `python -m benchmarks.NAME`."""
