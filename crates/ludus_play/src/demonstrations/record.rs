//! The systems that record: decisions on a step's first tick, what came of them after its last.

use std::sync::Arc;

use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_agent::{AgentKind, AgentKinds, Controller, Episode, Rows, Slot, StepClock, WorldReset};
use ludus_demonstrations::{DecidedBy, DecidedStep, Demonstration, DemonstrationHeader, EpisodeInfo, EpisodeRecorder};
use ludus_spec::{Outcome, tick_rate_hz};

use super::{DemonstrationFinished, DemonstrationPlugin, DemonstrationRecorder};

/// Most bytes of an episode.
const MOST_BYTES: usize = 16 << 20;

/// The kinds of agents, and the settings of the plugin.
#[derive(Resource)]
pub(super) struct Recording {
    game: String,
    records_all: bool,
    kinds: Vec<KindRecording>,
    /// True from the record of a step's end to that of the next decisions.
    is_between_steps: bool,
    /// Agents that were despawned, until the record of a step's end.
    despawned: Vec<DespawnedAgent>,
}

struct KindRecording {
    kind: AgentKind,
    agents: QueryState<(Entity, &'static Slot, &'static Controller), With<DemonstrationRecorder>>,
    /// The header of the last episode that has ended.
    header: Option<Arc<DemonstrationHeader>>,
}

/// An agent that is recorded.
#[derive(Clone, Copy)]
struct RecordedAgent {
    entity: Entity,
    row: usize,
    controller: Controller,
}

/// An agent that was despawned in an episode that was recorded, as it was then.
struct DespawnedAgent {
    entity: Entity,
    /// The index of its kind among those that are recorded.
    kind: usize,
    row: usize,
    recorder: DemonstrationRecorder,
    /// The observation after the last step that was over.
    observation: Vec<f32>,
    success: Option<bool>,
    /// True if its last step was over, and so is recorded with its rewards.
    is_between_steps: bool,
}

impl Recording {
    pub fn new(plugin: &DemonstrationPlugin) -> Self {
        let DemonstrationPlugin { game, records_all } = plugin.clone();
        Self { game, records_all, kinds: Vec::new(), is_between_steps: true, despawned: Vec::new() }
    }

    /// Adds kinds of agents that are new to the app, and recorders to agents that are to have one.
    fn prepare(&mut self, world: &mut World) {
        let known = self.kinds.len();
        let new: Vec<_> = world.resource::<AgentKinds>().iter().skip(known).cloned().collect();
        for kind in new {
            let agents = QueryBuilder::<(Entity, &Slot, &Controller), With<DemonstrationRecorder>>::new(world)
                .with_id(kind.component())
                .build();
            self.kinds.push(KindRecording { kind, agents, header: None });
        }
        if !self.records_all {
            return;
        }
        for KindRecording { kind, .. } in &self.kinds {
            let rows = kind.rows(world);
            let agents: Vec<Entity> = (0..rows.len()).filter_map(|row| rows.agent(row)).collect();
            for agent in agents {
                if let Ok(mut agent) = world.get_entity_mut(agent)
                    && !agent.contains::<DemonstrationRecorder>()
                {
                    agent.insert(DemonstrationRecorder::default());
                }
            }
        }
    }
}

impl KindRecording {
    fn agents(&mut self, world: &World) -> Vec<RecordedAgent> {
        let agent = |(entity, slot, controller): (Entity, &Slot, &Controller)| RecordedAgent {
            entity,
            row: slot.index(),
            controller: *controller,
        };
        self.agents.iter(world).map(agent).collect()
    }

    /// Reports an episode that has ended.
    fn report(&mut self, world: &mut World, game: &str, agent: Entity, episode: Demonstration) {
        let now = header(world, &self.kind, game);
        // A replay may have another decision interval than the episodes around it.
        let header = match &self.header {
            Some(known) if **known == now => known.clone(),
            _ => self.header.insert(Arc::new(now)).clone(),
        };
        world.write_message(DemonstrationFinished { agent, header, episode });
    }
}

/// Keeps the recorder of an agent that is despawned, since its last rewards are known only at the step's end.
pub(super) fn keep_despawned(on: On<Despawn, DemonstrationRecorder>, mut world: DeferredWorld) {
    let agent = world.entity(on.entity);
    let (Some(slot), Some(recording)) = (agent.get::<Slot>(), world.get_resource::<Recording>()) else { return };
    let Some(kind) = recording.kinds.iter().position(|kind| agent.contains_id(kind.kind.component())) else { return };
    let (row, rows) = (slot.index(), recording.kinds[kind].kind.rows(&world));
    let width = rows.spec().observation_width();
    let observation = rows.observations()[row * width..][..width].to_vec();
    let success = agent.get::<Episode>().and_then(Episode::success);
    let (entity, is_between_steps) = (on.entity, recording.is_between_steps);
    let Some(mut own) = world.get_mut::<DemonstrationRecorder>(entity) else { return };
    let recorder = std::mem::take(&mut *own);
    if recorder.is_whole {
        let despawned = DespawnedAgent { entity, kind, row, recorder, observation, success, is_between_steps };
        world.resource_mut::<Recording>().despawned.push(despawned);
    }
}

/// Drops the episodes of arenas that were replaced.
pub(super) fn drop_despawned(_: On<WorldReset>, mut recording: ResMut<Recording>) {
    recording.despawned.clear();
}

/// Records the decisions of a step on its first tick, and keeps external actions as they were then on the others.
pub(super) fn record_decisions(world: &mut World) {
    let is_first_tick = world.resource::<StepClock>().is_first_tick();
    world.resource_scope(|world, mut recording: Mut<Recording>| {
        recording.prepare(world);
        recording.is_between_steps &= !is_first_tick;
        for kind in &mut recording.kinds {
            for agent in kind.agents(world) {
                if is_first_tick {
                    record_decision(world, &kind.kind, agent);
                } else {
                    hold_action(world, &kind.kind, agent);
                }
            }
        }
    });
}

fn record_decision(world: &mut World, kind: &AgentKind, agent: RecordedAgent) {
    let RecordedAgent { entity, row, controller } = agent;
    let (spec, episode) = (kind.spec().clone(), world.get::<Episode>(entity).copied());
    let Some(mut recorder) = world.get_mut::<DemonstrationRecorder>(entity).map(|mut own| std::mem::take(&mut *own))
    else {
        return;
    };
    let mut action = vec![0.0; spec.action_width()];
    let has_action = kind.read_action(world, entity, &mut action);
    let rows = kind.rows(world);
    let is_started = rows.has_started(row);
    if is_started {
        recorder.begin();
    }
    recorder.latched.clone_from(&action);
    // A step in which the agent restarts is none of its decisions. One whose episode the game ended before the step's
    // first tick is: the agent acts once more, and restarts in the step after it.
    let is_in_episode = episode.is_some_and(|episode| episode.is_running() || episode.has_ended()) && !is_started;
    let by = match controller {
        Controller::Policy if !rows.game_decides() => Some(DecidedBy::Policy),
        Controller::Policy | Controller::Scripted => Some(DecidedBy::Script),
        Controller::External => Some(recorder.external.into()),
        Controller::Idle | Controller::Waiting => None,
    };
    recorder.is_whole &= controller != Controller::Idle && has_action;
    if let Some(by) = by.filter(|_| is_in_episode && recorder.is_whole && rows.is_deciding()) {
        let [senses, flags] = [spec.observation_width(), spec.mask_width()];
        let step = DecidedStep {
            observation: &rows.observations()[row * senses..][..senses],
            mask: &rows.masks()[row * flags..][..flags],
            action: &action,
            by,
        };
        recorder.recorder.get_or_insert_with(|| EpisodeRecorder::new(&spec)).decide(step);
    }
    if let Some(mut own) = world.get_mut::<DemonstrationRecorder>(entity) {
        *own = recorder;
    }
}

/// Writes the action of the step's first tick again, if the game decides: also where a person has taken over since.
fn hold_action(world: &mut World, kind: &AgentKind, agent: RecordedAgent) {
    if agent.controller != Controller::External {
        return;
    }
    let latched = world.get::<DemonstrationRecorder>(agent.entity).map(|recorder| recorder.latched.clone());
    if let Some(latched) = latched.filter(|latched| !latched.is_empty()) {
        kind.write_action(world, agent.entity, &latched);
    }
}

/// Records what came of a step after its last tick, and reports episodes that have ended.
pub(super) fn record_steps(world: &mut World) {
    if !world.resource::<StepClock>().is_last_tick() {
        return;
    }
    world.resource_scope(|world, mut recording: Mut<Recording>| {
        let Recording { game, kinds, is_between_steps, despawned, .. } = &mut *recording;
        for recorded in kinds.iter_mut() {
            for agent in recorded.agents(world) {
                if let Some(episode) = record_step(world, &recorded.kind, agent) {
                    recorded.report(world, game, agent.entity, episode);
                }
            }
        }
        for agent in despawned.drain(..) {
            let (entity, recorded) = (agent.entity, &mut kinds[agent.kind]);
            if let Some(episode) = finish_despawned(recorded.kind.rows(world), agent) {
                recorded.report(world, game, entity, episode);
            }
        }
        *is_between_steps = true;
    });
}

/// Returns the episode of an agent that was despawned, which terminates it.
fn finish_despawned(rows: &Rows, agent: DespawnedAgent) -> Option<Demonstration> {
    let DespawnedAgent { row, mut recorder, observation, success, is_between_steps, .. } = agent;
    if !is_between_steps {
        let count = rows.spec().reward.len();
        let is_faulty = rows.outcomes()[row] == Outcome::Faulty;
        if is_faulty {
            return None;
        }
        recorder.take_rewards(&rows.episode_terms()[row * count..][..count]);
    }
    let mut finished = recorder.recorder?.finish(&observation, Outcome::Terminated)?;
    finished.info = EpisodeInfo { success, weights: rows.weights().to_vec(), ..finished.info };
    Some(finished)
}

/// Records what came of a step. Returns the episode if it has ended.
fn record_step(world: &mut World, kind: &AgentKind, agent: RecordedAgent) -> Option<Demonstration> {
    let RecordedAgent { entity, row, .. } = agent;
    let episode = *world.get::<Episode>(entity)?;
    let rows = kind.rows(world);
    let (count, width) = (rows.spec().reward.len(), rows.spec().observation_width());
    let terms = rows.episode_terms()[row * count..][..count].to_vec();
    let next = rows.observations()[row * width..][..width].to_vec();
    let weights = rows.weights().to_vec();
    let is_faulty = rows.outcomes()[row] == Outcome::Faulty;
    let mut recorder = world.get_mut::<DemonstrationRecorder>(entity)?;
    recorder.is_whole &= !is_faulty;
    recorder.take_rewards(&terms);
    let DemonstrationRecorder { recorder: own, is_whole, .. } = &mut *recorder;
    let own = own.as_mut()?;
    if !*is_whole {
        own.clear();
        return None;
    }
    let is_full = own.bytes() > MOST_BYTES;
    let outcome = episode.end_outcome().or(is_full.then_some(Outcome::Running))?;
    *is_whole = false;
    let mut finished = own.finish(&next, outcome)?;
    finished.info = EpisodeInfo { success: episode.success(), weights, ..finished.info };
    Some(finished)
}

fn header(world: &World, kind: &AgentKind, game: &str) -> DemonstrationHeader {
    let clock = world.resource::<StepClock>();
    let time = world.get_resource::<Time<Fixed>>();
    DemonstrationHeader {
        game: game.to_owned(),
        library: env!("CARGO_PKG_VERSION").to_owned(),
        agent: (**kind.spec()).clone(),
        decision_interval: clock.decision_interval().saturating_mul(kind.rows(world).decision_steps()),
        tick_rate_hz: time.map_or(64.0, |time| tick_rate_hz(time.timestep())),
    }
}

impl DemonstrationRecorder {
    /// Starts an episode.
    fn begin(&mut self) {
        self.is_whole = true;
        self.terms.fill(0.0);
        self.recorder.iter_mut().for_each(EpisodeRecorder::clear);
    }
    /// Adds what a step has brought to its decision. `terms` are the sums of the episode's terms after it.
    fn take_rewards(&mut self, terms: &[f32]) {
        let before = self.terms.iter().chain(std::iter::repeat(&0.0));
        let taken: Vec<f32> = terms.iter().zip(before).map(|(now, was)| now - was).collect();
        self.terms = terms.to_vec();
        if let Some(recorder) = &mut self.recorder {
            recorder.reward(&taken);
        }
    }
}
