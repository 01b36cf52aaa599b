//! PPO on slices: rollouts, advantages, updates; no Bevy.
