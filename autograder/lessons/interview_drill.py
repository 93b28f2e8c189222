"""Lesson 12: the mock interview, one question from each lesson; every wrong answer is met as an interviewer would."""

from autograder.exercise import quiz
from solutions import interview_drill as reference

mock_interview = quiz(
    reference.mock_interview,
    {
        "first_look": (
            "Item A has 2 clicks of 4, item B 300 of 1,000: what do you show a million users?",
            {
                "a": "Four impressions know next to nothing: A's rate may well be 0.2. You would bet a million users "
                "on two clicks.",
                "b": "B is well known, and that is no reason to stop. If A is really at 0.5, you give up a click for "
                "every fifth user, for ever.",
                "d": "Half of a million users then see the worse item, long after you know which it is. Exploring "
                "should get less as you learn.",
            },
        ),
        "stochastic": (
            "«Users click by chance and change: deep RL is out, we need meta-RL.»",
            {
                "a": "An MDP has chance in its very definition, and what changes along with the clicks can be a part "
                "of the state. Lesson 01 runs both halves of the claim, and both fail.",
                "c": "Size is no criterion either: lesson 01's meta-learner has twenty numbers. Ask what it is trained "
                "*over*.",
                "d": "Meta-RL needs more data on the whole, not less: many users, to need little of each new one.",
            },
        ),
        "old_log": (
            "What does the log of a fixed ranking say of a new policy?",
            {
                "a": "Weights of 1 and 0 are all that is left: where the two differ the log holds nothing. IPS is "
                "right only where there is support.",
                "b": "A model fits what was shown. For what was never shown to such users it guesses, and a new "
                "policy goes just where the guess is most hopeful.",
                "c": "More rows of the same kind narrow the interval around the same answer. What is missing is "
                "missing in all of them.",
            },
        ),
        "time_limit": (
            "Values fall towards a time limit: where do you look?",
            {
                "b": "A smaller gamma looks less far everywhere. Here it is the *last* steps that look too short.",
                "c": "Unexplored states have values that are noisy or 0, not values that fall towards a time limit.",
                "d": "Longer sessions move the cliff to step 99. It should not be there at all.",
            },
        ),
        "values": (
            "A DQN's values climb past what a session can be worth: what do you check first?",
            {
                "a": "A smaller learning rate climbs more slowly. Ask what the values are pulled *towards*.",
                "c": "Epsilon decides what is tried. It does not enter the target, where the climbing comes from.",
                "d": "Clipped or scaled rewards change the unit. A value that feeds on itself grows in any unit.",
            },
        ),
        "collapse": (
            "PPO's ratios reach 40 and its clicks collapse: what is the first suspect?",
            {
                "a": "PPO has no target network. Values did not run away here: the policy did.",
                "b": "The critic sets how noisy the advantages are. Whatever they are, a working clip takes away the "
                "gain beyond 1.2.",
                "c": "More entropy bonus hides it for some updates. A ratio of 40 says that nothing holds the policy.",
            },
        ),
        "launches": (
            "3.0 ms for one user, 3.1 ms for 10,000: what do you conclude?",
            {
                "a": "If arithmetic were the limit, 10,000 users would take far longer than one.",
                "b": "Memory is not the limit yet either: 10,000 times the bytes take 3 % longer.",
                "d": "A copy of 10,000 users' data would take longer than one of a single user. What is constant is "
                "not the copying.",
            },
        ),
        "fine_tuning": (
            "MAML beats popularity, and cannot be told from fine-tuning: what do you report?",
            {
                "b": "Popularity is the weakest line of the table. The question is what *meta*-learning adds, and that "
                "is the other comparison.",
                "c": "Tuning until the interval leaves 0 is how false discoveries are made. And if you tune, tune the "
                "baseline as long.",
                "d": "An interval that contains 0 says that these data cannot tell. It does not say «equal».",
            },
        ),
        "second_session": (
            "RL²'s second session starts as badly as the first: what do you check first?",
            {
                "a": "Learning within a session works, so the state is large enough to hold what matters there.",
                "b": "Too few training users would show as a gap between trained and new users. Here all begin anew.",
                "c": "An entropy bonus makes it try more. It does not make it forget overnight.",
            },
        ),
        "larger": (
            "Ten times the model on the same 50 tasks: what do you expect on new ones?",
            {
                "a": "Size helps where tasks are many and varied enough to fill it. Fifty are soon known by heart.",
                "c": "It adapts by what its training rewarded. Fifty tasks reward knowing fifty tasks.",
                "d": "The size of a model alone makes nothing meta-RL, nor unmakes it.",
            },
        ),
        "two_splits": (
            "Recall@10 of 0.30 by a random split, 0.12 by time: which is the number?",
            {
                "b": "Its smaller error bar comes with a larger error: it answers another question.",
                "c": "Both are not honest: in use nobody has tomorrow's ratings. The mean of the two means nothing.",
                "d": "A model can be undertrained for either split. What differs here is what it may know.",
            },
        ),
        "deploy": (
            "Estimate above, lower bound below, 40 effective rows: do you deploy?",
            {
                "a": "Right on average over many logs. In this one, forty rows decide, and the interval says that it "
                "may be worse.",
                "b": "The estimate is not evidence that it is bad either. You would throw away what may be a gain.",
                "d": "The bootstrap draws from the same forty rows, however often. It has nothing more to say.",
            },
        ),
    },
    points=12,
    minutes=30,
    hints=[
        "Answer each aloud before you look at the options, in two sentences. Then choose the option that says it.",
        "Ask of each: what is *measured* here, and which line of the algorithm does it come from?",
        "Lost on one? The questions are in course order, one from each lesson: reread that lesson's last page.",
    ],
    afterword="Twelve of twelve. Now say each answer aloud, in half a minute and in three, and let somebody ask on: "
    "the follow-ups at the end of each lesson are what they will ask.",
)
