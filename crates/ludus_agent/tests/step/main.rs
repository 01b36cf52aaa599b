//! Agents, rows and episodes from step to step, in tiny real worlds.

mod agent;
mod arena_scope;
mod contract;
mod controllers;
mod copies;
mod faults;
mod game;
mod masks;
mod matches;
mod parameters;
mod restart;
mod scripts;
mod sets;
mod sleep;
mod stagger;
mod team_rewards;
mod turnover;
mod waiting;
