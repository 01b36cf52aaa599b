//! Colours and spacing of the window.
//!
//! Series have the colours of Okabe and Ito 2008, "Color Universal Design", which people with any kind of colour
//! blindness can tell apart. Colour is never the only sign: good, bad and unusual things have a sign or a word as well.

use bevy_egui::egui::style::ScrollStyle;
use bevy_egui::egui::{
    Color32, Context, CornerRadius, FontDefinitions, FontFamily, FontId, Stroke, Style, TextStyle, Visuals, vec2,
};

/// Colours of series, by index.
pub const SERIES: [Color32; 7] = [
    Color32::from_rgb(0x56, 0xb4, 0xe9), // sky blue
    Color32::from_rgb(0xe6, 0x9f, 0x00), // orange
    Color32::from_rgb(0x00, 0x9e, 0x73), // bluish green
    Color32::from_rgb(0xcc, 0x79, 0xa7), // reddish purple
    Color32::from_rgb(0xf0, 0xe4, 0x42), // yellow
    Color32::from_rgb(0x00, 0x72, 0xb2), // blue
    Color32::from_rgb(0xd5, 0x5e, 0x00), // vermilion
];

/// Colour of success.
pub const GOOD: Color32 = SERIES[2];
/// Colour of warnings.
pub const WARN: Color32 = SERIES[1];
/// Colour of errors: vermilion, light enough for text.
pub const BAD: Color32 = Color32::from_rgb(0xff, 0x7a, 0x2e);
/// Colour of the selection.
pub const SELECTED: Color32 = SERIES[0];

/// Colour of text on the scene.
pub const CAPTION: Color32 = Color32::from_gray(235);
/// Background of text on the scene.
pub const CAPTION_BACKGROUND: Color32 = Color32::from_black_alpha(160);

/// Returns the colour of the series with this index. After the last colour, the first follows again.
pub const fn series(index: usize) -> Color32 {
    SERIES[index % SERIES.len()]
}

/// Colour of names and captions: weaker than the numbers beside them, and still easily read.
pub const WEAK: Color32 = Color32::from_gray(165);
/// Size of the smallest text \[points\].
pub const SMALL_FONT: f32 = 11.0;

/// Space between the lines of a panel [points].
const LINE_GAP: f32 = 4.0;
/// Colour of text.
const TEXT: Color32 = Color32::from_gray(205);
/// Opacity of a button that can't be pressed.
const DISABLED: f32 = 0.7;

/// The longest press that counts as a click [s]: on a busy machine two images may be far apart.
const CLICK: f64 = 2.0;

/// Applies the colours, fonts and spacing to an egui context.
pub fn apply(context: &Context) {
    context.all_styles_mut(style);
    context.set_fonts(fonts());
    context.options_mut(|options| {
        options.input_options.max_click_duration = CLICK;
        // The editor zooms by Bevy's key events instead.
        options.zoom_with_keyboard = false;
    });
}

/// Returns fonts with arrows and other signs for text: by default only the monospace family has them.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let signs = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    fonts.families.entry(FontFamily::Proportional).or_default().extend(signs);
    fonts
}

fn style(style: &mut Style) {
    let mut visuals = Visuals::dark();
    visuals.weak_text_color = Some(WEAK);
    visuals.disabled_alpha = DISABLED;
    visuals.panel_fill = Color32::from_gray(24);
    visuals.window_fill = Color32::from_gray(28);
    visuals.extreme_bg_color = Color32::from_gray(14);
    visuals.selection.bg_fill = Color32::from_rgb(0x1f, 0x4f, 0x70);
    visuals.selection.stroke = Stroke::new(1.0, Color32::from_gray(240));
    visuals.hyperlink_color = SELECTED;
    visuals.warn_fg_color = WARN;
    visuals.error_fg_color = BAD;
    for widget in [&mut visuals.widgets.inactive, &mut visuals.widgets.hovered, &mut visuals.widgets.active] {
        widget.corner_radius = CornerRadius::same(3);
    }
    for widget in [&mut visuals.widgets.noninteractive, &mut visuals.widgets.inactive] {
        widget.fg_stroke.color = TEXT;
    }
    style.visuals = visuals;
    style.text_styles.insert(TextStyle::Small, FontId::proportional(SMALL_FONT));
    // The scroll bar is beside the content, never on it.
    style.spacing.scroll = ScrollStyle { floating_allocated_width: 6.0, bar_width: 6.0, ..ScrollStyle::thin() };
    style.spacing.item_spacing = vec2(8.0, LINE_GAP);
    style.spacing.button_padding = vec2(6.0, 2.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least contrast of text with its background.
    ///
    /// # Source
    ///
    /// Web Content Accessibility Guidelines 2.2, success criterion 1.4.3, level AA.
    const LEAST_CONTRAST: f32 = 4.5;

    /// Relative luminance of an opaque colour, as in WCAG 2.2.
    fn luminance(color: Color32) -> f32 {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue, _] = color.to_array().map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: Color32, other: Color32) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn look() -> Style {
        let context = Context::default();
        apply(&context);
        (*context.global_style()).clone()
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 0.01);
        assert!((contrast(Color32::from_gray(0x76), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn words_stand_out_from_what_is_behind_them() {
        let visuals = look().visuals;
        let words = [
            ("text", visuals.text_color()),
            ("weak", visuals.weak_text_color()),
            ("strong", visuals.strong_text_color()),
            ("link", visuals.hyperlink_color),
            ("good", GOOD),
            ("warn", WARN),
            ("bad", BAD),
            ("selected", SELECTED),
        ];
        let behind = [visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color, visuals.faint_bg_color];
        for (name, word) in words {
            for fill in behind.map(|fill| visuals.panel_fill.blend(fill)) {
                let contrast = contrast(word, fill);
                assert!(contrast >= LEAST_CONTRAST, "{name} on {fill:?}: {contrast:.2} : 1");
            }
        }
    }

    #[test]
    fn words_of_buttons_stand_out() {
        let visuals = look().visuals;
        let widgets = [&visuals.widgets.inactive, &visuals.widgets.hovered, &visuals.widgets.active];
        let mut pairs = widgets.map(|widget| (widget.fg_stroke.color, widget.weak_bg_fill)).to_vec();
        pairs.push((visuals.selection.stroke.color, visuals.selection.bg_fill));
        for (word, fill) in pairs {
            let contrast = contrast(word, fill);
            assert!(contrast >= LEAST_CONTRAST, "{word:?} on {fill:?}: {contrast:.2} : 1");
        }
    }

    #[test]
    fn captions_stand_out_from_the_brightest_scene() {
        let behind = Color32::WHITE.blend(CAPTION_BACKGROUND);
        assert!(contrast(CAPTION, behind) >= LEAST_CONTRAST, "{:.2} : 1", contrast(CAPTION, behind));
    }

    #[test]
    fn no_words_are_small() {
        let sizes: Vec<_> = look().text_styles.into_values().map(|font| font.size).collect();
        assert!(sizes.iter().all(|&size| size >= SMALL_FONT), "{sizes:?}");
    }
}
