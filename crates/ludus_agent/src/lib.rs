//! Agents, rows, episodes, arenas and schedules: the vocabulary of bevy_ludus.
