//! Colours and spacing of the window.
//!
//! Series take the colours of Okabe and Ito 2008, "Color Universal Design", which people with any kind of colour
//! blindness tell apart. Nothing is said by colour alone: what is good, bad or worth a look has a sign or a word as well.

use bevy_egui::egui::{Color32, Context, CornerRadius, FontDefinitions, FontFamily, Stroke, Style, Visuals, vec2};

/// Colours of series, in the order in which they are given out.
pub const SERIES: [Color32; 7] = [
    Color32::from_rgb(0x56, 0xb4, 0xe9), // sky blue
    Color32::from_rgb(0xe6, 0x9f, 0x00), // orange
    Color32::from_rgb(0x00, 0x9e, 0x73), // bluish green
    Color32::from_rgb(0xcc, 0x79, 0xa7), // reddish purple
    Color32::from_rgb(0xf0, 0xe4, 0x42), // yellow
    Color32::from_rgb(0x00, 0x72, 0xb2), // blue
    Color32::from_rgb(0xd5, 0x5e, 0x00), // vermilion
];

/// What goes well.
pub const GOOD: Color32 = SERIES[2];
/// What deserves a look.
pub const WARN: Color32 = SERIES[1];
/// What went wrong.
pub const BAD: Color32 = SERIES[6];
/// What is selected.
pub const SELECTED: Color32 = SERIES[0];

/// Words on the scene.
pub const CAPTION: Color32 = Color32::from_gray(235);
/// What is behind words on the scene.
pub const CAPTION_BACKGROUND: Color32 = Color32::from_black_alpha(160);

/// The colour of the series with this index; after the last, the first again.
pub const fn series(index: usize) -> Color32 {
    SERIES[index % SERIES.len()]
}

/// Between the lines of a panel [points].
const LINE_GAP: f32 = 4.0;

/// A press that lasts no longer is a click [s]: on a busy machine two images may be far apart.
const CLICK: f64 = 2.0;

/// Gives the window its look.
pub fn apply(context: &Context) {
    context.all_styles_mut(style);
    context.set_fonts(fonts());
    context.options_mut(|options| options.input_options.max_click_duration = CLICK);
}

/// Arrows and other signs are in the font for code alone: words look there for what their own fonts lack.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let signs = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    fonts.families.entry(FontFamily::Proportional).or_default().extend(signs);
    fonts
}

fn style(style: &mut Style) {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = Color32::from_gray(24);
    visuals.window_fill = Color32::from_gray(28);
    visuals.extreme_bg_color = Color32::from_gray(14);
    visuals.selection.bg_fill = Color32::from_rgb(0x1f, 0x4f, 0x70);
    visuals.selection.stroke = Stroke::new(1.0, SELECTED);
    visuals.hyperlink_color = SELECTED;
    visuals.warn_fg_color = WARN;
    visuals.error_fg_color = BAD;
    for widget in [&mut visuals.widgets.inactive, &mut visuals.widgets.hovered, &mut visuals.widgets.active] {
        widget.corner_radius = CornerRadius::same(3);
    }
    visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(200);
    style.visuals = visuals;
    style.spacing.item_spacing = vec2(8.0, LINE_GAP);
    style.spacing.button_padding = vec2(6.0, 2.0);
}
