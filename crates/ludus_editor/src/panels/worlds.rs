//! All arenas of a run by how their last episodes went.

use ludus_train::session::{ArenaReturn, TrainingSnapshot};

use crate::egui::{Label, RichText, ScrollArea, Ui};
use crate::snapshot::SceneSnapshot;
use crate::widgets::{Cells, cells_ui, fixed, legend_ui, notice_ui, place_of, viridis};
use crate::{EditorCommand, EditorCommands};

/// The panel has nothing to remember yet.
#[derive(Debug, Default)]
pub struct WorldsUiState;

/// Draws the panel: a cell for each arena, coloured by the return of its last episode. A click shows the arena.
pub fn worlds_ui(
    ui: &mut Ui,
    training: &TrainingSnapshot,
    scene: &SceneSnapshot,
    _: &mut WorldsUiState,
    commands: &mut EditorCommands,
) {
    if training.returns.is_empty() {
        return notice_ui(ui, "No worlds yet: press Start in Training.");
    }
    let ends = ends(&training.returns);
    head_ui(ui, training, ends);
    ScrollArea::vertical().id_salt("worlds").auto_shrink(false).show(ui, |ui| {
        let arenas = &training.returns;
        let color = |index: usize| {
            let last = f64::from(arenas[index].last);
            last.is_finite().then(|| viridis(place_of(last, ends.unwrap_or_default())))
        };
        let is_framed = |index: usize| {
            let ArenaReturn { world, arena, .. } = arenas[index];
            world == scene.world && scene.arenas.contains(&arena)
        };
        let (response, pointed) = cells_ui(ui, &Cells { count: arenas.len(), color: &color, is_framed: &is_framed });
        let Some(pointed) = pointed.map(|index| arenas[index]) else { return };
        if response.clicked() {
            commands.send(EditorCommand::ShowArena { world: pointed.world, arena: pointed.arena });
        }
        response.on_hover_text(described(&pointed));
    });
}

/// How many arenas there are, and what the colours mean.
fn head_ui(ui: &mut Ui, training: &TrainingSnapshot, ends: Option<[f64; 2]>) {
    ui.horizontal_wrapped(|ui| {
        let worlds = ui.label(format!("{} worlds × {} arenas", training.worlds, training.arenas));
        worlds.on_hover_text("Click one to show it; white frames are on screen now.");
        match ends {
            Some(ends) => {
                legend_ui(ui, ends);
                ui.add(caption("return of the last episode"));
            }
            None => {
                ui.add(caption("hollow: no episode has ended there yet"));
            }
        }
    });
}

/// Moves to the next line as a whole where the line is too short.
fn caption(text: &str) -> Label {
    Label::new(RichText::new(text).weak()).extend()
}

/// The least and the greatest return; `None` as long as there is none.
fn ends(arenas: &[ArenaReturn]) -> Option<[f64; 2]> {
    let returns = arenas.iter().map(|arena| f64::from(arena.last)).filter(|last| last.is_finite());
    returns.fold(None, |ends, last| {
        let [low, high] = ends.unwrap_or([last, last]);
        Some([low.min(last), high.max(last)])
    })
}

fn described(arena: &ArenaReturn) -> String {
    let last = if arena.last.is_nan() { "no episode has ended yet".to_owned() } else { fixed(arena.last.into()) };
    format!("world {}, arena {}\nreturn of the last episode: {last}\nclick to show it", arena.world, arena.arena)
}
