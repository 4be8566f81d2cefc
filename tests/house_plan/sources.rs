//! The files of the tree as syntax, each with what it defines, hands on and names; tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemStruct, UseTree, Visibility};

/// A path from the root of the crate, as `["gateway", "Call"]`.
pub(crate) type Name = Vec<String>;

/// One file.
#[derive(Default)]
pub(crate) struct Source {
    /// What it hands on: the name under which it does, and whose it is.
    pub(crate) hands_on: BTreeMap<String, Name>,
    /// What of other files it names.
    pub(crate) names: BTreeSet<Name>,
    /// Its structs, and how many fields each has.
    pub(crate) structs: Vec<(String, usize)>,
    pub(crate) text: String,
}

/// Every file by the path of its module; those of tests are left out.
pub(crate) fn read(root: &Path) -> BTreeMap<Name, Source> {
    let mut sources = BTreeMap::new();
    read_folder(root, &[], &mut sources);
    sources
}

fn read_folder(folder: &Path, within: &[String], sources: &mut BTreeMap<Name, Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module: Name = within.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() {
            read_folder(&path, &module, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && stem != "lib"
            && stem != "main"
        {
            let text = fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap();
            let mut reader = Reader { module, source: Source::default(), begins: BTreeSet::new() };
            file.items.iter().filter(|item| !is_of_tests(item)).for_each(|item| reader.visit_item(item));
            let Reader { module, mut source, begins } = reader;
            let used = source.hands_on.iter().filter(|(name, _)| begins.contains(*name));
            source.names.extend(used.map(|(_, whose)| whose.clone()).collect::<Vec<_>>());
            source.text = text;
            sources.insert(module, source);
        }
    }
    // A module that only tests have is declared so by its parent; nothing of the tree names it.
    let of_tests: Vec<Name> = sources.keys().filter(|name| is_test_module(name)).cloned().collect();
    of_tests.iter().for_each(|name| drop(sources.remove(name)));
}

fn is_test_module(name: &Name) -> bool {
    name.iter().any(|part| ["tests", "fixture", "properties", "scripted"].contains(&part.as_str()))
}

fn is_of_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

struct Reader {
    module: Name,
    source: Source,
    /// What paths of the file begin with: what is handed on, and named in the file as well, is imported too.
    begins: BTreeSet<String>,
}

impl Reader {
    /// The path from the root of the crate; `None` for one that leads out of it, or to something of this file.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let base = &self.module[..self.module.len().checked_sub(ups)?];
                Some([base, &path[ups..]].concat())
            }
            // A child, or a foreign crate: whoever resolves it knows the modules.
            _ => Some([&self.module, path].concat()),
        }
    }

    fn take(&mut self, tree: &UseTree, before: &mut Name, is_handed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take(&path.tree, before, is_handed_on);
                before.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.take(tree, before, is_handed_on))
            }
            UseTree::Name(name) => self.import(before, &name.ident.to_string(), None, is_handed_on),
            UseTree::Rename(name) => {
                self.import(before, &name.ident.to_string(), Some(name.rename.to_string()), is_handed_on);
            }
            UseTree::Glob(_) => panic!("{}: `*` hides what is imported", self.module.join("::")),
        }
    }

    fn import(&mut self, before: &[String], name: &str, renamed: Option<String>, is_handed_on: bool) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        let Some(absolute) = self.absolute(&path) else { return };
        if is_handed_on {
            let under = renamed.unwrap_or_else(|| path.last().unwrap().clone());
            self.source.hands_on.insert(under, absolute);
        } else {
            self.source.names.insert(absolute);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            let is_handed_on = !matches!(item.vis, Visibility::Inherited);
            self.take(&item.tree, &mut Name::new(), is_handed_on);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Name = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let leads_away = parts.len() > 1 && ["crate", "super", "self"].contains(&parts[0].as_str());
        if leads_away && let Some(name) = self.absolute(&parts) {
            self.source.names.insert(name);
        }
        self.begins.insert(parts[0].clone());
        visit::visit_path(self, path);
    }

    /// Whom a thing is shown to is no import.
    fn visit_visibility(&mut self, _visibility: &'ast Visibility) {}

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if let syn::Fields::Named(fields) = &item.fields {
            self.source.structs.push((item.ident.to_string(), fields.named.len()));
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // What a module within a file imports, the file imports; `super` there is the file.
        for item in item.content.iter().flat_map(|(_, items)| items).filter(|item| !is_of_tests(item)) {
            let mut within = self.module.clone();
            within.push("inline".to_owned());
            let outer = std::mem::replace(&mut self.module, within);
            self.visit_item(item);
            self.module = outer;
        }
    }
}
