//! Names of nested fields.

/// The path of `field` in `parent`: with a dot between, unless one of them is empty.
#[doc(hidden)]
pub fn joined(parent: &str, field: &str) -> String {
    match (parent.is_empty(), field.is_empty()) {
        (true, _) => field.to_owned(),
        (_, true) => parent.to_owned(),
        (false, false) => format!("{parent}.{field}"),
    }
}
