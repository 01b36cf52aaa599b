//! Policies that decide in a game.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

mod controllers;
mod critic;
mod game;
mod loading;
mod logged;
mod recording;
mod refusal;
mod running;
mod saving;
mod steps;
