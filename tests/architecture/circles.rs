//! No file of a crate depends on a file that depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;
use syn::{Item, Visibility};

use crate::in_repository;
use crate::syntax::{is_for_tests, path_in_crate, used_names};

/// Arrows that may be part of a circle: crate, from, to. A component names the hook that runs when it is added, and this
/// hook's systems read the component.
const EXCEPTIONS: [(&str, &str, &str); 2] =
    [("ludus_rapier", "proximity::sensor", "proximity::sketch"), ("ludus_rapier", "rays::sensor", "rays::sketch")];

/// The path of a module from the root of its crate; empty for the root itself.
type ModulePath = Vec<String>;

/// A module that has a file of its own.
#[derive(Default)]
struct Module {
    /// The modules declared in it that have files of their own.
    children: BTreeSet<String>,
    /// Names that it imports for others to use, each with the path that it stands for.
    exports: BTreeMap<String, Vec<String>>,
    /// Paths that it uses, from the root of the crate.
    paths: Vec<Vec<String>>,
}

#[test]
fn no_crate_has_files_that_depend_on_each_other() {
    let crates = std::fs::read_dir(in_repository("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut circles = Vec::new();
    let mut files = 0;
    for folder in crates {
        let modules = modules_of(&folder.join("src"));
        files += modules.len();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut arrows = arrows(&modules);
        for (_, from, to) in EXCEPTIONS.iter().filter(|(of, ..)| *of == name) {
            let is_there = arrows.get_mut(&path(from)).is_some_and(|targets| targets.remove(&path(to)));
            assert!(is_there, "{name}: {from} → {to} is no exception any more");
        }
        circles.extend(circle(&arrows).map(|found| format!("{name}: {}", found.join(" → "))));
    }
    assert!(files > 250, "{files} files were found");
    assert!(
        circles.is_empty(),
        "cut these circles, by moving what both files need into a third:\n{}",
        circles.join("\n")
    );
}

#[test]
fn a_circle_is_found() {
    let arrows = |pairs: &[(&str, &str)]| {
        let mut arrows = BTreeMap::<ModulePath, BTreeSet<ModulePath>>::new();
        for (from, to) in pairs {
            arrows.entry(vec![(*from).to_owned()]).or_default().insert(vec![(*to).to_owned()]);
        }
        arrows
    };
    assert_eq!(circle(&arrows(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&arrows(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap();
    assert_eq!(found, ["b", "c", "b"]);
}

#[test]
fn names_lead_to_the_file_that_defines_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; pub use b::inner::Thing;");
    write("a.rs", "use crate::Thing; fn f() { crate::b::outer(); } #[cfg(test)] mod tests { use crate::c::C; }");
    write("b.rs", "pub mod inner; pub fn outer() {}");
    write("b/inner.rs", "use super::outer; pub struct Thing;");
    let found = arrows(&modules_of(folder.path()));
    assert_eq!(found[&path("a")], [path("b"), path("b::inner")].into());
    assert_eq!(found[&path("b::inner")], [path("b")].into());
    assert!(!found.contains_key(&path("b")), "a module does not depend on those that it declares");
}

fn path(path: &str) -> ModulePath {
    path.split("::").map(str::to_owned).collect()
}

/// All modules of a crate that have files, without those for tests alone.
fn modules_of(folder: &Path) -> BTreeMap<ModulePath, Module> {
    let mut modules = BTreeMap::new();
    let roots = ["lib.rs", "main.rs"].map(|root| folder.join(root));
    if let Some(root) = roots.iter().find(|root| root.is_file()) {
        read_module(root, folder, Vec::new(), &mut modules);
    }
    modules
}

fn read_module(file: &Path, folder: &Path, path: ModulePath, modules: &mut BTreeMap<ModulePath, Module>) {
    let text = std::fs::read_to_string(file).unwrap();
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reader = Reader { own: &path, module: Module::default() };
    reader.visit_file(&parsed);
    let module = reader.module;
    let children = module.children.clone();
    modules.insert(path.clone(), module);
    for child in children {
        let file = folder.join(format!("{child}.rs"));
        assert!(file.is_file(), "{} has no file", child);
        read_module(&file, &folder.join(&child), [&path[..], &[child]].concat(), modules);
    }
}

/// Collects what a file declares, exports and uses.
struct Reader<'a> {
    own: &'a [String],
    module: Module,
}

impl Visit<'_> for Reader<'_> {
    fn visit_item(&mut self, item: &Item) {
        if is_for_tests(item) {
            return;
        }
        match item {
            Item::Mod(module) if module.content.is_none() => {
                self.module.children.insert(module.ident.to_string());
            }
            Item::Use(used) => {
                let is_export = !matches!(used.vis, Visibility::Inherited);
                for (name, path) in used_names(&used.tree) {
                    let path = path_in_crate(self.own, &path);
                    if is_export {
                        self.module.exports.insert(name, path);
                    } else {
                        self.module.paths.push(path);
                    }
                }
            }
            other => syn::visit::visit_item(self, other),
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if matches!(names[0].as_str(), "crate" | "super" | "self") && names.len() > 1 {
            self.module.paths.push(path_in_crate(self.own, &names));
        }
        syn::visit::visit_path(self, path);
    }
}

/// The arrows from files to the files that they depend on, by the paths of their modules.
fn arrows(modules: &BTreeMap<ModulePath, Module>) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
    let mut arrows = BTreeMap::<ModulePath, BTreeSet<ModulePath>>::new();
    for (from, module) in modules {
        for path in &module.paths {
            let Some(to) = definition(modules, path, 0) else { continue };
            // A module puts its own parts together.
            let is_inside = to.starts_with(from);
            // The root only lists what the crate has.
            if !is_inside && !to.is_empty() {
                arrows.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    arrows
}

/// The module whose file defines what a path names; `None` for other crates.
fn definition(modules: &BTreeMap<ModulePath, Module>, path: &[String], depth: u32) -> Option<ModulePath> {
    let known = (0..=path.len()).rev().find(|&length| modules.contains_key(&path[..length]))?;
    let module = &modules[&path[..known]];
    let Some(name) = path.get(known) else { return Some(path.to_vec()) };
    match module.exports.get(name) {
        Some(exported) if depth < 8 => {
            let full = [&exported[..], &path[known + 1..]].concat();
            // What another crate exports is none of this crate's files.
            definition(modules, &full, depth + 1).filter(|found| !found.is_empty() || known == 0)
        }
        _ => Some(path[..known].to_vec()),
    }
}

/// The modules of a circle, its first one at both ends.
fn circle(arrows: &BTreeMap<ModulePath, BTreeSet<ModulePath>>) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|from| walk(arrows, from, &mut Vec::new(), &mut done))
}

fn walk<'a>(
    arrows: &'a BTreeMap<ModulePath, BTreeSet<ModulePath>>,
    at: &'a ModulePath,
    way: &mut Vec<&'a ModulePath>,
    done: &mut BTreeSet<&'a ModulePath>,
) -> Option<Vec<String>> {
    if let Some(first) = way.iter().position(|passed| *passed == at) {
        return Some(way[first..].iter().copied().chain([at]).map(|path| path.join("::")).collect());
    }
    if !done.insert(at) {
        return None;
    }
    way.push(at);
    let found = arrows.get(at).into_iter().flatten().find_map(|to| walk(arrows, to, way, done));
    way.pop();
    found
}
