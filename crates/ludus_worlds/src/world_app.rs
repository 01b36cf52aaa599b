//! The app of a world, which can be dropped whatever the game's destructors do.

use core::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bevy::app::{App, SubApp};
use ludus_agent::AgentKind;
use ludus_agent::spec::Outcome;

use crate::error::panic_message;

/// Destructors that may panic in one world; a world with more is leaked.
const MOST_PANICS: usize = 256;

/// A game's app.
///
/// Dropping it never panics: a game that panicked may well panic again when what it has is dropped, such as a guard on
/// a mutex that is poisoned by then, and two panics at once would end the process.
pub(crate) struct WorldApp(SubApp);

impl WorldApp {
    /// The main part of an app, which is `Send`.
    pub fn new(mut app: App) -> Self {
        let main = core::mem::take(app.main_mut());
        // What else a game may have added: sub-apps, a runner.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(app)));
        Self(main)
    }

    /// An app without a game, with rows of agents that are not there.
    pub fn idle<'a>(kinds: impl Iterator<Item = (&'a AgentKind, usize)>) -> Self {
        let mut app = SubApp::new();
        for (kind, rows) in kinds {
            kind.insert_rows(app.world_mut());
            let idle = kind.rows_mut(app.world_mut());
            idle.fix_len(Some(rows));
            idle.mark_all(Outcome::Faulty);
        }
        Self(app)
    }

    /// Drops the game; what it said first if it panicked meanwhile.
    pub fn close(mut self) -> Option<String> {
        self.drop_game()
    }

    fn drop_game(&mut self) -> Option<String> {
        let mut app = core::mem::take(&mut self.0);
        let mut said = None;
        let mut is_clear = false;
        // Each panic ends with one table of components less, so that no two destructors panic at once.
        for _ in 0..MOST_PANICS {
            is_clear = caught(&mut said, || app.world_mut().clear_entities());
            if is_clear {
                break;
            }
        }
        if is_clear {
            caught(&mut said, || drop(app));
        } else {
            core::mem::forget(app);
        }
        said
    }
}

/// Whether it came to its end; what a panic said, if it is the first.
fn caught(said: &mut Option<String>, work: impl FnOnce()) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if let Err(panic) = &outcome {
        said.get_or_insert_with(|| panic_message(&**panic));
    }
    outcome.is_ok()
}

impl Drop for WorldApp {
    fn drop(&mut self) {
        self.drop_game();
    }
}

impl Deref for WorldApp {
    type Target = SubApp;

    fn deref(&self) -> &SubApp {
        &self.0
    }
}

impl DerefMut for WorldApp {
    fn deref_mut(&mut self) -> &mut SubApp {
        &mut self.0
    }
}
