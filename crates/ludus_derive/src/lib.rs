//! Derive macros of bevy_ludus.
