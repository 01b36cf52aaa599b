//! The state of the training session, which runs in threads of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::ecs::system::NonSendMarker;
use bevy::prelude::*;
use ludus_agent::spec::AgentSpec;
use ludus_train::config::{PolicySource, RunConfig};
use ludus_train::session::{KindSnapshot, Session, SessionPolicy, SessionSetup, SessionState, TrainingSnapshot};
use ludus_train::{RunFolder, StopReason};

use crate::scene::{Players, Replaying, SceneKinds, Stage};
use crate::snapshot::{ResumeSnapshot, RunsSnapshot};
use crate::widgets::count;
use crate::{EditorCommand, policies};

/// The run of this window, if one was started, and its last snapshot.
#[derive(Resource)]
pub struct Training {
    setup: SessionSetup,
    session: Option<Session>,
    snapshot: Arc<TrainingSnapshot>,
    /// The policy of each kind that was last put on screen.
    policies: Vec<Option<Arc<SessionPolicy>>>,
    /// True if the scene uses the newest policies.
    is_followed: bool,
    /// The folder of the run that was last asked to resume, until the result is known.
    asked: Option<PathBuf>,
}

impl Training {
    /// Returns the state before the first run, with the setup that one needs.
    pub fn new(setup: SessionSetup) -> Self {
        // Before the first run, the panel shows the settings with which it would start.
        let kind = |spec: &Arc<AgentSpec>| {
            let policy =
                setup.config.agents.get(&spec.name).map_or_else(PolicySource::default, |agent| agent.policy.clone());
            KindSnapshot { spec: spec.clone(), policy, ..KindSnapshot::default() }
        };
        let (kinds, stop) = (setup.specs.iter().map(kind).collect(), setup.config.stop.clone());
        let snapshot = Arc::new(TrainingSnapshot { kinds, stop, ..TrainingSnapshot::default() });
        let policies = vec![None; setup.specs.len()];
        Self { setup, session: None, snapshot, policies, is_followed: false, asked: None }
    }

    /// The newest snapshot of the run.
    pub const fn snapshot(&self) -> &Arc<TrainingSnapshot> {
        &self.snapshot
    }

    /// The config of the game on screen, with which a run is started.
    pub const fn config(&self) -> &RunConfig {
        &self.setup.config
    }

    /// The kinds of agents, in the game's order.
    pub fn specs(&self) -> &[Arc<AgentSpec>] {
        &self.setup.specs
    }

    /// Returns the folder of the run with this name, or of the newest run if the name is `latest`.
    pub fn run_named(&self, name: &str) -> Option<PathBuf> {
        let (runs, game) = (&self.setup.runs, &self.setup.definition.name);
        let run = match name {
            "latest" => RunFolder::newest_begun(runs, game),
            name => RunFolder::named(runs, Path::new(name)),
        };
        run.map(|run| run.path().to_owned())
    }

    /// Starts a run, or resumes the one in this folder. Does nothing if a run is active.
    fn start(&mut self, resumed: Option<&Path>) {
        if self.snapshot.state.is_live() {
            return;
        }
        // A session that has ended is dropped first: it may still hold its files.
        self.session = None;
        let setup = self.setup.clone();
        self.session = Some(match resumed {
            None => Session::start(setup),
            Some(run) => Session::resume(setup, run),
        });
        self.follow_anew();
        self.asked = resumed.map(Path::to_owned);
    }

    /// Uses the newest policies on screen from now on.
    fn follow_anew(&mut self) {
        self.policies.fill(None);
        self.is_followed = true;
    }

    /// Returns the present result of the last command to resume a run; `None` once its final result was returned.
    fn take_answer(&mut self) -> Option<ResumeSnapshot> {
        let run = self.asked.clone()?;
        let (is_good, sentence) = match &self.snapshot.state {
            SessionState::Idle | SessionState::Building => (true, "goes on as soon as its worlds are built".to_owned()),
            SessionState::Running | SessionState::Paused => {
                (true, format!("went on from step {}", count(self.snapshot.steps_before)))
            }
            SessionState::Ended(reason) if self.snapshot.steps() == self.snapshot.steps_before => {
                (false, is_over(*reason, &self.snapshot))
            }
            SessionState::Ended(_) => (true, format!("went on from step {}", count(self.snapshot.steps_before))),
            SessionState::Failed(sentence) => (false, sentence.clone()),
        };
        if self.snapshot.state != SessionState::Building && self.snapshot.state != SessionState::Idle {
            self.asked = None;
        }
        Some(ResumeSnapshot { run, is_good, sentence })
    }

    fn poll(&mut self) {
        if let Some(session) = &self.session {
            self.snapshot = session.snapshot();
        }
    }

    /// Returns the policies that are newer than those on screen, each with the index of its kind.
    fn take_news(&mut self) -> Vec<(usize, Arc<SessionPolicy>)> {
        let Some(session) = self.session.as_ref().filter(|_| self.is_followed) else { return Vec::new() };
        let mut news = Vec::new();
        for (kind, (spec, known)) in self.setup.specs.iter().zip(&mut self.policies).enumerate() {
            let Some(newest) = session.policy(&spec.name) else { continue };
            if known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &newest)) {
                *known = Some(newest.clone());
                news.push((kind, newest));
            }
        }
        news
    }

    fn name(&self) -> String {
        let folder = self.snapshot.run_dir.as_deref().and_then(|folder| folder.file_name());
        folder.map_or_else(|| self.setup.definition.name.clone(), |name| name.to_string_lossy().into_owned())
    }
}

/// Returns the reason that a resumed run has ended without any further step.
fn is_over(reason: StopReason, run: &TrainingSnapshot) -> String {
    let (steps, stop) = (count(run.steps()), &run.stop);
    match reason {
        StopReason::Steps => format!(
            "it has made all its {steps} steps, and this window's limit is no further: open it with a higher `stop.steps`"
        ),
        StopReason::MeanReturn => {
            let goal = stop.mean_return.as_ref().map_or_else(String::new, |goal| format!(" of {goal}"));
            format!("after {steps} steps it has reached its goal{goal}: raise `stop.mean_return` in its `config.ron`")
        }
        StopReason::Success => {
            let goal = stop.success.map_or_else(String::new, |goal| format!(" of {goal}"));
            format!(
                "after {steps} steps it has reached its success rate{goal}: raise `stop.success` in its `config.ron`"
            )
        }
        StopReason::Seconds => {
            let limit = stop.seconds.map_or_else(String::new, |limit| format!(" of {limit} s"));
            format!("after {steps} steps its time{limit} is up: raise `stop.seconds` in its `config.ron`")
        }
        _ => format!("it was stopped at once, after {steps} steps"),
    }
}

/// Carries out the commands about training, and takes the newest snapshot of the run.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    mut training: ResMut<Training>,
    mut runs: ResMut<RunsSnapshot>,
) {
    for command in commands.read() {
        match command {
            EditorCommand::StartTraining => training.start(None),
            EditorCommand::ResumeRun(run) if training.snapshot.state.is_live() => {
                let sentence = "another run is trained in this window: stop it first".to_owned();
                runs.resumed = Some(ResumeSnapshot { run: run.clone(), is_good: false, sentence });
            }
            EditorCommand::ResumeRun(run) => training.start(Some(run)),
            EditorCommand::Training(order) => {
                if let Some(session) = &training.session {
                    session.send(*order);
                }
            }
            EditorCommand::FollowTraining => training.follow_anew(),
            EditorCommand::LoadPolicy(_) => training.is_followed = false,
            _ => {}
        }
    }
    training.poll();
    if let Some(answer) = training.take_answer() {
        runs.resumed = Some(answer);
    }
}

/// Puts the newest policies on screen. They decide from the next decision on, also in the middle of an episode.
pub fn follow(mut training: ResMut<Training>, mut players: ResMut<Players>, mut runs: ResMut<RunsSnapshot>) {
    for (kind, newest) in training.take_news() {
        let interval = training.config().interval(&training.specs()[kind].name);
        match policies::player(training.name(), &newest.file, newest.values.clone(), interval) {
            Ok(player) => players.set_own(kind, player),
            Err(sentence) => runs.trouble = Some(sentence),
        }
    }
}

/// Puts the frozen policies of the config on screen when a run starts or training is followed again.
pub fn bring_frozen(
    mut commands: MessageReader<EditorCommand>,
    training: Res<Training>,
    mut players: ResMut<Players>,
    mut runs: ResMut<RunsSnapshot>,
) {
    let follows = |command: &EditorCommand| {
        let is_start = matches!(command, EditorCommand::StartTraining | EditorCommand::ResumeRun(_));
        is_start || matches!(command, EditorCommand::FollowTraining)
    };
    if commands.read().any(follows) {
        match policies::frozen(training.config(), training.specs()) {
            Ok(frozen) => frozen.into_iter().for_each(|(kind, player)| players.set_own(kind, player)),
            Err(sentence) => runs.trouble = Some(sentence),
        }
    }
}

/// Sets the numbers of worlds and arenas that can be shown to those of the run. A resumed run has as many as before.
pub fn follow_worlds(training: Res<Training>, mut stage: ResMut<Stage>) {
    let TrainingSnapshot { worlds, arenas, .. } = **training.snapshot();
    if worlds > 0 && arenas > 0 {
        stage.set_worlds(worlds, arenas);
    }
}

/// Sets the reward weights on screen to those of training, except during a replay.
pub fn follow_weights(world: &mut World) {
    if world.resource::<Replaying>().playback().is_some() {
        return;
    }
    let kinds = world.resource::<SceneKinds>().clone();
    let snapshot = world.resource::<Training>().snapshot.clone();
    for (kind, KindSnapshot { weights, .. }) in kinds.iter().zip(&snapshot.kinds) {
        if weights.len() == kind.spec().reward.len() && kind.rows(world).weights() != *weights {
            kind.rows_mut(world).set_weights(weights);
        }
    }
}

/// Ends the run with a checkpoint when the window closes. Waits for it on the main thread: every other thread of Bevy's
/// may be lent to the run, which can't wait for itself.
pub fn close(exit: MessageReader<AppExit>, mut training: ResMut<Training>, _: NonSendMarker) {
    if exit.is_empty() {
        return;
    }
    if let Some(session) = training.session.take() {
        training.snapshot = session.close();
    }
}

#[cfg(test)]
mod tests {
    use ludus_train::config::StopConfig;
    use ludus_train::session::specs_of;
    use ludus_train::{GameDefinition, LearnerChoice};

    use super::*;
    use crate::scene::tests_game as game;

    fn training(state: SessionState) -> Training {
        let definition = GameDefinition::new("walk", game);
        let specs = specs_of(&definition.game).unwrap();
        let config = RunConfig::for_agents(&specs);
        let learner = LearnerChoice::default();
        let setup = SessionSetup { definition, specs, config, learner, threads: 1, runs: "runs".into() };
        let mut training = Training::new(setup);
        training.asked = Some(PathBuf::from("runs/walk-1"));
        let stop = StopConfig { mean_return: Some(90.0.into()), ..StopConfig::default() };
        let snapshot = TrainingSnapshot { state, steps_before: 12_000, stop, ..TrainingSnapshot::default() };
        training.snapshot = Arc::new(snapshot);
        training
    }

    /// Returns whether the result is good, its sentence, and whether it is returned again for the next image.
    fn answer(state: SessionState) -> (bool, String, bool) {
        let mut training = training(state);
        let ResumeSnapshot { is_good, sentence, .. } = training.take_answer().unwrap();
        (is_good, sentence, training.take_answer().is_some())
    }

    #[test]
    fn a_run_that_was_asked_to_go_on_says_what_came_of_it() {
        assert_eq!(answer(SessionState::Running), (true, "went on from step 12,000".to_owned(), false));
        assert!(answer(SessionState::Building).2, "not known yet");
        let failed = SessionState::Failed("`walk-1` is trained by another process".to_owned());
        assert_eq!(answer(failed), (false, "`walk-1` is trained by another process".to_owned(), false));
    }

    #[test]
    fn a_run_that_is_over_says_what_to_raise() {
        for (reason, setting) in [
            (StopReason::Steps, "`stop.steps`"),
            (StopReason::MeanReturn, "`stop.mean_return`"),
            (StopReason::Seconds, "`stop.seconds`"),
        ] {
            let (is_good, sentence, _) = answer(SessionState::Ended(reason));
            assert!(!is_good && sentence.contains("12,000 steps") && sentence.contains(setting), "{sentence}");
        }
        assert!(answer(SessionState::Ended(StopReason::MeanReturn)).1.contains("its goal of 90"));
    }
}
