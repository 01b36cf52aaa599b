//! The decision: once per step, one batch for each policy.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{AgentKind, AgentKinds, Controller, EpisodeRng, FaultPlace, Rows, Slot, StepClock};
use ludus_spec::{ObservationColumn, Outcome};

use crate::batch::{Batch, Decider};
use crate::fit::{StepsAreSet, check_fit};
use crate::{PolicyAsset, PolicyProblem, PolicyRunner, PolicyState};

type Runner = (Entity, &'static Slot, &'static EpisodeRng, &'static Controller, &'static PolicyRunner);

/// The batches of every kind of agents, and their buffers.
#[derive(Resource, Default)]
pub(crate) struct Decisions(Vec<KindDecisions>);

struct KindDecisions {
    kind: AgentKind,
    runners: QueryState<Runner>,
    batches: Vec<Batch>,
    /// The agents that restart in this step.
    restarting: Vec<Entity>,
    /// Ticks from one decision to the next, once a policy has set them.
    interval: Option<NonZeroU32>,
    /// The same in steps, as it is set in the rows.
    every: NonZeroU32,
}

/// Decides for all agents with a policy, on a step's first tick: reads observation rows and writes action rows.
pub(crate) fn decide(world: &mut World) {
    let clock = *world.resource::<StepClock>();
    if !clock.is_first_tick() {
        return;
    }
    world.resource_scope(|world, mut decisions: Mut<Decisions>| {
        decisions.meet_kinds(world);
        for decisions in &mut decisions.0 {
            decisions.seat(world, clock.ticks());
            decisions.look_at_policies(world, clock.decision_interval());
            decisions.decide_every(world, clock.decision_interval());
            decisions.decide(world);
            decisions.forget_ended(world);
        }
    });
}

impl Decisions {
    /// Adds the kinds of agents that are new to the app. A kind may be added at any time before its first agent is
    /// spawned.
    fn meet_kinds(&mut self, world: &mut World) {
        let known = self.0.len();
        if world.resource::<AgentKinds>().iter().len() > known {
            let new = world.resource::<AgentKinds>().iter().skip(known).cloned().collect::<Vec<_>>();
            self.0.extend(new.into_iter().map(|kind| KindDecisions::new(kind, world)));
        }
    }
}

impl KindDecisions {
    fn new(kind: AgentKind, world: &mut World) -> Self {
        let runners = QueryBuilder::<Runner>::new(world).with_id(kind.component()).build();
        Self { kind, runners, batches: Vec::new(), restarting: Vec::new(), interval: None, every: NonZeroU32::MIN }
    }

    /// Adds every agent that a policy controls to that policy's batch.
    fn seat(&mut self, world: &World, tick: u64) {
        self.batches.iter_mut().for_each(Batch::clear);
        let mut last = 0;
        for (agent, slot, rng, controller, runner) in self.runners.iter(world) {
            if *controller == Controller::Policy {
                last = batch_of(&mut self.batches, runner.policy.id(), last);
                let seed = runner.draw_seed(tick, rng.home());
                self.batches[last].seat(Decider { agent, row: slot.index() }, seed);
            }
        }
    }

    /// Checks new versions of policies. Those that fit decide from now on; the others are reported.
    fn look_at_policies(&mut self, world: &mut World, interval: NonZeroU32) {
        // Until the length of a step is set, no policy can be checked.
        if *world.resource::<StepsAreSet>() == StepsAreSet::No {
            return;
        }
        for index in 0..self.batches.len() {
            if let Some(problem) = self.look_at_policy(index, world, interval) {
                tracing::error!("{}", problem.sentence);
                world.write_message(problem);
            }
        }
        let policies = world.resource::<Assets<PolicyAsset>>();
        self.batches.retain(|batch| !batch.is_empty() || policies.contains(batch.policy));
    }

    fn look_at_policy(&mut self, batch: usize, world: &World, step: NonZeroU32) -> Option<PolicyProblem> {
        let own = self.interval;
        let batch = &mut self.batches[batch];
        // A policy that is still loading, or can't be loaded, changes nothing.
        let content = world.resource::<Assets<PolicyAsset>>().get(batch.policy)?.content();
        if batch.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, content)) {
            return None;
        }
        batch.seen = Some(content.clone());
        let time = world.get_resource::<Time<Fixed>>();
        // With several kinds, some may decide less often than others.
        let is_whole = content.decision_interval.get().is_multiple_of(step.get());
        let is_rarer = is_whole && world.resource::<AgentKinds>().iter().len() > 1;
        let now = own.unwrap_or(if is_rarer { content.decision_interval } else { step });
        let spec = self.kind.spec();
        match check_fit(content, spec, now, time).and_then(|()| Ok(content.for_agents(spec)?)) {
            Ok(content) => {
                self.interval = Some(content.decision_interval);
                batch.adopt(content);
                None
            }
            Err(error) => Some(PolicyProblem { policy: batch.policy, sentence: error.to_string() }),
        }
    }

    /// Sets the kind's interval of decisions to the one that its policies were trained with.
    fn decide_every(&mut self, world: &mut World, step: NonZeroU32) {
        let Some(every) = self.interval.and_then(|interval| NonZeroU32::new(interval.get() / step)) else { return };
        if every != self.every {
            self.every = every;
            self.kind.rows_mut(world).decide_every(every, every.get() - 1);
        }
    }

    fn decide(&mut self, world: &mut World) {
        let Self { kind, batches, .. } = self;
        let rows = kind.rows_mut(world);
        // Reports of episodes have been read by now. If they were kept, they would accumulate.
        rows.drain_episodes(|_, _| {});
        log_overflows(rows);
        if !rows.is_deciding() {
            return;
        }
        for batch in batches {
            batch.recall(world);
            batch.decide(kind.rows_mut(world), kind);
            batch.remember(world);
        }
    }

    /// Empties what policies remember of agents that restart in this step, whoever controls them: what they have observed
    /// so far belongs to the last episode.
    fn forget_ended(&mut self, world: &mut World) {
        if self.batches.iter().all(|batch| batch.memory_width() == 0) {
            return;
        }
        let outcomes = self.kind.rows(world).outcomes();
        let restarts = |&(_, slot, ..): &(Entity, &Slot, &EpisodeRng, &Controller, &PolicyRunner)| {
            outcomes[slot.index()] == Outcome::Restart
        };
        self.restarting.clear();
        self.restarting.extend(self.runners.iter(world).filter(restarts).map(|(agent, ..)| agent));
        for &agent in &self.restarting {
            if let Some(mut state) = world.get_mut::<PolicyState>(agent) {
                state.memory.clear();
            }
        }
    }
}

/// Logs the sets that got more elements than fit. Rows report each set once.
fn log_overflows(rows: &mut Rows) {
    let spec = rows.spec().clone();
    for fault in rows.drain_faults() {
        let FaultPlace::Set(column) = fault.place else { continue };
        let field = spec.observation_columns().nth(column as usize).map(ObservationColumn::field);
        tracing::warn!(
            "the set `{}` of `{}` in row {} got more elements than fit at tick {}; the rest was left out, and this is \
             reported once; give its `SetOf` a greater capacity and train anew, or fill it with less",
            field.map_or("", |field| &field.name),
            spec.name,
            fault.row,
            fault.tick,
        );
    }
}

/// Returns the index of a policy's batch, which is usually `last`, that of the agent before.
fn batch_of(batches: &mut Vec<Batch>, policy: AssetId<PolicyAsset>, last: usize) -> usize {
    if batches.get(last).is_some_and(|batch| batch.policy == policy) {
        return last;
    }
    batches.iter().position(|batch| batch.policy == policy).unwrap_or_else(|| {
        batches.push(Batch::new(policy));
        batches.len() - 1
    })
}
