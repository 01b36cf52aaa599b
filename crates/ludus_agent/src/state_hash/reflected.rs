//! The hash of a value that Bevy's reflection can look into.

use bevy::prelude::*;
use bevy::reflect::{PartialReflect, ReflectRef, enums::Enum};
use ludus_spec::StableHasher;

/// Hashes all numbers and texts inside `value`, in the order of its fields.
pub(super) fn hash(value: &dyn PartialReflect, hasher: &mut StableHasher) {
    match value.reflect_ref() {
        ReflectRef::Struct(fields) => each(fields.iter_fields().map(|(_, field)| field), hasher),
        ReflectRef::TupleStruct(fields) => each(fields.iter_fields(), hasher),
        ReflectRef::Tuple(fields) => each(fields.iter_fields(), hasher),
        ReflectRef::List(items) => each(items.iter(), hasher.word(items.len() as u64)),
        ReflectRef::Array(items) => each(items.iter(), hasher),
        ReflectRef::Map(map) => {
            let pair = |(key, value)| apart([key, value]);
            hasher.word(map.iter().map(pair).fold(map.len() as u64, u64::wrapping_add));
        }
        ReflectRef::Set(set) => {
            let sum = set.iter().map(|item| apart([item])).fold(set.len() as u64, u64::wrapping_add);
            hasher.word(sum);
        }
        ReflectRef::Enum(choice) => hash_enum(choice, hasher),
        // Numbers, texts, and types that hide their fields.
        _ => hash_leaf(value, hasher),
    }
}

fn each<'a>(values: impl Iterator<Item = &'a dyn PartialReflect>, hasher: &mut StableHasher) {
    for value in values {
        hash(value, hasher);
    }
}

/// Hashes values separately. The hashes of a map's or a set's entries are added up, because entries have no order.
fn apart<const COUNT: usize>(values: [&dyn PartialReflect; COUNT]) -> u64 {
    let mut hasher = StableHasher::default();
    each(values.into_iter(), &mut hasher);
    hasher.finish()
}

fn hash_enum(choice: &dyn Enum, hasher: &mut StableHasher) {
    hasher.word(choice.variant_index() as u64);
    each(choice.iter_fields().map(|field| field.value()), hasher);
}

/// Hashes a value that reflection can't look into: a number, a text, or a type that hides its fields.
fn hash_leaf(leaf: &dyn PartialReflect, hasher: &mut StableHasher) {
    if let Some(text) = leaf.try_downcast_ref::<String>() {
        hasher.bytes(text.as_bytes());
    } else {
        hasher.word(bits(leaf).or_else(|| leaf.reflect_hash()).unwrap_or_default());
    }
}

/// Returns the bits of a number or an entity. All `f32` NaNs have the same bits.
fn bits(leaf: &dyn PartialReflect) -> Option<u64> {
    macro_rules! integer {
        ($($integer:ty)*) => {
            None$(.or_else(|| leaf.try_downcast_ref::<$integer>().map(|value| *value as u64)))*
        };
    }
    let single = leaf.try_downcast_ref::<f32>().map(|value| if value.is_nan() { f32::NAN } else { *value });
    let double = leaf.try_downcast_ref::<f64>().map(|value| if value.is_nan() { f64::NAN } else { *value });
    let entity = || leaf.try_downcast_ref::<Entity>().map(|entity| entity.to_bits());
    let number = single.map(|value| u64::from(value.to_bits())).or_else(|| double.map(f64::to_bits));
    number.or_else(entity).or_else(|| integer!(bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize char))
}
