//! Turns a tree into typed values and collects every problem on the way.
//!
//! Serde stops at the first problem. So [`read`] notes it, sets the entry that caused it aside, and reads again,
//! until nothing is left to complain about. What the types accept is written in the types alone.

use serde::de::{self, DeserializeOwned, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::mistake::Mistake;
use super::tree::{Entry, Node, Place, Value};

/// The value of `root`, or of what is left of it without the mistakes, which are added to `mistakes`.
///
/// `None` if the root itself is none of `T`.
pub(crate) fn read<T: DeserializeOwned>(root: &Node, mistakes: &mut Vec<(Place, String)>) -> Option<T> {
    loop {
        let mistake = match T::deserialize(Reader(root)) {
            Ok(value) => return Some(value),
            Err(mistake) => mistake,
        };
        mistakes.push((mistake.place.unwrap_or(root.place), mistake.message));
        if !mistake.reported {
            return None;
        }
    }
}

/// The fields that the struct `T` has.
pub(crate) fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let place = Place::Line(0);
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
                _ => Err(self.wrong(&visitor)),
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

impl<'a> de::Deserializer<'a> for Reader<'a> {
    type Error = Mistake;

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
            // `()` is also how RON writes a struct of which nothing is said.
            Value::Unit => visitor.visit_map(Entries::new(&[])),
            Value::Struct { name: Some(found), .. } if found != name => Err(self.wrong(&visitor)),
            Value::Struct { entries, .. } => visitor.visit_map(Entries::new(entries)),
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.0.value {
            // What `--set` makes where there was nothing is a struct.
            Value::Map(entries) | Value::Struct { name: None, entries } => visitor.visit_map(Entries::new(entries)),
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.0.value {
            Value::Name(name) | Value::Tuple { name: Some(name), .. } | Value::Struct { name: Some(name), .. } => {
                visitor.visit_enum(Choice { name, node: self.0 })
            }
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|mistake| mistake.at(self.0.place))
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
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

/// `Name(…)` as a map with the name as its only key: how serde expects a choice where it must guess the type.
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

/// What stands in the brackets of `Name(…)`.
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

/// A variant's name and what it holds.
struct Choice<'a> {
    name: &'a str,
    node: &'a Node,
}

impl<'a> de::EnumAccess<'a> for Choice<'a> {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Mistake> {
        seed.deserialize(self.name.into_deserializer()).map(|value| (value, self))
    }
}

impl<'a> Choice<'a> {
    fn wrong(&self, expected: &str) -> Mistake {
        de::Error::custom(format_args!("expected `{}{expected}`", self.name))
    }
}

impl<'a> de::VariantAccess<'a> for Choice<'a> {
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

    use super::super::parse::parse;
    use super::*;

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
        mistakes.into_iter().map(|(place, message)| format!("{place:?} {message}")).collect()
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
    fn every_mistake_is_found_with_its_line() {
        let text = "(\n count: 0,\n speed: 1,\n rate: Cubic,\n inner: (\n  widths: [1,\n 256],\n  scal: 2,\n scale: \"x\"),\n on: 1,\n)";
        assert_eq!(
            mistakes(text),
            [
                "Line(2) `count`: expected a nonzero u32, found `0`",
                "Line(3) unknown field `speed`; valid: `count`, `rate`, `inner`, `named`, `on`",
                "Line(4) unknown choice `Cubic`; valid: `Off`, `Constant`, `Linear`",
                "Line(7) `widths`: expected u8, found `256`",
                "Line(8) unknown field `scal`; valid: `widths`, `scale`",
                "Line(9) `scale`: expected f32, found `x`",
                "Line(10) `on`: expected a boolean, found `1`",
            ]
        );
    }

    #[test]
    fn a_choice_says_what_it_holds() {
        assert_eq!(mistakes("(rate: Linear)"), ["Line(1) `rate`: expected `Linear(from: …, to: …)`"]);
        assert_eq!(mistakes("(rate: Constant)"), ["Line(1) `rate`: expected `Constant(value)`"]);
        assert_eq!(mistakes("(rate: Off(1))"), ["Line(1) `rate`: expected `Off`"]);
        assert_eq!(mistakes("(rate: Linear(from: 1))"), ["Line(1) `rate`: field `to` is missing; write it"]);
        assert_eq!(mistakes("(inner: 3)"), ["Line(1) `inner`: expected struct Inner, found `3`"]);
        assert_eq!(mistakes("[]"), ["Line(1) expected struct Outer, found a list"]);
    }

    #[test]
    fn a_struct_knows_its_fields() {
        assert_eq!(field_names::<Inner>(), ["widths", "scale"]);
    }
}
