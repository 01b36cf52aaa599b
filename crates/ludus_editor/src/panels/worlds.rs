//! The panel of all arenas of a run, coloured by the returns of their last episodes.

use ludus_train::session::{ArenaReturn, KindSnapshot, TrainingSnapshot};

use crate::egui::{Label, ScrollArea, Ui};
use crate::snapshot::SceneSnapshot;
use crate::widgets::{Cells, cells_ui, counted, fixed, legend_ui, notice_ui, place_of, round_step, viridis};
use crate::{EditorCommand, EditorCommands};

use super::kinds::pick_kind_ui;

/// Approximate number of parts of the scale of colours: its ends are whole multiples of a part.
const SCALE_PARTS: f64 = 10.0;

/// The state of the panel, which is empty.
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
    let Some(kind) = training.kinds.get(scene.shown_kind).filter(|kind| !kind.returns.is_empty()) else {
        return notice_ui(ui, "No worlds yet: press Start in Training.");
    };
    let ends = scale(kind, training.stop.goal(&kind.spec.name));
    pick_kind_ui(ui, training.kinds.iter().map(|kind| &*kind.spec.name), scene.shown_kind, commands);
    head_ui(ui, training, ends);
    ScrollArea::vertical().id_salt("worlds").auto_shrink(false).show(ui, |ui| {
        let arenas = &kind.returns;
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

/// Draws the number of arenas, and the legend of the colours.
fn head_ui(ui: &mut Ui, training: &TrainingSnapshot, ends: Option<[f64; 2]>) {
    let (worlds, arenas) = (counted(training.worlds.into(), "world"), counted(training.arenas.into(), "arena"));
    let text = format!("{worlds} × {arenas}, by the return of the last episode");
    let hint =
        format!("{text}\nHollow: no episode has ended there yet.\nClick one to show it; white frames are on screen.");
    ui.add(Label::new(text).truncate()).on_hover_text(hint);
    legend_ui(ui, ends);
}

/// Returns the returns at the ends of the colour scale: they include all returns of the run so far and its goal, up to
/// the next round numbers.
///
/// The scale never shrinks, so that a colour keeps its meaning. `None` as long as no episode has ended.
fn scale(kind: &KindSnapshot, goal: Option<f32>) -> Option<[f64; 2]> {
    let [least, greatest] = kind.return_range?.map(f64::from);
    let goal = goal.map_or(greatest, f64::from);
    let (mut low, mut high) = (least.min(goal), greatest.max(goal));
    if low == high {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    // Halves, so that the difference of the greatest numbers is still finite.
    let step = 2.0 * round_step((0.5 * high - 0.5 * low) / SCALE_PARTS);
    let rounded = [(low / step).floor() * step, (high / step).ceil() * step];
    Some(if rounded.iter().all(|end| end.is_finite()) { rounded } else { [low, high] })
}

fn described(arena: &ArenaReturn) -> String {
    let last = if arena.last.is_nan() { "no episode has ended yet".to_owned() } else { fixed(arena.last.into()) };
    format!("world {}, arena {}\nreturn of the last episode: {last}\nclick to show it", arena.world, arena.arena)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: [f32; 2], goal: Option<f32>, expected: [f64; 2]) {
        let kind = KindSnapshot { return_range: Some(range), ..KindSnapshot::default() };
        assert_eq!(scale(&kind, goal), Some(expected), "{range:?}, {goal:?}");
    }

    #[test]
    fn colours_have_round_ends() {
        check([0.5, 99.995], None, [0.0, 100.0]);
        check([0.5, 99.9], None, [0.0, 100.0]);
        check([-1_603.0, -120.0], None, [-1_800.0, 0.0]);
        check([0.0, 0.0], None, [0.0, 0.0]);
    }

    #[test]
    fn a_goal_that_is_not_reached_is_on_the_scale() {
        check([0.5, 30.0], Some(95.0), [0.0, 100.0]);
        check([0.5, 121.0], Some(95.0), [0.0, 140.0]);
    }

    #[test]
    fn a_run_in_which_all_goes_equally_well_is_at_the_end_of_the_scale() {
        let kind = KindSnapshot { return_range: Some([100.0; 2]), ..KindSnapshot::default() };
        let ends = scale(&kind, None).unwrap();
        assert_eq!(place_of(100.0, ends), 1.0, "{ends:?}");
    }
}
