//! Turns a tree into typed values and collects every problem on the way.
//!
//! Serde stops at the first problem. So [`read`] collects it, marks the entry that caused it as reported, and reads
//! again without that entry, until there are no more problems. Only the types define what is valid.

use serde::de::{self, DeserializeOwned, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::mistake::Mistake;
use crate::tree::{Entry, Location, Node, Value};

/// 2⁶⁴: whole numbers from here on are too large for every field.
const LEAST_TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;

/// Reads `root` as a `T`, without the entries that have mistakes. These are added to `mistakes` with their places.
///
/// `None` if the root itself is not a `T`.
pub fn read<T: DeserializeOwned>(root: &Node, mistakes: &mut Vec<Mistake>) -> Option<T> {
    loop {
        let mistake = match T::deserialize(Reader(root)) {
            Ok(value) => return Some(value),
            Err(mistake) => mistake,
        };
        let is_reported = mistake.reported;
        mistakes.push(mistake.at(root.place));
        if !is_reported {
            return None;
        }
    }
}

/// The names of the fields of the struct `T`.
pub fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let place = Location::Line(0);
    let mut root = Node::section(place);
    root.set(&["\0 no field has this name"], Node::new(place, Value::Unit));
    T::deserialize(Reader(&root)).map_or_else(|mistake| mistake.valid, |_| &[])
}

/// Serde's view of a node.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a Node);

impl<'a> Reader<'a> {
    fn unexpected(self) -> Unexpected<'a> {
        match &self.0.value {
            Value::Unit => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Integer(value) if *value < 0 => Unexpected::Signed(i64::try_from(*value).unwrap_or(i64::MIN)),
            Value::Integer(value) => Unexpected::Unsigned(u64::try_from(*value).unwrap_or(u64::MAX)),
            Value::Float(value) => Unexpected::Float(*value),
            Value::Text(value) | Value::Name(value) => Unexpected::Str(value),
            Value::List(_) | Value::Tuple { .. } => Unexpected::Seq,
            Value::Map(_) | Value::Struct { .. } => Unexpected::Map,
        }
    }

    fn wrong(self, expected: &dyn de::Expected) -> Mistake {
        <Mistake as de::Error>::invalid_type(self.unexpected(), expected)
    }

    fn visit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.value {
            Value::Unit => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => Err(de::Error::custom(format_args!("`{value}` is too large; write a smaller number"))),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(value) | Value::Name(value) => visitor.visit_str(value),
            Value::List(items) | Value::Tuple { name: None, items } => visitor.visit_seq(Items(items)),
            Value::Tuple { name: Some(name), .. } | Value::Struct { name: Some(name), .. } => {
                visitor.visit_map(Named { name, node: Some(self.0) })
            }
            Value::Map(entries) | Value::Struct { name: None, entries } => visitor.visit_map(Entries::new(entries)),
        }
    }
}

/// The whole number that a value such as `1e6` is, if it is one.
fn whole(value: &Value) -> Option<i128> {
    match *value {
        Value::Integer(value) => Some(value),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < LEAST_TOO_LARGE => Some(value as i128),
        _ => None,
    }
}

/// Reads whole numbers, which may be written as `1e6`.
macro_rules! deserialize_whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
            match whole(&self.0.value) {
                Some(value) => match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => self.visit(visitor),
                }
                .map_err(|mistake| mistake.at(self.0.place)),
                None => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'a> de::Deserializer<'a> for Reader<'a> {
    type Error = Mistake;

    deserialize_whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.visit(visitor).map_err(|mistake| mistake.at(self.0.place))
    }

    /// `None`, `Some(value)`, or the value alone.
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.value {
            Value::Name(name) if name == "None" => visitor.visit_none(),
            Value::Tuple { name: Some(name), items } if name == "Some" && items.len() == 1 => {
                visitor.visit_some(Reader(&items[0]))
            }
            _ => visitor.visit_some(self),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.0.value {
            // In RON, `()` is also a struct without any field.
            Value::Unit => visitor.visit_map(Entries::new(&[])),
            Value::Struct { name: Some(found), .. } if found != name => Err(self.wrong(&visitor)),
            Value::Struct { entries, .. } => visitor.visit_map(Entries::new(entries)),
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.value {
            // `--set` makes a struct where there was nothing.
            Value::Map(entries) | Value::Struct { name: None, entries } => visitor.visit_map(Entries::new(entries)),
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.0.value {
            Value::Name(name) | Value::Tuple { name: Some(name), .. } | Value::Struct { name: Some(name), .. } => {
                visitor.visit_enum(EnumNode { name, node: self.0 })
            }
            _ => Err(self.wrong(&format!("one of `{}`", variants.join("`, `")).as_str())),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i128 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

struct Items<'a>(&'a [Node]);

impl<'a> de::SeqAccess<'a> for Items<'a> {
    type Error = Mistake;

    fn next_element_seed<T: de::DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(Reader(first)).map(Some)
    }
}

/// The entries of a section that no problem was reported for.
struct Entries<'a> {
    rest: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        Self { rest: entries.iter(), current: None }
    }
}

impl<'a> de::MapAccess<'a> for Entries<'a> {
    type Error = Mistake;

    fn next_key_seed<K: de::DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        self.current = self.rest.find(|entry| !entry.reported.get());
        let Some(entry) = self.current else { return Ok(None) };
        let key = seed.deserialize(entry.key.as_str().into_deserializer());
        key.map(Some).map_err(|mistake: Mistake| mistake.at(entry.place).of(entry))
    }

    fn next_value_seed<V: de::DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let Some(entry) = self.current else { return Err(de::Error::custom("a value was asked for before its key")) };
        seed.deserialize(Reader(&entry.node)).map_err(|mistake| mistake.named(entry).at(entry.place).of(entry))
    }
}

/// `Name(…)` as a map with the name as its only key: the form in which serde accepts an enum of an unknown type.
struct Named<'a> {
    name: &'a str,
    node: Option<&'a Node>,
}

impl<'a> de::MapAccess<'a> for Named<'a> {
    type Error = Mistake;

    fn next_key_seed<K: de::DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        self.node.map(|_| seed.deserialize(self.name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: de::DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let Some(node) = self.node.take() else { return Err(de::Error::custom("a value was asked for twice")) };
        seed.deserialize(Content(node))
    }
}

/// The content of the brackets of `Name(…)`.
struct Content<'a>(&'a Node);

impl<'a> de::Deserializer<'a> for Content<'a> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.value {
            Value::Tuple { items, .. } if items.len() == 1 => Reader(&items[0]).visit(visitor),
            Value::Tuple { items, .. } => visitor.visit_seq(Items(items)),
            Value::Struct { entries, .. } => visitor.visit_map(Entries::new(entries)),
            _ => visitor.visit_unit(),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The name and the content of a variant.
struct EnumNode<'a> {
    name: &'a str,
    node: &'a Node,
}

impl<'a> de::EnumAccess<'a> for EnumNode<'a> {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Mistake> {
        seed.deserialize(self.name.into_deserializer()).map(|value| (value, self))
    }
}

impl<'a> EnumNode<'a> {
    fn wrong(&self, expected: &str) -> Mistake {
        de::Error::custom(format_args!("expected `{}{expected}`", self.name))
    }
}

impl<'a> de::VariantAccess<'a> for EnumNode<'a> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        match self.node.value {
            Value::Name(_) => Ok(()),
            _ => Err(self.wrong("")),
        }
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Mistake> {
        match &self.node.value {
            Value::Tuple { items, .. } if items.len() == 1 => seed.deserialize(Reader(&items[0])),
            _ => Err(self.wrong("(value)")),
        }
    }

    fn tuple_variant<V: Visitor<'a>>(self, length: usize, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Tuple { items, .. } if items.len() == length => visitor.visit_seq(Items(items)),
            _ => Err(self.wrong("(value, value, …)")),
        }
    }

    fn struct_variant<V: Visitor<'a>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Struct { entries, .. } => visitor.visit_map(Entries::new(entries)),
            _ => Err(self.wrong(&format!("({}: …)", fields.join(": …, ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroU32;

    use serde::Deserialize;

    use super::*;
    use crate::parse::parse;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        count: Option<NonZeroU32>,
        rate: Rate,
        inner: Inner,
        named: BTreeMap<String, Inner>,
        on: bool,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        widths: Vec<u8>,
        scale: f32,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    enum Rate {
        #[default]
        Off,
        Constant(f32),
        Linear {
            from: f32,
            to: f32,
        },
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mut mistakes = Vec::new();
        read::<Outer>(&parse(text).unwrap(), &mut mistakes);
        mistakes.into_iter().map(|mistake| format!("{:?} {}", mistake.place.unwrap(), mistake.message)).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "(count: 3, rate: Linear(from: 3e-4, to: 0), named: {\"a\": (widths: [1, 2])}, on: true)";
        let outer: Outer = read(&parse(text).unwrap(), &mut Vec::new()).unwrap();
        assert_eq!(outer.count, NonZeroU32::new(3));
        assert_eq!(outer.rate, Rate::Linear { from: 3e-4, to: 0.0 });
        assert_eq!(outer.named["a"], Inner { widths: vec![1, 2], scale: 0.0 });
        assert!(outer.on);
        assert_eq!(read::<Outer>(&parse("()").unwrap(), &mut Vec::new()), Some(Outer::default()));
    }

    #[test]
    fn options_may_be_bare() {
        let count = |text: &str| read::<Outer>(&parse(text).unwrap(), &mut Vec::new()).unwrap().count;
        assert_eq!(count("(count: Some(2))"), count("(count: 2)"));
        assert_eq!(count("(count: None)"), None);
    }

    #[test]
    fn whole_numbers_may_have_an_exponent() {
        let count = |text: &str| read::<Outer>(&parse(text).unwrap(), &mut Vec::new()).unwrap().count;
        assert_eq!(count("(count: 1e6)"), NonZeroU32::new(1_000_000));
        assert_eq!(count("(count: Some(2.5e3))"), NonZeroU32::new(2_500));
        let check = |written: &str, found: &str| {
            let expected = format!("Line(1) `count`: expected a whole number from 1 to 4294967295, found `{found}`");
            assert_eq!(mistakes(&format!("(count: {written})")), [expected]);
        };
        check("1.5", "1.5");
        check("1e10", "10000000000");
        check("1e30", "1e30");
        check("-1e3", "-1000");
        check("NaN", "NaN");
        assert_eq!(mistakes("(count: 1_000_000_000_000_000_000_000)").len(), 1);
    }

    #[test]
    fn every_mistake_is_found_with_its_line() {
        let text = "(\n count: 0,\n speed: 1,\n rate: Cubic,\n inner: (\n  widths: [1,\n 256],\n  scal: 2,\n scale: \"x\"),\n on: 1,\n)";
        assert_eq!(
            mistakes(text),
            [
                "Line(2) `count`: expected a whole number from 1 to 4294967295, found `0`",
                "Line(3) unknown field `speed`; valid: `count`, `rate`, `inner`, `named`, `on`",
                "Line(4) unknown choice `Cubic`; valid: `Off`, `Constant`, `Linear`",
                "Line(7) `widths`: expected a whole number from 0 to 255, found `256`",
                "Line(8) unknown field `scal`; valid: `widths`, `scale`",
                "Line(9) `scale`: expected a number, found `x`",
                "Line(10) `on`: expected `true` or `false`, found `1`",
            ]
        );
    }

    #[test]
    fn a_choice_says_what_it_holds() {
        assert_eq!(mistakes("(rate: Linear)"), ["Line(1) `rate`: expected `Linear(from: …, to: …)`"]);
        assert_eq!(mistakes("(rate: Constant)"), ["Line(1) `rate`: expected `Constant(value)`"]);
        assert_eq!(mistakes("(rate: Off(1))"), ["Line(1) `rate`: expected `Off`"]);
        assert_eq!(mistakes("(rate: Linear(from: 1))"), ["Line(1) `rate`: field `to` is missing; write it"]);
        assert_eq!(mistakes("(inner: 3)"), ["Line(1) `inner`: expected a section `(…)`, found `3`"]);
        assert_eq!(mistakes("[]"), ["Line(1) expected a section `(…)`, found a list"]);
        assert_eq!(mistakes("(rate: 3)"), ["Line(1) `rate`: expected one of `Off`, `Constant`, `Linear`, found `3`"]);
    }

    #[test]
    fn a_struct_knows_its_fields() {
        assert_eq!(field_names::<Inner>(), ["widths", "scale"]);
    }
}
