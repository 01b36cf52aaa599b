//! A virtual screen for tests of panels.

use ludus_editor::egui::epaint::{ClippedShape, Primitive, Shape};
use ludus_editor::egui::{
    Color32, Context, Event, FontId, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Ui, Vec2, vec2,
};
use ludus_editor::{EditorCommand, EditorCommands, theme};

/// The size of a panel beside the scene, in a window of 1280×800 [points].
pub const BESIDE: Vec2 = vec2(312.0, 740.0);
/// The size of a panel below the scene [points].
pub const BELOW: Vec2 = vec2(580.0, 170.0);

/// Sizes of panels in a window of 900×600: left of the scene, right of it, below it; and of the narrowest panel of a
/// window with enlarged contents [points].
pub const SMALL_LEFT: Vec2 = vec2(209.0, 470.0);
pub const SMALL_RIGHT: Vec2 = vec2(245.0, 470.0);
pub const SMALL_BELOW: Vec2 = vec2(398.0, 110.0);
pub const ENLARGED: Vec2 = vec2(163.0, 180.0);

/// The least contrast of text with its background: Web Content Accessibility Guidelines 2.2, level AA.
const LEAST_CONTRAST: f32 = 4.5;

/// Time between two images [s].
const INTERVAL: f64 = 1.0 / 60.0;
/// Number of images after which nothing moves any more.
const SETTLING: usize = 4;

/// A panel on a screen.
pub struct Screen<F> {
    panel: F,
    context: Context,
    size: Vec2,
    time: f64,
    shapes: Vec<ClippedShape>,
    /// The commands that the panel has sent so far.
    pub commands: Vec<EditorCommand>,
}

/// A text with its place.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub rect: Rect,
    /// The visible part of its place.
    pub seen: Rect,
    /// The part of the screen to which it is clipped.
    clip: Rect,
    color: Color32,
    /// Height of the font \[points\].
    font_size: f32,
}

impl<F: FnMut(&mut Ui, &mut EditorCommands)> Screen<F> {
    /// Draws the panel until nothing moves any more, and checks that its shapes can be drawn.
    pub fn new(size: Vec2, panel: F) -> Self {
        let context = Context::default();
        theme::apply(&context);
        let mut screen = Self { panel, context, size, time: 0.0, shapes: Vec::new(), commands: Vec::new() };
        screen.settle();
        screen.check_drawable();
        screen
    }

    pub fn settle(&mut self) {
        (0..SETTLING).for_each(|_| self.draw(Vec::new()));
    }

    fn draw(&mut self, events: Vec<Event>) {
        self.time += INTERVAL;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, self.size));
        let input = RawInput { screen_rect, time: Some(self.time), events, focused: true, ..RawInput::default() };
        let mut commands = EditorCommands::default();
        let output = self.context.run_ui(input, |ui| (self.panel)(ui, &mut commands));
        self.shapes = output.shapes;
        self.commands.extend(commands.drain());
    }

    /// Clicks at a place.
    pub fn click(&mut self, pos: Pos2) {
        let button =
            |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        self.draw(vec![Event::PointerMoved(pos)]);
        self.draw(vec![button(true)]);
        self.draw(vec![button(false)]);
        self.settle();
    }

    /// Keeps the pointer at a place for long enough to show the hover text there.
    pub fn point(&mut self, pos: Pos2) {
        // After a click, the hover text only appears once the pointer has moved.
        self.draw(vec![Event::PointerMoved(pos + vec2(1.0, 1.0))]);
        self.draw(vec![Event::PointerMoved(pos)]);
        self.time += 2.0;
        self.settle();
    }

    /// Clicks on the first text that contains this.
    pub fn click_text(&mut self, part: &str) {
        let place = self.find(part).seen.center();
        self.click(place);
    }

    /// Replaces the text of the focused widget, and presses Enter.
    pub fn enter(&mut self, text: &str) {
        let key = |key, pressed, modifiers| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.draw(vec![key(Key::A, true, Modifiers::COMMAND), key(Key::A, false, Modifiers::COMMAND)]);
        self.draw(vec![Event::Text(text.to_owned())]);
        self.draw(vec![key(Key::Enter, true, Modifiers::NONE), key(Key::Enter, false, Modifiers::NONE)]);
        self.settle();
    }

    /// Returns all texts that are visible at least in part.
    pub fn texts(&self) -> Vec<Text> {
        let mut texts = Vec::new();
        self.shapes.iter().for_each(|shape| collect(&shape.shape, shape.clip_rect, &mut texts));
        texts
    }

    /// Returns all texts, one in each line.
    pub fn all_text(&self) -> String {
        self.texts().into_iter().map(|text| text.text + "\n").collect()
    }

    /// True if a text contains `part`.
    pub fn shows(&self, part: &str) -> bool {
        self.all_text().contains(part)
    }

    /// Returns the text that equals `text`.
    pub fn find_exactly(&self, text: &str) -> Text {
        let found = self.texts().into_iter().find(|found| found.text == text);
        found.unwrap_or_else(|| panic!("no `{text}` in:\n{}", self.all_text()))
    }

    /// Returns the first text that contains `part`.
    pub fn find(&self, part: &str) -> Text {
        let found = self.texts().into_iter().find(|text| text.text.contains(part));
        found.unwrap_or_else(|| panic!("no `{part}` in:\n{}", self.all_text()))
    }

    /// Checks that every corner of every triangle is finite, that fonts have all characters, and that no text is cut
    /// off.
    fn check_drawable(&self) {
        for primitive in self.context.tessellate(self.shapes.clone(), 1.0) {
            let Primitive::Mesh(mesh) = primitive.primitive else { continue };
            assert!(mesh.vertices.iter().all(|vertex| vertex.pos.is_finite()), "a corner is nowhere");
        }
        for text in self.texts() {
            let has_glyphs = |font: FontId| self.context.fonts_mut(|fonts| fonts.has_glyphs(&font, &text.text));
            assert!(has_glyphs(FontId::proportional(12.0)), "no font has all of `{}`", text.text);
            let right = self.size.x.min(text.clip.right());
            assert!(text.rect.right() <= right + 2.0, "`{}` is cut off at {:?}", text.text, text.rect);
            assert!(text.rect.left() >= text.clip.left() - 2.0, "`{}` is cut off at {:?}", text.text, text.rect);
            self.check_readable(&text);
        }
    }

    /// Checks the size and the contrast of a text.
    fn check_readable(&self, text: &Text) {
        assert!(text.font_size >= theme::SMALL_FONT, "`{}` has only {} points", text.text, text.font_size);
        // Signs that show a colour are exempt.
        if text.text.chars().all(|letter| "■□".contains(letter)) {
            return;
        }
        let fill = self.context.global_style().visuals.panel_fill;
        let contrast = contrast(fill.blend(text.color), fill);
        let is_clear = contrast >= LEAST_CONTRAST;
        assert!(is_clear, "`{}` in {:?} has a contrast of {contrast:.2} : 1", text.text, text.color);
    }

    /// Moves the pointer to a place, and returns the texts that appear there.
    pub fn told_at(&mut self, pos: Pos2) -> String {
        let before = self.texts();
        self.point(pos);
        let is_new = |text: &Text| before.iter().all(|old| (&old.text, old.rect) != (&text.text, text.rect));
        self.texts().into_iter().filter(is_new).map(|text| text.text + "\n").collect()
    }

    /// Returns the number of corners of all triangles.
    pub fn vertices(&self) -> usize {
        let primitives = self.context.tessellate(self.shapes.clone(), 1.0).into_iter();
        let meshes = primitives.map(|primitive| match primitive.primitive {
            Primitive::Mesh(mesh) => mesh.vertices.len(),
            Primitive::Callback(_) => 0,
        });
        meshes.sum()
    }

    /// Checks that no two visible texts overlap.
    pub fn check_apart(&self) {
        let texts = self.texts();
        for (index, one) in texts.iter().enumerate() {
            for other in &texts[index + 1..] {
                let common = one.seen.shrink(1.5).intersect(other.seen.shrink(1.5));
                let is_apart = !common.is_positive();
                assert!(is_apart, "`{}` {:?} covers `{}` {:?}", one.text, one.seen, other.text, other.seen);
            }
        }
    }
}

fn collect(shape: &Shape, clip: Rect, texts: &mut Vec<Text>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, texts)),
        Shape::Text(text) if !text.galley.text().is_empty() => {
            let rect = shape.visual_bounding_rect();
            let seen = rect.intersect(clip);
            if seen.is_positive() {
                // The visible text, with `…` where it was cut.
                let shown = text.galley.rows.iter().flat_map(|row| row.glyphs.iter().map(|glyph| glyph.chr));
                let section = &text.galley.job.sections[0].format;
                let own = if section.color == Color32::PLACEHOLDER { text.fallback_color } else { section.color };
                let color = text.override_text_color.unwrap_or(own).gamma_multiply(text.opacity_factor);
                let font_size = section.font_id.size;
                texts.push(Text { text: shown.collect(), rect, seen, clip, color, font_size });
            }
        }
        _ => {}
    }
}

/// Returns the contrast of two colours: the ratio of their luminances, as in WCAG 2.2.
fn contrast(one: Color32, other: Color32) -> f32 {
    let linear = |channel: u8| {
        let value = f32::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |color: Color32| {
        let [red, green, blue, _] = color.to_array().map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
