//! Arenas with physics, and what sensors read in them.

mod arenas;
mod built;
mod children;
mod proximity;
mod rays;
mod reset;
mod tray;
