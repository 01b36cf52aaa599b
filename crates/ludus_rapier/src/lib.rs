//! Physics arenas and ray sensors on bevy_rapier3d.
