"""Lesson 12: the reference answers to the mock interview."""


def mock_interview() -> dict[str, str]:
    """Your answers: the letter of the right option under each key of the twelve questions above,
    {"first_look": "a", ...}.

    Keys: "first_look", "stochastic", "old_log", "time_limit", "values", "collapse", "launches",
    "fine_tuning", "second_session", "larger", "two_splits", "deploy".
    """
    return {
        "first_look": "c",
        "stochastic": "b",
        "old_log": "d",
        "time_limit": "a",
        "values": "b",
        "collapse": "d",
        "launches": "c",
        "fine_tuning": "a",
        "second_session": "d",
        "larger": "b",
        "two_splits": "a",
        "deploy": "c",
    }
