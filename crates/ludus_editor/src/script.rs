//! `watch --script FILE`: runs a list of steps in the window.

mod act;
mod names;
mod step;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bevy::prelude::*;
use ludus_train::clock;
use ludus_train::text::read_text;

pub use step::Step;

/// The longest time that a step may wait, unless it sets the time itself [s].
const PATIENCE: f64 = 120.0;

/// The steps that are still to be run.
#[derive(Resource)]
pub struct Script {
    steps: VecDeque<Step>,
    /// Number of images since the present step began.
    images: u32,
    /// Time at which the present step began [s of the clock].
    began: f64,
    trouble: Trouble,
}

/// The reason that the script ended early, shared with the caller that opened the window.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// Takes the sentence, if there is one.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, sentence: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
    }
}

impl Script {
    /// Reads the steps of a file.
    ///
    /// # Errors
    ///
    /// If the file can't be read or is no list of steps. The error is a sentence.
    pub fn read(path: &Path, trouble: Trouble) -> Result<Self, String> {
        let shown = path.display();
        let text = read_text(path).map_err(|error| format!("{shown}: {}", error.sentence("--script")))?;
        let steps = step::parse(&text).map_err(|(line, problem)| format!("{shown}:{line}: {problem}"))?;
        Ok(Self { steps: steps.into(), images: 0, began: clock::seconds(), trouble })
    }

    /// Ends the script and the window.
    fn fail(&mut self, world: &mut World, sentence: String) {
        self.trouble.set(sentence);
        self.steps.clear();
        world.write_message(AppExit::error());
    }

    /// True if there are no steps left.
    pub fn is_over(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Adds the system that runs a script.
pub fn add(app: &mut App, script: Script) {
    app.insert_resource(script).init_resource::<act::Shots>();
    app.add_systems(First, advance);
}

/// Runs the present step. Once it is done, the next step follows in the next image.
fn advance(world: &mut World) {
    world.resource_scope(|world, mut script: Mut<Script>| {
        let Some(step) = script.steps.front().cloned() else { return };
        if let Some(sentence) = (script.images == 0).then(|| names::refusal(world, &step)).flatten() {
            return script.fail(world, sentence);
        }
        let waited = clock::seconds() - script.began;
        let is_done = act::act(world, &step, act::Moment { image: script.images, seconds: waited });
        script.images += 1;
        if is_done {
            script.steps.pop_front();
            (script.images, script.began) = (0, clock::seconds());
        } else if waited > PATIENCE && !matches!(step, Step::WaitSeconds(_)) {
            let names = names::hint(world, &step);
            script.fail(world, format!("the script waited {PATIENCE} s in vain for {step:?}{names}"));
        }
    });
}
