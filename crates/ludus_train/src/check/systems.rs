//! Findings about a game's systems: in the wrong schedule, in conflict with each other, or skipped without a warning.

use ludus_spec::AgentSpec;
use ludus_worlds::{FrameUse, GameSystem, GameSystems, PooledWorld};

use crate::finding::Finding;

/// Findings about a kind of agents that show before a world is stepped.
pub(super) fn early_findings(
    systems: &mut GameSystems,
    world: &mut PooledWorld,
    kind: usize,
    ticks_per_step: u32,
) -> Vec<Finding> {
    let spec = world.spec(kind).clone();
    let mut findings = Vec::from_iter(writer_finding(&systems.action_writers(world, kind), &spec));
    findings.extend(frame_findings(&systems.in_frames(world, kind), &spec, ticks_per_step));
    findings
}

/// Findings that need a world that was stepped. The world must not be stepped afterwards.
pub(super) fn late_findings(systems: &mut GameSystems, world: &mut PooledWorld, arenas: u32) -> Vec<Finding> {
    let skipped = systems.with_ambiguous_single(world);
    let finding = |system: &GameSystem| {
        let system = shown(system);
        let what = format!("{system} is skipped in every tick: a `Single` of it finds several entities");
        let remedy = if arenas > 1 {
            format!(
                "a world that trains has {arenas} arenas: use a `Query`, and for each entity what is in the same arena \
                 (`InArena`); or train with `arenas: 1`"
            )
        } else {
            "use a `Query`, or make sure that there is one".to_owned()
        };
        Finding::new(what, remedy)
    };
    skipped.iter().map(finding).collect()
}

/// The finding that several systems write the action. A single one may be a player's input.
fn writer_finding(writers: &[GameSystem], spec: &AgentSpec) -> Option<Finding> {
    if writers.len() < 2 {
        return None;
    }
    let systems: Vec<_> = writers.iter().map(listed).collect();
    let what = format!("{} systems write the action of `{}`: {}", writers.len(), spec.name, systems.join(", "));
    let remedy = "let one of them decide, and read the action everywhere else";
    Some(Finding::new(what, remedy))
}

/// Findings about systems that run once per update. A world that trains updates once per step, not once per tick.
fn frame_findings(systems: &[(GameSystem, FrameUse)], spec: &AgentSpec, ticks_per_step: u32) -> Vec<Finding> {
    let finding = |(system, used): &(GameSystem, FrameUse)| {
        let (does, schedule) = match used {
            FrameUse::Acts => ("reads the action", "FixedUpdate"),
            FrameUse::Observes => ("writes the observation", "SenseAgents"),
            FrameUse::Rewards => ("writes the reward", "ScoreAgents"),
        };
        let often = match ticks_per_step {
            1 => "once in a step of training, and once in an image where the game is played".to_owned(),
            ticks => format!("only once in a step of training, which lasts {ticks} ticks"),
        };
        let what = format!("{} {does} of `{}`, and runs {often}", shown(system), spec.name);
        Finding::new(what, format!("add it to the schedule `{schedule}`, which runs whenever it is needed"))
    };
    systems.iter().map(finding).collect()
}

fn shown(system: &GameSystem) -> String {
    match &system.system {
        Some(name) => format!("the system `{name}` in `{}`", system.schedule),
        None => format!("a system in `{}`", system.schedule),
    }
}

fn listed(system: &GameSystem) -> String {
    match &system.system {
        Some(name) => format!("`{name}` in `{}`", system.schedule),
        None => format!("one in `{}`", system.schedule),
    }
}
