"""The interview drill: questions at growing intervals, a bug in one's own code, and a sheet of weak spots."""
