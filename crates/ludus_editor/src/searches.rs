//! The searches of the game on disk (`tune`). They are read at regular intervals while the window is open.

use std::fs;
use std::path::{Path, PathBuf};

use bevy::prelude::*;
use bevy::tasks::{IoTaskPool, Task, block_on, futures_lite::future::poll_once};
use ludus_train::clock;
use ludus_train::tune::SearchRecord;

use crate::EditorCommand;
use crate::snapshot::SearchesSnapshot;

/// Interval between two reads [s].
const INTERVAL: f64 = 2.0;

/// Reads the searches of a game, and carries out the commands about them.
pub struct SearchesPlugin {
    /// The folder of runs.
    pub runs: PathBuf,
    /// The name of the game.
    pub game: String,
}

impl Plugin for SearchesPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(Searches::new(self.runs.clone(), self.game.clone())).init_resource::<SearchesSnapshot>();
        app.add_systems(PreUpdate, obey).add_systems(Update, look);
    }
}

/// The folder of runs, the search that was picked in it, and the read that is under way.
#[derive(Resource)]
struct Searches {
    runs: PathBuf,
    game: String,
    /// The folder of the search that was picked; `None` for the newest.
    picked: Option<PathBuf>,
    looked: f64,
    look: Option<Task<SearchesRead>>,
    /// The journal that was read last.
    known: Option<Journal>,
}

/// A journal with its length at the time when it was read. One that has not grown is not read again.
#[derive(Clone, Debug, PartialEq)]
struct Journal {
    folder: PathBuf,
    bytes: u64,
}

/// The result of a read.
struct SearchesRead {
    /// The search that was picked when the read began.
    picked: Option<PathBuf>,
    folders: Vec<PathBuf>,
    journal: Option<Journal>,
    /// The search of the journal, or the reason that it can't be read; `None` if the journal has not grown.
    record: Option<Result<SearchRecord, String>>,
}

impl Searches {
    const fn new(runs: PathBuf, game: String) -> Self {
        Self { runs, game, picked: None, looked: f64::NEG_INFINITY, look: None, known: None }
    }

    /// Takes the result of a read. One that began before another search was picked says nothing about that one.
    fn take(&mut self, found: SearchesRead, searches: &mut SearchesSnapshot) {
        searches.folders = found.folders;
        if found.picked != self.picked {
            return;
        }
        show(searches, found.journal.as_ref().map(|journal| journal.folder.clone()));
        match found.record {
            Some(Ok(record)) => (searches.record, searches.problem) = (Some(record), None),
            Some(Err(problem)) => (searches.record, searches.problem) = (None, Some(problem)),
            None => {}
        }
        self.known = found.journal;
    }
}

/// Shows the search in this folder. Nothing of another one stays.
fn show(searches: &mut SearchesSnapshot, folder: Option<PathBuf>) {
    if searches.shown != folder {
        let folders = std::mem::take(&mut searches.folders);
        *searches = SearchesSnapshot { folders, shown: folder, ..SearchesSnapshot::default() };
    }
}

fn obey(
    mut commands: MessageReader<EditorCommand>,
    mut folder: ResMut<Searches>,
    mut searches: ResMut<SearchesSnapshot>,
) {
    for command in commands.read() {
        match command {
            EditorCommand::ShowSearch(path) => {
                (folder.picked, folder.known, folder.looked) = (Some(path.clone()), None, f64::NEG_INFINITY);
                show(&mut searches, Some(path.clone()));
            }
            EditorCommand::ChooseTrial(trial) if searches.has_trial(*trial) => searches.choose(*trial),
            _ => {}
        }
    }
}

/// Starts reading in another thread, and takes the result of the last read.
fn look(mut folder: ResMut<Searches>, mut searches: ResMut<SearchesSnapshot>) {
    if let Some(found) = folder.look.as_mut().and_then(|look| block_on(poll_once(look))) {
        folder.look = None;
        folder.take(found, &mut searches);
    }
    if folder.look.is_none() && clock::seconds() - folder.looked >= INTERVAL {
        folder.looked = clock::seconds();
        let Searches { runs, game, picked, known, .. } = &*folder;
        let (runs, game, picked, known) = (runs.clone(), game.clone(), picked.clone(), known.clone());
        folder.look = Some(IoTaskPool::get().spawn(async move { find(&runs, &game, picked, known) }));
    }
}

/// Lists the searches, and reads the picked one, or else the newest, if its journal has grown.
fn find(runs: &Path, game: &str, picked: Option<PathBuf>, known: Option<Journal>) -> SearchesRead {
    let folders = SearchRecord::folders(runs, game);
    let shown = picked.as_ref().filter(|picked| folders.contains(picked)).or(folders.first());
    let journal = shown.map(|folder| Journal {
        folder: folder.clone(),
        bytes: fs::metadata(SearchRecord::journal(folder)).map_or(0, |file| file.len()),
    });
    let grown = journal.as_ref().filter(|journal| known.as_ref() != Some(journal));
    let record = grown.map(|journal| SearchRecord::read(&journal.folder).map_err(|error| error.to_string()));
    SearchesRead { picked, folders, journal, record }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: &str = "{ \"ppo.epochs\": Int(1, 8) }";
    const SETTINGS: &str = concat!(
        r#"{"event":"search","settings":{"objective":{"metric":"return","kind":"Arrow","is_minimized":false,"goal":null},"#,
        r#""trials":8,"seed":1,"sampler":"tpe","seeds":[1],"fresh_seeds":[],"episodes":100,"sampled":false,"#,
        r#""rung_steps":[],"learner":null,"device":"auto"}}"#,
        "\n"
    );

    /// The line of a trial that began with this number of epochs.
    fn began(trial: u64) -> String {
        format!("{{\"event\":\"began\",\"trial\":{trial},\"values\":{{\"ppo.epochs\":\"{trial}\"}}}}\n")
    }

    fn failed(trial: u64) -> String {
        format!("{{\"event\":\"ended\",\"trial\":{trial},\"report\":{{\"failed\":\"the game panicked\"}}}}\n")
    }

    /// Makes a search with one trial that has failed. Returns its folder.
    fn search(runs: &Path, number: u32) -> PathBuf {
        let folder = runs.join(format!("arrows-tune-2026-11-29-{number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("space.ron"), SPACE).unwrap();
        fs::write(folder.join("journal.jsonl"), [SETTINGS, &began(1), &failed(1)].concat()).unwrap();
        folder
    }

    fn append(folder: &Path, text: &str) {
        let journal = SearchRecord::journal(folder);
        let before = fs::read_to_string(&journal).unwrap();
        fs::write(journal, before + text).unwrap();
    }

    /// Reads once, as the window does at each interval.
    fn read(searches: &mut Searches, snapshot: &mut SearchesSnapshot) {
        let found = find(&searches.runs, &searches.game, searches.picked.clone(), searches.known.clone());
        searches.take(found, snapshot);
    }

    #[test]
    fn a_search_that_goes_on_is_read_again_only_when_it_grew() {
        let runs = tempfile::tempdir().unwrap();
        let folder = search(runs.path(), 1);
        let (mut searches, mut snapshot) =
            (Searches::new(runs.path().to_owned(), "arrows".to_owned()), SearchesSnapshot::default());
        read(&mut searches, &mut snapshot);
        assert_eq!((snapshot.folders.len(), snapshot.has_trial(1), snapshot.has_trial(2)), (1, true, false));
        snapshot.choose(1);
        let same = find(runs.path(), "arrows", None, searches.known.clone());
        assert!(same.record.is_none(), "nothing is read twice");
        append(&folder, &[began(2), failed(2)].concat());
        read(&mut searches, &mut snapshot);
        assert!(snapshot.has_trial(2) && snapshot.color_of(1).is_some(), "what was chosen stays chosen");
    }

    #[test]
    fn a_damaged_journal_is_a_sentence_and_can_be_repaired() {
        let runs = tempfile::tempdir().unwrap();
        let folder = search(runs.path(), 1);
        let (mut searches, mut snapshot) =
            (Searches::new(runs.path().to_owned(), "arrows".to_owned()), SearchesSnapshot::default());
        append(&folder, "{\"event\":\"dance\"}\n");
        read(&mut searches, &mut snapshot);
        let problem = snapshot.problem.clone().expect("it is damaged");
        assert!(problem.contains("journal.jsonl`:4") && snapshot.record.is_none(), "{problem}");
        fs::write(SearchRecord::journal(&folder), SETTINGS).unwrap();
        read(&mut searches, &mut snapshot);
        assert!(snapshot.problem.is_none() && snapshot.record.is_some());
    }

    #[test]
    fn the_newest_search_is_shown_until_another_is_picked() {
        let runs = tempfile::tempdir().unwrap();
        let [first, second] = [1, 2].map(|number| search(runs.path(), number));
        let (mut searches, mut snapshot) =
            (Searches::new(runs.path().to_owned(), "arrows".to_owned()), SearchesSnapshot::default());
        read(&mut searches, &mut snapshot);
        assert_eq!((&snapshot.folders[..], &snapshot.shown), (&[second.clone(), first.clone()][..], &Some(second)));
        snapshot.choose(1);
        let late = find(runs.path(), "arrows", None, None);
        searches.picked = Some(first.clone());
        searches.take(late, &mut snapshot);
        assert_eq!(snapshot.chosen.len(), 1, "a read that began before is of another search");
        read(&mut searches, &mut snapshot);
        assert_eq!((&snapshot.shown, snapshot.chosen.len()), (&Some(first), 0));
    }

    #[test]
    fn without_searches_nothing_is_shown() {
        let found = find(Path::new("/nowhere"), "arrows", None, None);
        assert!(found.folders.is_empty() && found.journal.is_none() && found.record.is_none());
    }
}
