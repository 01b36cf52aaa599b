//! The app of a world, which can be dropped whatever the game's destructors do.

use core::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bevy::app::{App, SubApp};
use ludus_agent::AgentKind;
use ludus_agent::spec::Outcome;

use crate::error::panic_message;

/// The greatest count of destructors that may panic in one world; a world with more is leaked.
const MOST_PANICS: usize = 256;

/// A game's app.
///
/// Dropping it never panics. A game that panicked may panic again when its data is dropped, such as a guard on a mutex
/// that is poisoned by then, and two panics at once would end the process.
pub(crate) struct WorldApp(SubApp);

impl WorldApp {
    /// Takes the main part of an app, which is `Send`.
    pub fn new(mut app: App) -> Self {
        let main = core::mem::take(app.main_mut());
        // The rest, such as sub-apps and a runner, is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(app)));
        Self(main)
    }

    /// Creates an app without a game, which has rows without agents.
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

    /// Drops the game. Returns the message of its first panic, if it panicked.
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

/// Runs `work`; true if it did not panic. `said` keeps the message of the first panic.
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
