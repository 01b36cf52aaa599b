//! Demonstrations of a run: their files become what an algorithm imitates.

mod teacher;

use std::num::NonZeroU32;
use std::path::PathBuf;

use ludus_demonstrations::Demonstration;
use ludus_learn::{
    CloningConfig, DemonstratedEpisode, Demonstrations, GailConfig, Imitation, LearnError, RolloutShape,
};
use ludus_spec::AgentSpec;

use crate::config::{AgentConfig, PretrainConfig};
use crate::error::TrainError;

pub(crate) use teacher::{check_time, distillation};

/// The episodes that a policy imitates.
pub(crate) struct ImitatedEpisodes {
    learned: Vec<DemonstratedEpisode>,
    held_out: Vec<DemonstratedEpisode>,
    config: CloningConfig,
    /// The settings of rewards for imitation, if there are any.
    pub gail: Option<GailConfig>,
}

/// The time of the steps of a game, which that of its demonstrations must be.
#[derive(Clone, Copy)]
pub(crate) struct RecordedTime {
    /// Ticks from one decision to the next.
    pub interval: NonZeroU32,
    /// Ticks per second.
    pub tick_rate_hz: f64,
}

/// The number of demonstrations, and their files.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImitatedFiles {
    pub paths: Vec<PathBuf>,
    /// Episodes that are learned from.
    pub learned: usize,
    pub held_out: usize,
    /// Steps of all of them.
    pub steps: usize,
    /// A sentence about each record that could not be read.
    pub damage: Vec<String>,
}

impl ImitatedFiles {
    /// Returns the mean length of the episodes \[steps\].
    pub fn mean_steps(&self) -> f64 {
        self.steps as f64 / (self.learned + self.held_out).max(1) as f64
    }
}

impl ImitatedEpisodes {
    /// Reads the demonstrations of a kind of agents, which decides every `interval` ticks; `None` if its section names
    /// none.
    ///
    /// # Errors
    ///
    /// If a file can't be read or does not fit the kind. The check of the config has found that before, unless a file has
    /// changed since.
    pub fn read(agent: &AgentConfig, spec: &AgentSpec, interval: NonZeroU32) -> Result<Option<Self>, TrainError> {
        let Some(pretrain) = with_demonstrations(agent) else { return Ok(None) };
        let (mut learned, mut held_out) = (Vec::new(), Vec::new());
        let files = pretrain.read(spec, interval).map_err(|(_, error)| error)?;
        for (_, file) in files {
            let count = file.episodes.len();
            for (index, episode) in file.episodes.iter().enumerate() {
                let episodes = if pretrain.is_held_out(index, count) { &mut held_out } else { &mut learned };
                episodes.push(imitated(episode, spec));
            }
        }
        Ok(Some(Self { learned, held_out, config: pretrain.cloning(), gail: pretrain.gail.clone() }))
    }

    /// Makes what an algorithm imitates. `shape` has the widths of its rows.
    pub fn imitation(&self, shape: &RolloutShape) -> Result<Imitation, LearnError> {
        let demonstrations = Demonstrations::new(shape, &self.learned, &self.held_out)?;
        Ok(Imitation { demonstrations, config: self.config.clone() })
    }
}

/// Lists the files of a kind's demonstrations, and checks that they were recorded with these steps and ticks.
///
/// # Errors
///
/// If a file was recorded at another rate, or can't be read.
pub(crate) fn check_files(
    agent: &AgentConfig,
    spec: &AgentSpec,
    recorded: RecordedTime,
) -> Result<Option<ImitatedFiles>, TrainError> {
    let RecordedTime { interval, tick_rate_hz } = recorded;
    let Some(pretrain) = with_demonstrations(agent) else { return Ok(None) };
    let mut found = ImitatedFiles::default();
    for (path, file) in pretrain.read(spec, interval).map_err(|(_, error)| error)? {
        file.header.check_time(&path, interval, tick_rate_hz)?;
        let held_out = count_held_out(pretrain, file.episodes.len());
        found.learned += file.episodes.len() - held_out;
        found.held_out += held_out;
        found.steps += file.episodes.iter().map(Demonstration::steps).sum::<usize>();
        found.damage.extend(file.damage.iter().map(|problem| format!("`{}`: {problem}", path.display())));
        found.paths.push(path);
    }
    Ok(Some(found))
}

/// The section `pretrain` of a kind, if it names demonstrations.
fn with_demonstrations(agent: &AgentConfig) -> Option<&PretrainConfig> {
    agent.pretrain.as_ref().filter(|pretrain| !pretrain.demonstrations.is_empty())
}

fn count_held_out(pretrain: &PretrainConfig, count: usize) -> usize {
    (0..count).filter(|&index| pretrain.is_held_out(index, count)).count()
}

/// Returns an episode as it is learned from.
fn imitated(episode: &Demonstration, spec: &AgentSpec) -> DemonstratedEpisode {
    let steps = episode.steps();
    DemonstratedEpisode {
        observations: episode.observations[..steps * spec.observation_width()].to_vec(),
        masks: episode.masks.clone(),
        actions: episode.actions.clone(),
        is_imitated: episode.imitated(),
    }
}
