//! The public API of each crate is written down, so that a review shows each change of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::Span;
use syn::{Attribute, Fields, File, ImplItem, Item, ItemImpl, Type, Visibility};

use crate::in_repository;
use crate::syntax::{is_for_tests, path_in_crate, used_names};

/// The folder of the listings, one file for each crate.
const LISTINGS: &str = "tests/architecture/public_api";

/// The variable with which the test writes the listings anew.
const UPDATE: &str = "UPDATE_PUBLIC_API";

/// Crates without a library.
const PROGRAMS: [&str; 1] = ["xtask"];

/// Attributes that are part of an interface.
const ATTRIBUTES: [&str; 7] =
    ["cfg", "deprecated", "derive", "macro_export", "must_use", "non_exhaustive", "proc_macro_derive"];

#[test]
fn the_listings_of_the_public_api_are_up_to_date() {
    let mut differences = Vec::new();
    for entry in fs::read_dir(in_repository("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if PROGRAMS.contains(&&*name) {
            continue;
        }
        let listing = in_repository(LISTINGS).join(format!("{name}.rs.txt"));
        let now = public_api(&folder.join("src"));
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(in_repository(LISTINGS)).unwrap();
            fs::write(&listing, &now).unwrap();
        }
        let was = fs::read_to_string(&listing).unwrap_or_default();
        differences.extend(first_difference(&was, &now).map(|difference| format!("{name}: {difference}")));
    }
    let remedy = format!("{UPDATE}=1 cargo test --test architecture public_api");
    assert!(
        differences.is_empty(),
        "the public API has changed; if that is meant, run `{remedy}` and commit `{LISTINGS}`:\n{}",
        differences.join("\n")
    );
}

#[test]
fn only_what_users_can_name_is_public() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("lib.rs", "mod a; pub mod b; pub use a::Shown; pub use other::Thing as Renamed; fn private() {}");
    write(
        "a.rs",
        "/// Text.\n#[derive(Clone)] pub struct Shown { pub one: u8, two: u8 } pub struct Hidden; \
         impl Shown { pub fn take(self) -> u8 { 1 } fn count(&self) {} } impl Drop for Shown { fn drop(&mut self) {} } \
         impl Hidden { pub fn nothing() {} } pub(crate) fn inner() {} #[cfg(test)] mod tests { pub fn test() {} }",
    );
    write("b.rs", "pub use crate::a::Hidden as Known; pub const COUNT: usize = 3; mod c; pub use c::*;");
    write("b/c.rs", "pub trait Act { /// Text.\n fn act(&self) { todo!() } } pub enum Way { Left, Right(u8) }");
    let api = public_api(folder.path());
    assert!(api.contains("pub struct Shown {\n    pub one: u8,\n    // and private fields\n}"), "{api}");
    assert!(api.contains("impl Shown {\n    pub fn take(self) -> u8 {}\n}"), "{api}");
    assert!(api.contains("impl Drop for Shown {}"), "{api}");
    assert!(api.contains("// b::Known\npub struct Hidden;"), "{api}");
    assert!(api.contains("// b::COUNT") && api.contains("// b::Act") && api.contains("// b::Way"), "{api}");
    assert!(api.contains("// Renamed\npub use other::Thing;"), "{api}");
    for absent in ["Text", "count", "inner", "fn test", "private()", "todo"] {
        assert!(!api.contains(absent), "{absent} in {api}");
    }
}

/// Returns the items of a crate that its users can name, with their paths, sorted by path.
fn public_api(folder: &Path) -> String {
    let mut modules = BTreeMap::new();
    read_module(&folder.join("lib.rs"), folder, Vec::new(), &mut modules);
    let mut listing = Listing { modules: &modules, entries: BTreeMap::new() };
    listing.list_module(&[], &[], 0);
    let entry = |(path, text): (&String, &String)| format!("// {path}\n{}\n", text.trim_end());
    listing.entries.iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// The items of all modules, by the path of the module from the root of the crate.
type Modules = BTreeMap<Vec<String>, Vec<Item>>;

fn read_module(file: &Path, folder: &Path, path: Vec<String>, modules: &mut Modules) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let File { items, .. } = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    read_items(items, folder, path, modules);
}

fn read_items(items: Vec<Item>, folder: &Path, path: Vec<String>, modules: &mut Modules) {
    let items: Vec<_> = items.into_iter().filter(|item| !is_for_tests(item)).collect();
    for item in &items {
        let Item::Mod(module) = item else { continue };
        let name = module.ident.to_string();
        let inner = [&path[..], std::slice::from_ref(&name)].concat();
        match &module.content {
            Some((_, items)) => read_items(items.clone(), &folder.join(&name), inner, modules),
            None => read_module(&folder.join(format!("{name}.rs")), &folder.join(&name), inner, modules),
        }
    }
    modules.insert(path, items);
}

/// The public items that were found.
struct Listing<'a> {
    modules: &'a Modules,
    /// The text of each item, by the path by which users name it.
    entries: BTreeMap<String, String>,
}

/// Public uses of public uses that are followed at most.
const MOST_USES: usize = 8;

impl Listing<'_> {
    /// Adds the public items of a module. `shown` is the path by which users name the module.
    fn list_module(&mut self, module: &[String], shown: &[String], depth: usize) {
        let modules = self.modules;
        for item in modules.get(module).into_iter().flatten() {
            match item {
                Item::Use(used) if is_public(&used.vis) => {
                    for (name, path) in used_names(&used.tree) {
                        self.list_use(&name, &path, module, shown, depth);
                    }
                }
                Item::Mod(inner) if is_public(&inner.vis) => {
                    let name = inner.ident.to_string();
                    self.list_module(&joined(module, &name), &joined(shown, &name), depth);
                }
                _ => {
                    let Some(name) = public_name(item) else { continue };
                    self.list_item(item, &joined(shown, &name));
                }
            }
        }
    }

    /// Adds what a public `use` in `module` brings. The name of `*` is empty.
    fn list_use(&mut self, name: &str, path: &[String], module: &[String], shown: &[String], depth: usize) {
        let full = path_in_crate(module, path);
        let (modules, is_glob) = (self.modules, name.is_empty());
        if depth > MOST_USES {
            return;
        }
        if let Some(found) = Some(&full).filter(|full| modules.contains_key(*full)) {
            let shown = if is_glob { shown.to_vec() } else { joined(shown, name) };
            self.list_module(found, &shown, depth + 1);
        } else if let Some((own, parent)) = full.split_last().filter(|(_, parent)| modules.contains_key(*parent))
            && self.list_named(own, parent, &joined(shown, name), depth)
        {
        } else {
            let shown = joined(shown, if is_glob { "*" } else { name });
            let all = if is_glob { "::*" } else { "" };
            self.entries.insert(shown.join("::"), format!("pub use {}{all};", path.join("::")));
        }
    }

    /// Adds the items of this name in a module, and returns true if there are any.
    fn list_named(&mut self, name: &str, module: &[String], shown: &[String], depth: usize) -> bool {
        let mut is_found = false;
        for item in &self.modules[module] {
            if public_name(item).is_some_and(|own| own == name) {
                self.list_item(item, shown);
                is_found = true;
            } else if let Item::Use(used) = item {
                let Some((_, path)) = used_names(&used.tree).into_iter().find(|(own, _)| own == name) else { continue };
                let (own, outer) = shown.split_last().expect("a path has a name");
                self.list_use(own, &path, module, outer, depth + 1);
                is_found = true;
            }
        }
        is_found
    }

    fn list_item(&mut self, item: &Item, shown: &[String]) {
        let mut items = vec![without_details(item.clone())];
        let name = public_name(item).expect("the item is public");
        if matches!(item, Item::Struct(_) | Item::Enum(_) | Item::Union(_)) {
            items.extend(self.implementations(&name));
        }
        let mut text = prettyplease::unparse(&File { shebang: None, attrs: Vec::new(), items });
        if has_private_fields(item) {
            text = with_private_fields(&text);
        }
        // Items with other features may have the same path.
        let entry = self.entries.entry(shown.join("::")).or_default();
        if !entry.contains(&text) {
            entry.push_str(&text);
        }
    }

    /// The implementations of a type, without private methods and without what is inside of methods. Methods are sorted
    /// by their names, so that moving code changes nothing.
    fn implementations(&self, name: &str) -> Vec<Item> {
        let mut found = BTreeMap::<String, ItemImpl>::new();
        for item in self.modules.values().flatten() {
            let Item::Impl(implementation) = item else { continue };
            let Type::Path(own) = &*implementation.self_ty else { continue };
            if own.path.segments.last().is_none_or(|segment| segment.ident != name) {
                continue;
            }
            let ItemImpl { attrs, items, .. } = implementation;
            let shown = ItemImpl { attrs: shown_attributes(attrs), items: Vec::new(), ..implementation.clone() };
            let is_own = shown.trait_.is_none();
            let mut parts: Vec<_> = items.iter().filter(|part| !is_own || is_public_part(part)).cloned().collect();
            parts.retain(|part| is_own || matches!(part, ImplItem::Type(_)));
            if is_own && parts.is_empty() {
                continue;
            }
            parts.iter_mut().for_each(empty_part);
            let head = format!("{}{}", u8::from(!is_own), text_of(Item::Impl(shown.clone())));
            found.entry(head).or_insert(shown).items.extend(parts);
        }
        let sorted = |mut shown: ItemImpl| {
            shown.items.sort_by_key(part_name);
            Item::Impl(shown)
        };
        found.into_values().map(sorted).collect()
    }
}

fn text_of(item: Item) -> String {
    prettyplease::unparse(&File { shebang: None, attrs: Vec::new(), items: vec![item] })
}

fn part_name(part: &ImplItem) -> String {
    match part {
        ImplItem::Const(part) => part.ident.to_string(),
        ImplItem::Fn(part) => part.sig.ident.to_string(),
        ImplItem::Type(part) => part.ident.to_string(),
        _ => String::new(),
    }
}

fn joined(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

const fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The name of an item if it is public.
fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Union(item) => (&item.vis, &item.ident),
        Item::Macro(item) => {
            let is_exported = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
            return item.ident.as_ref().filter(|_| is_exported).map(ToString::to_string);
        }
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

fn shown_attributes(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_shown = |attribute: &&Attribute| ATTRIBUTES.iter().any(|name| attribute.path().is_ident(name));
    attributes.iter().filter(is_shown).cloned().collect()
}

/// Returns an item without its documentation, its private fields and the inside of its functions.
fn without_details(mut item: Item) -> Item {
    match &mut item {
        Item::Const(item) => {
            item.attrs = shown_attributes(&item.attrs);
            *item.expr = placeholder();
        }
        Item::Enum(item) => {
            item.attrs = shown_attributes(&item.attrs);
            for variant in &mut item.variants {
                variant.attrs = shown_attributes(&variant.attrs);
                variant.fields.iter_mut().for_each(|field| field.attrs = shown_attributes(&field.attrs));
            }
        }
        Item::Fn(item) => {
            item.attrs = shown_attributes(&item.attrs);
            item.block.stmts.clear();
        }
        Item::Macro(item) => {
            item.attrs = shown_attributes(&item.attrs);
            item.mac.tokens = proc_macro2::TokenStream::new();
        }
        Item::Static(item) => {
            item.attrs = shown_attributes(&item.attrs);
            *item.expr = placeholder();
        }
        Item::Struct(item) => {
            item.attrs = shown_attributes(&item.attrs);
            keep_public_fields(&mut item.fields);
        }
        Item::Trait(item) => {
            item.attrs = shown_attributes(&item.attrs);
            item.items.iter_mut().for_each(empty_trait_part);
        }
        Item::Type(item) => item.attrs = shown_attributes(&item.attrs),
        _ => {}
    }
    item
}

/// An expression in place of a value that is no part of an interface.
fn placeholder() -> syn::Expr {
    syn::Expr::Infer(syn::ExprInfer { attrs: Vec::new(), underscore_token: syn::Token![_](Span::call_site()) })
}

fn keep_public_fields(fields: &mut Fields) {
    match fields {
        Fields::Named(fields) => {
            let kept = fields.named.iter().filter(|field| is_public(&field.vis)).cloned();
            fields.named = kept.map(without_documentation).collect();
        }
        Fields::Unnamed(fields) => {
            for field in &mut fields.unnamed {
                field.attrs = shown_attributes(&field.attrs);
                if !is_public(&field.vis) {
                    field.ty = Type::Infer(syn::TypeInfer { underscore_token: syn::Token![_](Span::call_site()) });
                }
            }
        }
        Fields::Unit => {}
    }
}

fn without_documentation(mut field: syn::Field) -> syn::Field {
    field.attrs = shown_attributes(&field.attrs);
    field
}

fn has_private_fields(item: &Item) -> bool {
    let Item::Struct(item) = item else { return false };
    matches!(&item.fields, Fields::Named(fields) if fields.named.iter().any(|field| !is_public(&field.vis)))
}

/// Says in the text of a struct that it has private fields: programs can't make one by its fields then.
fn with_private_fields(text: &str) -> String {
    const NOTE: &str = "    // and private fields\n";
    match (text.find(" {}\n"), text.find("\n}\n")) {
        (Some(empty), end) if end.is_none_or(|end| empty < end) => {
            format!("{} {{\n{NOTE}}}\n{}", &text[..empty], &text[empty + " {}\n".len()..])
        }
        (_, Some(end)) => format!("{}\n{NOTE}{}", &text[..end], &text[end + 1..]),
        _ => text.to_owned(),
    }
}

const fn is_public_part(part: &ImplItem) -> bool {
    match part {
        ImplItem::Const(part) => is_public(&part.vis),
        ImplItem::Fn(part) => is_public(&part.vis),
        _ => false,
    }
}

fn empty_part(part: &mut ImplItem) {
    match part {
        ImplItem::Const(part) => {
            part.attrs = shown_attributes(&part.attrs);
            part.expr = placeholder();
        }
        ImplItem::Fn(part) => {
            part.attrs = shown_attributes(&part.attrs);
            part.block.stmts.clear();
        }
        ImplItem::Type(part) => part.attrs = shown_attributes(&part.attrs),
        _ => {}
    }
}

fn empty_trait_part(part: &mut syn::TraitItem) {
    match part {
        syn::TraitItem::Const(part) => part.attrs = shown_attributes(&part.attrs),
        syn::TraitItem::Fn(part) => {
            part.attrs = shown_attributes(&part.attrs);
            part.default.iter_mut().for_each(|block| block.stmts.clear());
        }
        syn::TraitItem::Type(part) => part.attrs = shown_attributes(&part.attrs),
        _ => {}
    }
}

/// The first line that differs, as a sentence.
fn first_difference(was: &str, now: &str) -> Option<String> {
    let (mut was_lines, mut now_lines) = (was.lines(), now.lines());
    for line in 1.. {
        match (was_lines.next(), now_lines.next()) {
            (None, None) => return None,
            (was, now) if was == now => {}
            (was, now) => {
                let [was, now] = [was, now].map(|text| text.unwrap_or("nothing").trim());
                return Some(format!("line {line} was `{was}`, now `{now}`"));
            }
        }
    }
    None
}
