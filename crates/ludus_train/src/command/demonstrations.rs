//! The command `demonstrations`, and the demonstrations of `eval`.

mod comparing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ludus_demonstrations::{
    DecidedBy, Demonstration, DemonstrationError, DemonstrationFile, DemonstrationHeader, append,
};
use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;

use crate::error::{TrainError, at};
use crate::evaluation::Evaluation;
use crate::report::Report;

use super::arguments::{DemonstrationsArguments, DemonstrationsTask, Numbers, RunArguments};
use super::outlet::{say, warn};
use super::policies::LocatedPolicy;
use super::{MissingConfig, Program};

pub(super) use comparing::{CompareRequest, compare};

/// The ending of a file of demonstrations.
const ENDING: &str = "demonstrations";

/// Runs `demonstrations`.
pub(super) fn demonstrations(program: &Program, arguments: &DemonstrationsArguments) -> Result<Report, TrainError> {
    let episodes = match &arguments.task {
        DemonstrationsTask::List { files } => list(files)?,
        DemonstrationsTask::Cut { file, keep, to } => cut(file, keep, to)?,
        DemonstrationsTask::Merge { files, to } => merge(files, to)?,
        DemonstrationsTask::Rescore { file, to } => rescore(program, &arguments.run, file, to)?,
    };
    Ok(Report { episodes: episodes as u64, ..Report::default() })
}

fn list(files: &[PathBuf]) -> Result<usize, TrainError> {
    let mut episodes = 0;
    for path in files {
        let file = read(path)?;
        let DemonstrationHeader { game, agent, decision_interval, tick_rate_hz, .. } = &file.header;
        let (name, count) = (&agent.name, file.episodes.len());
        say(format_args!(
            "{}: {count} episodes of `{name}` in `{game}`, {decision_interval} ticks per step at {tick_rate_hz} Hz",
            path.display()
        ));
        for (index, episode) in file.episodes.iter().enumerate() {
            say(format_args!("  {}", sentence(index + 1, episode)));
        }
        episodes += count;
    }
    Ok(episodes)
}

/// `3: 120 steps, return 98.50, Terminated, succeeded, decided by a policy`
fn sentence(number: usize, episode: &Demonstration) -> String {
    let info = &episode.info;
    let reward = match info.weights.is_empty() {
        true => String::new(),
        false => format!("return {:.2}, ", episode.reward(&info.weights)),
    };
    let verdict = info.success.map_or("", |success| if success { "succeeded, " } else { "failed, " });
    let share = |by: DecidedBy| episode.decided_by.iter().filter(|&&other| other == by).count();
    let deciders = [(DecidedBy::Policy, "a policy"), (DecidedBy::Person, "a person"), (DecidedBy::Script, "a script")];
    let deciders = deciders.into_iter().filter(|(by, _)| share(*by) > 0).map(|(by, name)| match share(by) {
        steps if steps == episode.steps() => name.to_owned(),
        steps => format!("{name} ({steps})"),
    });
    let deciders = deciders.collect::<Vec<_>>().join(" and ");
    let imitated = episode.imitated().iter().filter(|&&is_imitated| is_imitated).count();
    let corrected = match imitated == episode.steps() {
        true => String::new(),
        false => format!(", of which {imitated} steps are imitated"),
    };
    format!("{number}: {} steps, {reward}{:?}, {verdict}decided by {deciders}{corrected}", info.steps, info.outcome)
}

fn cut(file: &Path, keep: &Numbers, to: &Path) -> Result<usize, TrainError> {
    let DemonstrationFile { header, episodes, .. } = read(file)?;
    let count = episodes.len();
    let number = keep.greatest();
    if count == 0 {
        return Err(DemonstrationError::Empty { path: file.to_owned() }.into());
    }
    if number > count {
        return Err(DemonstrationError::NoEpisode { path: file.to_owned(), number, count }.into());
    }
    let numbered = (1..).zip(episodes);
    let kept = numbered.filter(|(number, _)| keep.contains(*number)).map(|(_, episode)| episode).collect();
    write(DemonstrationFile::new(header, kept), to)
}

fn merge(files: &[PathBuf], to: &Path) -> Result<usize, TrainError> {
    let mut merged: Option<DemonstrationFile> = None;
    for path in files {
        let file = read(path)?;
        match &mut merged {
            None => merged = Some(file),
            Some(merged) => {
                merged.header.check_same(&file.header, path)?;
                merged.episodes.extend(file.episodes);
            }
        }
    }
    merged.map_or(Ok(0), |merged| write(merged, to))
}

fn rescore(program: &Program, run: &RunArguments, file: &Path, to: &Path) -> Result<usize, TrainError> {
    let specs = program.specs()?;
    let config = program.config(run, &specs, MissingConfig::Defaults)?.config;
    let DemonstrationFile { header, mut episodes, .. } = read(file)?;
    let kinds = specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>().join("`, `");
    let spec = specs.iter().find(|spec| spec.name == header.agent.name).ok_or_else(|| {
        let (path, difference) = (file.to_owned(), format!("they are of `{}`", header.agent.name));
        DemonstrationError::OtherLayout { path, agent: kinds, difference }
    })?;
    let agent = config.agent(spec);
    let weight = |name: &String| agent.reward.get(name).copied().unwrap_or(0.0);
    let weights: Vec<f32> = header.agent.reward.iter().map(|term| weight(&term.name)).collect();
    for (number, episode) in (1..).zip(&mut episodes) {
        let before = sentence(number, episode);
        episode.info.weights.clone_from(&weights);
        say(format_args!("{before}; now return {:.2}", episode.reward(&weights)));
    }
    write(DemonstrationFile::new(header, episodes), to)
}

/// Reads a file, and warns of what could not be read.
pub(super) fn read(path: &Path) -> Result<DemonstrationFile, TrainError> {
    let file = DemonstrationFile::read(path)?;
    file.damage.iter().for_each(|problem| warn(&format!("`{}`: {problem}", path.display())));
    Ok(file)
}

/// Writes a new file. Never overwrites one.
fn write(file: DemonstrationFile, to: &Path) -> Result<usize, TrainError> {
    let DemonstrationFile { header, episodes, .. } = file;
    if to.exists() {
        return Err(TrainError::DemonstrationsExist { path: to.to_owned() });
    }
    append(to, &header, &episodes)?;
    say(format_args!("demonstrations: {}, {} episodes", to.display(), episodes.len()));
    Ok(episodes.len())
}

/// Appends the episodes of an evaluation to a file of demonstrations; with several kinds, to a file for each in a folder.
pub(super) fn record(
    path: &Path,
    evaluation: &Evaluation,
    policies: &[LocatedPolicy],
    specs: &[Arc<AgentSpec>],
) -> Result<(), TrainError> {
    let has_several = evaluation.kinds.len() > 1;
    let folder = if has_several { Some(path) } else { path.parent() };
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
    }
    for kind in &evaluation.kinds {
        let Some(policy) = policies.iter().find(|policy| specs[policy.kind].name == kind.name) else { continue };
        let file = if has_several { path.join(format!("{}.{ENDING}", kind.name)) } else { path.to_owned() };
        append(&file, &header_of(&policy.file, &specs[policy.kind]), &kind.demonstrations)?;
        say(format_args!("demonstrations: {}, {} more episodes", file.display(), kind.demonstrations.len()));
    }
    Ok(())
}

/// The header of what a policy plays with these agents.
fn header_of(policy: &PolicyFile, spec: &AgentSpec) -> DemonstrationHeader {
    DemonstrationHeader {
        game: policy.origin.program.clone(),
        library: env!("CARGO_PKG_VERSION").to_owned(),
        agent: spec.clone(),
        decision_interval: policy.decision_interval,
        tick_rate_hz: policy.tick_rate_hz,
    }
}
