//! Reinforcement learning for Bevy: entities become agents, games become training grounds.
