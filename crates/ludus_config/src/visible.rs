//! Text that is shown to people.

use std::borrow::Cow;

/// Replaces each character that can't be seen, or that changes how its neighbours are shown, by its number: `<U+200B>`.
/// Line breaks and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_invisible(letter) {
            shown.push_str(&format!("<U+{:04X}>", u32::from(letter)));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Controls, Unicode's format characters, and blanks other than the space.
///
/// # Source
///
/// Unicode 16.0, `DerivedGeneralCategory.txt`: `Cc`, `Cf`, `Zs`, `Zl`, `Zp`; and the four letters that are blank.
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_shown_by_its_number() {
        assert_eq!(visible("größe 1\n\tλ → 日本"), "größe 1\n\tλ → 日本");
        assert_eq!(visible("a\u{200b}b"), "a<U+200B>b");
        assert_eq!(visible("\u{1b}[31mred\r"), "<U+001B>[31mred<U+000D>");
        assert_eq!(visible("\u{202e}txt\u{a0}"), "<U+202E>txt<U+00A0>");
    }
}
