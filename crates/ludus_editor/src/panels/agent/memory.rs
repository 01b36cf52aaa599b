//! The part of the agent's panel about what its policy remembers.

use crate::egui::{Layout, Ui, vec2};
use crate::snapshot::AgentSnapshot;
use crate::widgets::{Cells, cells_ui, count, fixed, legend_ui, viridis};

use super::super::training::heading_ui;

/// The largest height of the strip [points].
const HEIGHT: f32 = 48.0;

/// Draws what the policy remembered when it decided, as a strip of colours; nothing for a policy without memory.
pub(super) fn memory_ui(ui: &mut Ui, agent: &AgentSnapshot) {
    let memory = &agent.memory;
    if memory.is_empty() {
        return;
    }
    heading_ui(ui, "Memory");
    ui.weak(format!("{} numbers, with which it decided", count(memory.len() as u64)));
    let ends = ends(memory);
    let part = |number: f32| (number - ends[0]) / (ends[1] - ends[0]).max(f32::MIN_POSITIVE);
    let color = |index: usize| Some(viridis(part(memory[index])));
    let cells = Cells { count: memory.len(), color: &color, is_framed: &|_| false };
    let size = vec2(ui.available_width(), HEIGHT);
    let strip = |ui: &mut Ui| {
        let (response, pointed) = cells_ui(ui, &cells);
        if let Some(index) = pointed {
            response.on_hover_text(format!("number {index}: {}", fixed(memory[index].into())));
        }
    };
    ui.allocate_ui_with_layout(size, Layout::top_down(crate::egui::Align::Min), strip);
    legend_ui(ui, Some(ends.map(f64::from)));
}

/// Returns the least and the greatest number, with 0 between them.
fn ends(memory: &[f32]) -> [f32; 2] {
    memory.iter().fold([0.0, 0.0], |[low, high], &number| [low.min(number), high.max(number)])
}
