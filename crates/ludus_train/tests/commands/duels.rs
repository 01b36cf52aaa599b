//! A game for two: each bids, and the higher bid wins.

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentSystems, Arena, Controller, Episode, EpisodeParameters, InArena, MatchResult,
    Observation, Reward, ScoreAgents, SenseAgents, Team,
};

pub const CONFIG: &str = r#"(
    worlds: 3,
    arenas: 8,
    agents: {
        "Bidder": (
            episode_limit: 6,
            reward: { "won": 1.0 },
            network: (hidden: [16]),
            self_play: (concurrent: 2, snapshot_every: 2_000, snapshots: 4, scripted: 0.25),
            ppo: (rollout_steps: 16, minibatch: 256, learning_rate: 0.01),
        ),
    },
    checkpoints: (every: 3_000),
    stop: (steps: 12_000),
)"#;

#[derive(Component, Agent, Default)]
#[agent(observation = Seen, action = Bid, reward = Got, team = Side)]
pub struct Bidder;

#[derive(Component, Team, Clone, Copy, PartialEq)]
pub enum Side {
    Buyer,
    Rival,
}

#[derive(Component, Observation, Default)]
pub struct Seen {
    /// 1 in the second half of a match.
    late: f32,
}

/// 0 waits; the higher of two bids wins.
#[derive(Component, Action, Default, Clone, Copy)]
pub struct Bid {
    #[action(discrete = 5)]
    amount: u32,
}

#[derive(Component, Reward, Default)]
pub struct Got {
    won: f32,
}

/// The rules of a match.
#[derive(Component, Reflect, EpisodeParameters, Default)]
pub struct Rules {
    /// A number that changes nothing, for curricula.
    lot: u32,
}

/// A match ends as soon as one bids more than the other, after three steps at the earliest.
pub fn duels(app: &mut App) {
    bidders(app);
    app.add_systems(
        ScoreAgents,
        |mut bidders: Query<(&Side, &Bid, &InArena, &Episode, &mut Got)>, mut results: Query<&mut MatchResult>| {
            let bids: Vec<_> = bidders
                .iter()
                .map(|(side, bid, home, episode, _)| (*side, bid.amount, home.0, episode.steps()))
                .collect();
            for (side, bid, home, episode, mut got) in &mut bidders {
                let other = bids.iter().find(|(other, _, arena, _)| other != side && *arena == home.0);
                let Some(&(_, other, ..)) = other.filter(|_| episode.is_running() && episode.steps() >= 2) else {
                    continue;
                };
                if bid.amount != other {
                    got.won = if bid.amount > other { 1.0 } else { -1.0 };
                }
                if bid.amount > other
                    && let Ok(mut result) = results.get_mut(home.0)
                {
                    result.won_by(*side);
                }
            }
        },
    );
}

/// The same game, in which nobody says who has won.
pub fn endless_duels(app: &mut App) {
    bidders(app);
}

fn bidders(app: &mut App) {
    app.add_agent::<Bidder>().add_episode_parameters::<Arena, Rules>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Bidder, Side::Buyer, InArena(on.entity)));
        commands.spawn((Bidder, Side::Rival, InArena(on.entity)));
    });
    app.add_systems(SenseAgents, |mut bidders: Query<(&Episode, &mut Seen)>| {
        bidders.iter_mut().for_each(|(episode, mut seen)| seen.late = f32::from(episode.steps() > 2));
    });
    // The game's own opponent bids a little.
    let script = |mut bidders: Query<(&Controller, &mut Bid)>| {
        let scripted = bidders.iter_mut().filter(|(controller, _)| **controller == Controller::Scripted);
        scripted.for_each(|(_, mut bid)| bid.amount = 2);
    };
    app.add_systems(FixedPreUpdate, script.before(AgentSystems::Act));
}
