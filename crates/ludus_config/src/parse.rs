//! Reads RON text into a tree of values with their lines.
//!
//! The `ron` crate's values have no lines, and its reader stops at the first problem; a config's problems are to be
//! shown all at once, each with its line.

use std::collections::BTreeSet;

use crate::tree::{Entry, Location, Node, Value};
use crate::visible::visible;

/// Most values inside one another. More would be a mistake, or overflow the stack.
const DEEPEST: u32 = 64;

/// The error about a text that is not RON.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// The sentence, without the line.
    pub message: String,
}

type Parsed<T> = Result<T, SyntaxError>;

/// Parses `text`, which must be a single value.
///
/// A byte order mark at the start is skipped.
pub fn parse(text: &str) -> Parsed<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser { rest: text, line: 1, depth: 0 };
    let node = parser.node()?;
    parser.skip_blank()?;
    match parser.rest.chars().next() {
        None => Ok(node),
        Some(_) => Err(parser.expected("the end")),
    }
}

struct Parser<'a> {
    rest: &'a str,
    line: u32,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn node(&mut self) -> Parsed<Node> {
        self.skip_blank()?;
        let place = Location::Line(self.line);
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(format!("more than {DEEPEST} sections inside one another")));
        }
        let value = self.value()?;
        self.depth -= 1;
        Ok(Node::new(place, value))
    }

    fn value(&mut self) -> Parsed<Value> {
        let Some(first) = self.rest.chars().next() else { return Err(self.expected("a value")) };
        match first {
            '(' => self.group(None),
            '[' => Ok(Value::List(self.list('[', ']', Self::node)?)),
            '{' => {
                let entries = self.list('{', '}', Self::map_entry)?;
                self.unique(entries).map(Value::Map)
            }
            '"' => self.text().map(Value::Text),
            '0'..='9' | '-' | '+' | '.' => self.number(),
            _ if is_word(first) => self.word_value(),
            _ => Err(self.expected("a value")),
        }
    }

    /// Parses a value that begins with a word: a raw text, a constant, a name, or a group with a name.
    fn word_value(&mut self) -> Parsed<Value> {
        if self.rest.starts_with("r\"") || self.rest.starts_with("r#") {
            return self.raw_text().map(Value::Text);
        }
        let word = self.word().to_owned();
        match word.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "inf" => Ok(Value::Float(f64::INFINITY)),
            "NaN" => Ok(Value::Float(f64::NAN)),
            _ if self.rest.starts_with('(') => self.group(Some(word)),
            _ => Ok(Value::Name(word)),
        }
    }

    /// Parses a group: `()`, `(value, …)` or `(key: value, …)`.
    fn group(&mut self, name: Option<String>) -> Parsed<Value> {
        let mut inside = Parser { rest: &self.rest[1..], ..*self };
        inside.skip_blank()?;
        let is_empty = inside.rest.starts_with(')');
        let has_keys = !inside.word().is_empty() && inside.skip_blank().is_ok() && inside.rest.starts_with(':');
        if has_keys {
            let entries = self.list('(', ')', Self::struct_entry)?;
            return Ok(Value::Struct { name, entries: self.unique(entries)? });
        }
        let items = self.list('(', ')', Self::node)?;
        Ok(if is_empty && name.is_none() { Value::Unit } else { Value::Tuple { name, items } })
    }

    fn struct_entry(&mut self) -> Parsed<Entry> {
        let place = Location::Line(self.line);
        let key = self.word();
        if key.is_empty() {
            return Err(self.expected("a field's name"));
        }
        self.entry(key.to_owned(), place)
    }

    fn map_entry(&mut self) -> Parsed<Entry> {
        let place = Location::Line(self.line);
        if !self.rest.starts_with('"') {
            return Err(self.expected("a name in quotes"));
        }
        let key = self.text()?;
        self.entry(key, place)
    }

    fn entry(&mut self, key: String, place: Location) -> Parsed<Entry> {
        self.skip_blank()?;
        self.take(':', &format!("`:` after `{key}`"))?;
        Ok(Entry::new(key, place, self.node()?))
    }

    /// Parses the elements between `open` and `close`, separated by commas. A comma after the last one is allowed.
    fn list<T>(&mut self, open: char, close: char, element: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.take(open, "an opening bracket")?;
        let mut elements = Vec::new();
        loop {
            self.skip_blank()?;
            if self.rest.starts_with(close) {
                break;
            }
            elements.push(element(self)?);
            self.skip_blank()?;
            if !self.rest.starts_with(close) {
                self.take(',', &format!("`,` or `{close}`"))?;
            }
        }
        self.take(close, "a closing bracket")?;
        Ok(elements)
    }

    fn unique(&self, entries: Vec<Entry>) -> Parsed<Vec<Entry>> {
        let mut seen = BTreeSet::new();
        let twice = entries.iter().find(|entry| !seen.insert(entry.key.as_str()));
        match twice.map(|entry| (entry.place, &entry.key)) {
            Some((Location::Line(line), key)) => {
                Err(SyntaxError { line, message: format!("`{key}` is written twice; keep one") })
            }
            _ => Ok(entries),
        }
    }

    /// The letters, digits and underscores ahead; empty if there are none.
    fn word(&mut self) -> &'a str {
        let length = self.rest.find(|letter| !is_word(letter)).unwrap_or(self.rest.len());
        self.advance(length)
    }

    fn number(&mut self) -> Parsed<Value> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '+' | '-');
        let length = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let line = self.line;
        let digits = self.advance(length);
        read_number(digits).ok_or_else(|| SyntaxError { line, message: format!("`{digits}` is not a number") })
    }

    fn text(&mut self) -> Parsed<String> {
        self.take('"', "a quote")?;
        let mut text = String::new();
        loop {
            let length = self.rest.find(['"', '\\']).ok_or_else(|| self.expected("a closing quote"))?;
            text.push_str(self.advance(length));
            if self.advance(1) == "\"" {
                return Ok(text);
            }
            text.push(self.escaped()?);
        }
    }

    /// Parses the rest of an escape, after the backslash.
    fn escaped(&mut self) -> Parsed<char> {
        let letter = self.rest.chars().next().ok_or_else(|| self.expected("a letter after `\\`"))?;
        self.advance(letter.len_utf8());
        match letter {
            '"' | '\\' | '\'' => Ok(letter),
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            '0' => Ok('\0'),
            _ => Err(self.error(format!("`\\{letter}` is not an escape; write `\\\\` for a backslash"))),
        }
    }

    /// Parses a raw text: `r"…"` or `r#"…"#`.
    fn raw_text(&mut self) -> Parsed<String> {
        self.advance(1);
        let hashes = self.rest.len() - self.rest.trim_start_matches('#').len();
        let end = format!("\"{}", self.advance(hashes));
        self.take('"', "a quote")?;
        let length = self.rest.find(&end).ok_or_else(|| self.expected("the raw text's end"))?;
        let text = self.advance(length).to_owned();
        self.advance(end.len());
        Ok(text)
    }

    /// Skips spaces and comments.
    fn skip_blank(&mut self) -> Parsed<()> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if self.rest.starts_with("//") {
                let length = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(length);
            } else if self.rest.starts_with("/*") {
                self.skip_block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    /// Skips from `/*` to the `*/` that belongs to it. RON's comments nest.
    fn skip_block_comment(&mut self) -> Parsed<()> {
        let mut depth = 0_u32;
        loop {
            let mark = self.rest.find(['*', '/']).ok_or_else(|| self.expected("`*/`"))?;
            self.advance(mark);
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
            } else {
                self.advance(1);
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn take(&mut self, mark: char, what: &str) -> Parsed<()> {
        if !self.rest.starts_with(mark) {
            return Err(self.expected(what));
        }
        self.advance(mark.len_utf8());
        Ok(())
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.bytes().filter(|&byte| byte == b'\n').count() as u32;
        self.rest = rest;
        taken
    }

    fn expected(&self, what: &str) -> SyntaxError {
        match self.rest.chars().next() {
            Some(found) => self.error(format!("expected {what}, found `{}`", visible(&found.to_string()))),
            None => self.error(format!("expected {what}, found the end of the text")),
        }
    }

    fn error(&self, message: String) -> SyntaxError {
        SyntaxError { line: self.line, message }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn read_number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => (-1, magnitude),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    if magnitude.starts_with(['+', '-']) {
        return None;
    }
    let radix = [("0x", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(mark, radix)| magnitude.strip_prefix(mark).map(|digits| u64::from_str_radix(digits, radix).ok()));
    if let Some(integer) = radix {
        return integer.map(|integer| Value::Integer(sign * i128::from(integer)));
    }
    if let Ok(integer) = magnitude.parse::<i128>() {
        return Some(Value::Integer(sign * integer));
    }
    let is_infinite = magnitude == "inf";
    let looks_numeric = magnitude.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    (looks_numeric || is_infinite).then(|| digits.parse().ok().map(Value::Float)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        parse(text).unwrap().value
    }

    #[test]
    fn numbers_are_read_as_ron_writes_them() {
        assert_eq!(value("2_000_000"), Value::Integer(2_000_000));
        assert_eq!(value("-0x10"), Value::Integer(-16));
        assert_eq!(value("3e-4"), Value::Float(3e-4));
        assert_eq!(value("-1.5"), Value::Float(-1.5));
        assert_eq!(value("-inf"), Value::Float(f64::NEG_INFINITY));
        assert!(parse("1.2.3").is_err());
        assert!(parse("--1").is_err());
        assert!(parse("0x-1f").is_err());
    }

    #[test]
    fn every_value_knows_its_line() {
        let text = "// a comment\n(\n  a: 1, /* over\n two /* nested */ lines */\n  b: { \"x\": [\n 1.0] },\n)";
        let root = parse(text).unwrap();
        assert_eq!(root.place, Location::Line(2));
        assert_eq!(root.place_of(&["a"]), Location::Line(3));
        assert_eq!(root.place_of(&["b"]), Location::Line(5));
        assert_eq!(root.place_of(&["b", "x"]), Location::Line(5));
        assert_eq!(root.place_of(&["b", "y"]), Location::Line(5));
    }

    #[test]
    fn groups_are_units_tuples_or_structs() {
        assert_eq!(value("()"), Value::Unit);
        assert!(
            matches!(value("Some(1)"), Value::Tuple { name: Some(name), items } if name == "Some" && items.len() == 1)
        );
        assert!(matches!(value("Linear(from: 1, to: 0)"), Value::Struct { entries, .. } if entries.len() == 2));
        assert!(matches!(value("(64, 64)"), Value::Tuple { name: None, items } if items.len() == 2));
    }

    #[test]
    fn texts_have_escapes() {
        assert_eq!(value(r#""a\"b\\""#), Value::Text("a\"b\\".to_owned()));
        assert_eq!(value(r##"r#"a"b"#"##), Value::Text("a\"b".to_owned()));
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let check = |text: &str, line: u32, part: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{error:?}");
            assert!(error.message.contains(part), "{error:?}");
        };
        check("(\n a: 1\n b: 2)", 3, "`,` or `)`");
        check("(\n a 1)", 2, "`,` or `)`");
        check("(a: 1,\n a: 2)", 2, "`a` is written twice");
        check("(a: )", 1, "a value");
        check("(a: 1", 1, "the end of the text");
        check("{a: 1}", 1, "a name in quotes");
        check("(a: 1) b", 1, "the end");
        check("/* never", 1, "`*/`");
        check("\"open", 1, "a closing quote");
        check("", 1, "a value");
        check("(a: \u{200b}1)", 1, "found `<U+200B>`");
        check(&"[".repeat(100_000), 1, "64 sections");
    }
}
