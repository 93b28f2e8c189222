"""The learner's library: simulators, data and figures.

Importing it registers its environments with Gymnasium.
"""

from gymnasium.envs.registration import register

__all__: list[str] = []

register("metarec/Tabular-v0", entry_point="metarec.tabular:Tabular", max_episode_steps=500)
register("metarec/Endless-v0", entry_point="metarec.small:Endless")
register("metarec/Cliff-v0", entry_point="metarec.small:Cliff")
register("metarec/Varying-v0", entry_point="metarec.small:Varying")
register("metarec/Corridor-v0", entry_point="metarec.small:Corridor")
register(
    "metarec/Interest-v0",
    entry_point="metarec.interest:Interest",
    vector_entry_point="metarec.vector:InterestVector",
)
register(
    "metarec/Bandit-v0",
    entry_point="metarec.bandit:Bandit",
    vector_entry_point="metarec.vector:BanditVector",
)
register(
    "metarec/Rooms-v0",
    entry_point="metarec.small_vector:Rooms",
    vector_entry_point="metarec.small_vector:RoomsVector",
)
register("metarec/OpenRooms-v0", vector_entry_point="metarec.small_actor:OpenRoomsVector")
register("metarec/Jumping-v0", vector_entry_point="metarec.jumping:JumpingVector")
register(
    "metarec/RandomMDP-v0",
    entry_point="metarec.mdp:RandomMDP",
    vector_entry_point="metarec.trials:RandomMDPVector",
)
register("metarec/Doors-v0", vector_entry_point="metarec.small_trials:DoorsVector")
