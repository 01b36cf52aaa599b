//! The parts of Rust's syntax that several checks read.

use syn::{Attribute, Item, UseTree};

/// True if an item exists in tests alone.
pub fn is_for_tests(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// The attributes of an item that may be for tests alone.
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

/// The names that a `use` brings, each with its path. The name of `*` is empty.
pub fn used_names(tree: &UseTree) -> Vec<(String, Vec<String>)> {
    let mut names = Vec::new();
    flatten(tree, &mut Vec::new(), &mut names);
    names
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, names: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, names);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, names)),
        UseTree::Name(name) if name.ident == "self" => {
            names.push((before.last().cloned().unwrap_or_default(), before.clone()));
        }
        UseTree::Name(name) => names.push((name.ident.to_string(), joined(before, name.ident.to_string()))),
        UseTree::Rename(name) => names.push((name.rename.to_string(), joined(before, name.ident.to_string()))),
        UseTree::Glob(_) => names.push((String::new(), before.clone())),
    }
}

fn joined(before: &[String], name: String) -> Vec<String> {
    [before, &[name]].concat()
}

/// A path in the module `own`, as seen from the crate's root. Those of other crates stay as they are behind `own`, and
/// lead nowhere.
pub fn path_in_crate(own: &[String], path: &[String]) -> Vec<String> {
    let up = path.iter().take_while(|name| *name == "super").count();
    match path[0].as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [own, &path[1..]].concat(),
        "super" => [&own[..own.len().saturating_sub(up)], &path[up..]].concat(),
        // A child, or another crate.
        _ => [own, path].concat(),
    }
}
