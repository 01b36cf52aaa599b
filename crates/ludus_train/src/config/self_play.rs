//! The section `self_play`: the opponents of a policy that plays against itself.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::sync::Arc;

use ludus_config::Problems;
use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

use super::{PolicySource, RunConfig};
use crate::frozen::frozen_file;

/// Most policies that play at once beside the newest: their drivers are numbered with 8 bits, and twice as many are
/// loaded for a while.
const MOST_CONCURRENT: u32 = 64;

/// The opponents of a policy that plays against itself, in a game whose agents have teams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfPlayConfig {
    /// The part of the matches in which the newest policy plays all sides: 0 to 1. 0.5 by default.
    ///
    /// In the others it plays one side, which is another one in each match of an arena, and earlier versions of it, or
    /// fixed opponents, play the rest. Only steps of the newest policy are learned from.
    pub against_latest: f32,
    /// The part of the other matches in which the game's own script plays the other sides: 0 to 1. 0 by default.
    ///
    /// The controller of their agents is then `Scripted`.
    pub scripted: f32,
    /// True if earlier versions of the policy are opponents, which is the default; else only fixed ones and the script.
    pub versions: bool,
    /// Opponents that play at the same time in different arenas. 4 by default, 64 at most.
    pub concurrent: NonZeroU32,
    /// Steps of all agents from one version to the next. 200,000 by default.
    pub snapshot_every: NonZeroU64,
    /// Versions that are kept, spread over the run. At least 2; 20 by default.
    pub snapshots: NonZeroU32,
    /// The choice among versions and fixed opponents whenever there is a new version.
    pub sampling: OpponentSampling,
    /// The part of the choices that all of them share equally, whatever `sampling` says: 0 to 1. 0.1 by default.
    pub floor: f32,
    /// Opponents from policy files or runs' folders, which are never dropped. None by default.
    pub fixed: Vec<PathBuf>,
}

/// The weights by which opponents are chosen. `p` is the share of points that the newest versions won against one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum OpponentSampling {
    /// All alike.
    #[default]
    Uniform,
    /// Those that are hard to beat, by (1 - p) to this power: prioritised fictitious self-play (Vinyals et al. 2019,
    /// doi:10.1038/s41586-019-1724-z).
    Hard(f32),
    /// Those that are evenly matched, by p (1 - p).
    Even,
}

impl Default for SelfPlayConfig {
    fn default() -> Self {
        Self {
            against_latest: 0.5,
            scripted: 0.0,
            versions: true,
            concurrent: const { NonZeroU32::new(4).unwrap() },
            snapshot_every: const { NonZeroU64::new(200_000).unwrap() },
            snapshots: const { NonZeroU32::new(20).unwrap() },
            sampling: OpponentSampling::Uniform,
            floor: 0.1,
            fixed: Vec::new(),
        }
    }
}

impl OpponentSampling {
    /// The weight of an opponent against which the newest versions won this share of the points.
    pub fn weight(self, share: f64) -> f64 {
        match self {
            Self::Uniform => 1.0,
            Self::Hard(power) => (1.0 - share).powf(power.into()),
            Self::Even => share * (1.0 - share),
        }
    }
}

/// Reports self-play of agents without teams, settings out of range, and opponents that can't be read or are of another
/// layout.
pub(super) fn check_self_play(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    for spec in specs {
        let Some(agent) = config.agents.get(&spec.name) else { continue };
        let Some(self_play) = &agent.self_play else { continue };
        let section = ["agents", spec.name.as_str(), "self_play"];
        let name = &spec.name;
        report.require(spec.teams.len() > 1, &section, || {
            format!(
                "`{name}` has no teams, so it can't play against itself; give its agents a component that derives \
                 `Team`, and name it in `#[agent(…, team = …)]`"
            )
        });
        report.require(agent.policy == PolicySource::Learned, &section, || {
            format!("the policy of `{name}` is not learned, so it has no versions; leave `self_play` out")
        });
        check_numbers(self_play, &section, report);
        let has_any = self_play.versions || self_play.scripted > 0.0 || !self_play.fixed.is_empty();
        report.require(has_any || self_play.against_latest == 1.0, &section, || {
            "`self_play` has no opponents: let `versions` be true, name `fixed` ones, or give `scripted` a part"
                .to_owned()
        });
        for file in &self_play.fixed {
            if let Err(error) = PolicyFile::read_for(&frozen_file(file, spec), spec) {
                report.problem(&[&section[..], &["fixed"]].concat(), error.to_string());
            }
        }
    }
}

fn check_numbers(self_play: &SelfPlayConfig, section: &[&str], report: &mut Problems<'_>) {
    let path = |field: &'static str| [section, &[field]].concat();
    let parts =
        [("against_latest", self_play.against_latest), ("scripted", self_play.scripted), ("floor", self_play.floor)];
    for (field, part) in parts {
        report.require((0.0..=1.0).contains(&part), &path(field), || {
            format!("`{field}` is {part}; it must be from 0 to 1")
        });
    }
    let concurrent = self_play.concurrent;
    report.require(concurrent.get() <= MOST_CONCURRENT, &path("concurrent"), || {
        format!("`concurrent` is {concurrent}; it must be at most {MOST_CONCURRENT}")
    });
    let snapshots = self_play.snapshots;
    report.require(snapshots.get() >= 2, &path("snapshots"), || {
        format!("`snapshots` is {snapshots}; at least 2 are needed, the first version and a later one")
    });
    if let OpponentSampling::Hard(power) = self_play.sampling {
        report.require(power >= 0.0 && power.is_finite(), &path("sampling"), || {
            format!("the power of `Hard` is {power}; it must be finite and at least 0")
        });
    }
}
