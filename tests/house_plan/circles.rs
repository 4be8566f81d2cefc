//! Who imports whom, by the files in which things are defined, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Name, Source};

/// What one file takes from each other one.
pub(crate) type Imports<'a> = BTreeMap<&'a Name, BTreeMap<&'a Name, BTreeSet<String>>>;

/// Every import, with what is handed on followed to whoever defines it.
pub(crate) fn imports(sources: &BTreeMap<Name, Source>) -> Imports<'_> {
    let mut imports = Imports::new();
    for (module, source) in sources {
        for name in &source.names {
            let defined = follow(sources, name);
            if let Some((other, _)) =
                (1..=defined.len()).rev().find_map(|length| sources.get_key_value(&defined[..length]))
                && other != module
            {
                let taken = defined[other.len()..].first().or(other.last()).unwrap().clone();
                imports.entry(module).or_default().entry(other).or_default().insert(taken);
            }
        }
    }
    imports
}

fn follow(sources: &BTreeMap<Name, Source>, name: &Name) -> Name {
    let mut name = name.clone();
    // A thing is handed on by a few files at most.
    for _ in 0..8 {
        let handed_on = (1..name.len()).find_map(|length| {
            let target = sources.get(&name[..length])?.hands_on.get(&name[length])?;
            Some([target, &name[length + 1..]].concat())
        });
        match handed_on {
            Some(target) if target != name => name = target,
            _ => return name,
        }
    }
    name
}

/// Every set of files of which each reaches each other one; in words.
pub(crate) fn circles(imports: &Imports<'_>) -> Vec<String> {
    let reach: BTreeMap<_, _> = imports.keys().map(|file| (*file, reached(imports, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reach {
        let circle: BTreeSet<_> = reached
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|back| back.contains(file)))
            .collect();
        if !circle.is_empty() {
            circles.insert(circle.into_iter().copied().collect::<Vec<_>>());
        }
    }
    let told = |circle: &Vec<&Name>| {
        let arrows = circle.iter().flat_map(|file| {
            let taken = imports[*file].iter().filter(|(other, _)| circle.contains(other));
            taken.map(|(other, names)| {
                format!("  {} takes {:?} from {}", file.join("/"), names, other.join("/"))
            })
        });
        arrows.collect::<Vec<_>>().join("\n")
    };
    circles.iter().map(told).collect()
}

fn reached<'a>(imports: &Imports<'a>, from: &Name) -> BTreeSet<&'a Name> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Name> = imports.get(from).into_iter().flat_map(BTreeMap::keys).copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports.get(file).into_iter().flat_map(BTreeMap::keys).copied());
        }
    }
    reached
}
