//! A screen that nobody sees.

use ludus_editor::egui::epaint::{ClippedShape, Primitive, Shape};
use ludus_editor::egui::{Context, Event, FontId, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Ui, Vec2, vec2};
use ludus_editor::{EditorCommand, EditorCommands, theme};

/// The size of a panel beside the scene, in a window of 1280×800 [points].
pub const BESIDE: Vec2 = vec2(312.0, 740.0);
/// The size of a panel below the scene [points].
pub const BELOW: Vec2 = vec2(580.0, 170.0);

/// How far apart in time two drawings are [s].
const INTERVAL: f64 = 1.0 / 60.0;
/// Drawings after which everything is where it stays.
const SETTLING: usize = 4;

/// A panel on a screen.
pub struct Screen<F> {
    panel: F,
    context: Context,
    size: Vec2,
    time: f64,
    shapes: Vec<ClippedShape>,
    /// What the panel asked for so far.
    pub commands: Vec<EditorCommand>,
}

/// A text and where it is.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub rect: Rect,
    /// The part of it that can be seen.
    pub seen: Rect,
}

impl<F: FnMut(&mut Ui, &mut EditorCommands)> Screen<F> {
    /// Draws the panel until it has settled, and checks that what it draws can be drawn.
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

    /// Points at a place for long enough to be told what is there.
    pub fn point(&mut self, pos: Pos2) {
        // What was clicked on is not explained before the pointer has moved.
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

    /// Types into what has the focus, in place of what is there, and presses Enter.
    pub fn enter(&mut self, text: &str) {
        let key = |key, pressed, modifiers| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.draw(vec![key(Key::A, true, Modifiers::COMMAND), key(Key::A, false, Modifiers::COMMAND)]);
        self.draw(vec![Event::Text(text.to_owned())]);
        self.draw(vec![key(Key::Enter, true, Modifiers::NONE), key(Key::Enter, false, Modifiers::NONE)]);
        self.settle();
    }

    /// All texts, at least a part of which can be seen.
    pub fn texts(&self) -> Vec<Text> {
        let mut texts = Vec::new();
        self.shapes.iter().for_each(|shape| collect(&shape.shape, shape.clip_rect, &mut texts));
        texts
    }

    /// All texts, one a line.
    pub fn all_text(&self) -> String {
        self.texts().into_iter().map(|text| text.text + "\n").collect()
    }

    /// Whether a text contains this.
    pub fn shows(&self, part: &str) -> bool {
        self.all_text().contains(part)
    }

    /// The text that is this and nothing else.
    pub fn find_exactly(&self, text: &str) -> Text {
        let found = self.texts().into_iter().find(|found| found.text == text);
        found.unwrap_or_else(|| panic!("no `{text}` in:\n{}", self.all_text()))
    }

    /// The first text that contains this.
    pub fn find(&self, part: &str) -> Text {
        let found = self.texts().into_iter().find(|text| text.text.contains(part));
        found.unwrap_or_else(|| panic!("no `{part}` in:\n{}", self.all_text()))
    }

    /// Every corner of every triangle is a place, and no text is outside the panel.
    fn check_drawable(&self) {
        for primitive in self.context.tessellate(self.shapes.clone(), 1.0) {
            let Primitive::Mesh(mesh) = primitive.primitive else { continue };
            assert!(mesh.vertices.iter().all(|vertex| vertex.pos.is_finite()), "a corner is nowhere");
        }
        for text in self.texts() {
            let has_glyphs = |font: FontId| self.context.fonts_mut(|fonts| fonts.has_glyphs(&font, &text.text));
            assert!(has_glyphs(FontId::proportional(12.0)), "no font has all of `{}`", text.text);
            assert!(text.rect.right() <= self.size.x + 2.0, "`{}` is cut off at {:?}", text.text, text.rect);
        }
    }

    /// Corners of all triangles.
    pub fn vertices(&self) -> usize {
        let primitives = self.context.tessellate(self.shapes.clone(), 1.0).into_iter();
        let meshes = primitives.map(|primitive| match primitive.primitive {
            Primitive::Mesh(mesh) => mesh.vertices.len(),
            Primitive::Callback(_) => 0,
        });
        meshes.sum()
    }

    /// No two texts that can be seen cover each other.
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
                // What is shown, with `…` where it was cut.
                let shown = text.galley.rows.iter().flat_map(|row| row.glyphs.iter().map(|glyph| glyph.chr));
                texts.push(Text { text: shown.collect(), rect, seen });
            }
        }
        _ => {}
    }
}
