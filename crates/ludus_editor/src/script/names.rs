//! The names that steps of a script refer to: episodes, runs, kinds of agents, parameters, panels, keys.

use std::path::PathBuf;

use bevy::prelude::*;
use ludus_train::replay::kept_episode;

use super::Step;
use crate::panels::Panels;
use crate::scene::SceneKinds;
use crate::snapshot::{RunEntry, RunsSnapshot, SceneSnapshot};
use crate::takeover::key_names;

/// The largest number of names that a sentence lists.
const MOST_NAMES: usize = 30;

/// The names that a step may have.
struct Names {
    valid: Vec<String>,
    /// True if there will be no others while the window is open.
    is_complete: bool,
}

/// Returns the file of the episode with this name: of the run on screen, or else of the newest run that kept one.
///
/// As on the command line, `best` and `worst` mean those of the first kind where each kind has its own.
pub fn episode(runs: &RunsSnapshot, name: &str) -> Option<PathBuf> {
    ordered(runs).find_map(|run| {
        let episodes: Vec<_> = run.episodes.iter().map(|kept| (kept.name.clone(), kept.path.clone())).collect();
        kept_episode(&episodes, name)
    })
}

/// Returns the runs, those on screen first.
fn ordered(runs: &RunsSnapshot) -> impl Iterator<Item = &RunEntry> {
    let is_on_screen = |run: &&RunEntry| runs.left.iter().any(|left| left.label.name == run.name);
    runs.runs.iter().filter(is_on_screen).chain(&runs.runs)
}

/// Returns the sentence about a step with a name that there will never be; `None` for all others.
pub fn refusal(world: &World, step: &Step) -> Option<String> {
    let (name, names) = names(world, step)?;
    let is_wrong = names.is_complete && names.valid.iter().all(|valid| valid != name);
    is_wrong.then(|| format!("the script has {step:?}, but there is no `{name}`; {}", listed(&names.valid)))
}

/// Returns the names that a step may have by now, as the end of a sentence; an empty text for a step without a name.
pub fn hint(world: &World, step: &Step) -> String {
    names(world, step).map_or_else(String::new, |(_, names)| format!("; {}", listed(&names.valid)))
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "there is none".to_owned(),
        names => {
            let rest = if names.len() > MOST_NAMES { ", …" } else { "" };
            format!("valid: {}{rest}", names[..names.len().min(MOST_NAMES)].join(", "))
        }
    }
}

/// Returns the name that a step refers to, and those that it may refer to.
fn names<'a>(world: &World, step: &'a Step) -> Option<(&'a str, Names)> {
    let complete = |valid| Names { valid, is_complete: true };
    let so_far = |valid| Names { valid, is_complete: false };
    Some(match step {
        Step::ShowKind(name) => {
            let kinds = world.get_resource::<SceneKinds>()?;
            (name, complete(kinds.specs().map(|spec| spec.name.clone()).collect()))
        }
        Step::ShowPanel(title) => {
            let panels = world.get_resource::<Panels>()?;
            (title, complete(panels.iter().map(|panel| panel.title.clone()).collect()))
        }
        Step::Press(name) | Step::Release(name) => (name, complete(key_names().map(str::to_owned).collect())),
        Step::Parameter(name, _) => {
            let parameters = &world.get_resource::<SceneSnapshot>()?.parameters;
            (name, so_far(parameters.iter().map(|shown| shown.parameter.name.clone()).collect()))
        }
        Step::ResumeRun(name) => {
            let runs = &world.get_resource::<RunsSnapshot>()?.runs;
            let names = runs.iter().map(|run| run.name.clone());
            (name, so_far(["latest".to_owned()].into_iter().chain(names).collect()))
        }
        Step::Replay(name) => (name, so_far(episode_names(world.get_resource::<RunsSnapshot>()?))),
        #[cfg(feature = "tune")]
        Step::ShowSearch(name) => (name, so_far(search_names(world))),
        _ => return None,
    })
}

/// Returns the names of all kept episodes, each once.
fn episode_names(runs: &RunsSnapshot) -> Vec<String> {
    let mut names = Vec::new();
    for episode in ordered(runs).flat_map(|run| &run.episodes) {
        if !names.contains(&episode.name) {
            names.push(episode.name.clone());
        }
    }
    names
}

#[cfg(feature = "tune")]
fn search_names(world: &World) -> Vec<String> {
    let folders = world.get_resource::<crate::snapshot::SearchesSnapshot>().map_or(&[][..], |found| &found.folders);
    let names = folders.iter().filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    ["latest".to_owned()].into_iter().chain(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::EpisodeEntry;

    fn world() -> World {
        let episode = |name: &str| EpisodeEntry { name: name.to_owned(), ..EpisodeEntry::default() };
        let run = |number: u32, names: &[&str]| RunEntry {
            name: format!("hunt-{number}"),
            episodes: names.iter().map(|name| episode(name)).collect(),
            ..RunEntry::default()
        };
        let runs = vec![run(2, &["best-Chaser", "best-Runner", "1"]), run(1, &["1", "2"])];
        let mut world = World::new();
        world.insert_resource(RunsSnapshot { runs, ..RunsSnapshot::default() });
        world.init_resource::<Panels>();
        world
    }

    #[test]
    fn the_names_that_there_are_can_be_read() {
        let check = |step: Step, expected: &str| assert_eq!(hint(&world(), &step), expected);
        check(Step::Replay("bets".to_owned()), "; valid: best-Chaser, best-Runner, 1, 2");
        check(Step::ResumeRun("hunt".to_owned()), "; valid: latest, hunt-2, hunt-1");
        check(Step::ShowPanel("Ladder".to_owned()), "; there is none");
        check(Step::Quit, "");
    }

    #[test]
    fn a_name_that_there_will_never_be_is_refused() {
        let refused = refusal(&world(), &Step::Press("F13".to_owned())).expect("there is no such key");
        assert!(refused.contains("there is no `F13`; valid: ←, →"), "{refused}");
        assert_eq!(refusal(&world(), &Step::Press("→".to_owned())), None);
        assert_eq!(refusal(&world(), &Step::Replay("best".to_owned())), None, "the run may keep one yet");
    }
}
