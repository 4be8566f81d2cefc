//! The house plan of `src/lib.rs`, held to: a room imports only rooms above it, no files import each other in a circle, each
//! foreign crate has one door, and a struct that holds much says why.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

#[path = "house_plan/circles.rs"]
mod circles;
#[path = "house_plan/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// A struct with more fields than these says why, in the comment above it, by [`MANY`].
const MOST_FIELDS: usize = 12;
const MANY: &str = "more than a dozen fields";

/// Crates with a door: only this room names them.
const DOORS: [(&str, &str); 8] = [
    ("aws_lc_rs", "module"),
    ("proxy_wasm", "filter"),
    ("cel_interpreter", "expression"),
    ("jwt_simple", "identity"),
    ("aes_gcm", "own_key"),
    ("aes_keywrap", "own_key"),
    ("clap", "cli"),
    ("serde_saphyr", "cli"),
];

/// What makes a room read the world; only these rooms may.
const WORLD: [(&str, &[&str]); 5] = [
    ("SystemTime", &["filter", "module", "cli"]),
    ("Instant::now", &["module", "cli"]),
    ("std::env", &["filter", "module", "cli"]),
    ("std::fs", &["cli"]),
    ("getrandom", &["filter", "module", "cli"]),
];

/// Where hosts are called, and where they call.
const UNSAFE: [&str; 5] =
    ["filter/host.rs", "module/abi", "module/exports", "module/worker/locked.rs", "module/worker.rs"];

fn source(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms in the order of the plan.
fn rooms() -> Vec<String> {
    let plan = source(&root().join("lib.rs"));
    plan.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Every file of a room with its text, comments left out.
fn files(room: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![root().join(format!("{room}.rs"))];
    let mut folders = vec![root().join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    let without_comments = |text: String| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.collect::<Vec<_>>().join("\n")
    };
    files.into_iter().map(|path| (path.clone(), without_comments(source(&path)))).collect()
}

#[test]
fn the_plan_has_every_room() {
    let rooms = rooms();
    assert!(rooms.len() > 10, "{rooms:?}");
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(room) = name.strip_suffix(".rs").filter(|room| !["lib", "main"].contains(room)) {
            assert!(rooms.contains(&room.to_owned()), "`src/{room}.rs` is not in the plan");
        }
    }
}

#[test]
fn a_room_imports_only_rooms_above_it() {
    let rooms = rooms();
    for (index, room) in rooms.iter().enumerate() {
        for (path, text) in files(room) {
            for below in &rooms[index + 1..] {
                assert!(
                    !text.contains(&format!("crate::{below}::"))
                        && !text.contains(&format!("crate::{{{below}")),
                    "{} imports `{below}`, which stands below `{room}`",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = sources::read(&root());
    assert!(sources.len() > 200, "only {} files were read", sources.len());
    let imports = circles::imports(&sources);
    assert!(imports.len() > 200, "only {} files import anything", imports.len());
    let circles = circles::circles(&imports);
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n\n"));
}

#[test]
fn a_struct_with_many_fields_says_why() {
    for (module, source) in sources::read(&root()) {
        for (name, fields) in &source.structs {
            let says_why = || {
                let above = source.text.lines().zip(source.text.lines().skip(1));
                let is_it = |line: &str| {
                    line.contains(&format!("struct {name} ")) || line.contains(&format!("struct {name}<"))
                };
                above
                    .into_iter()
                    .any(|(above, line)| is_it(line) && above.starts_with("//") && above.contains(MANY))
            };
            assert!(
                *fields <= MOST_FIELDS || says_why(),
                "`{name}` in {} has {fields} fields; group them, or say above it why it has {MANY}",
                module.join("/")
            );
        }
    }
}

#[test]
fn each_foreign_crate_has_one_door() {
    for room in rooms() {
        for (path, text) in files(&room) {
            for (name, door) in DOORS {
                assert!(
                    room == door || !text.contains(&format!("{name}::")),
                    "{} names `{name}`, whose door is `{door}`",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn only_what_borders_on_a_host_is_unsafe() {
    for (path, text) in rooms().iter().flat_map(|room| files(room)) {
        let place = path.strip_prefix(root()).unwrap();
        let is_border = UNSAFE.iter().any(|border| place.starts_with(border));
        let is_unsafe = text.contains("unsafe_code") || text.contains("unsafe {");
        assert!(is_border || !is_unsafe, "{} is unsafe", path.display());
    }
}

#[test]
fn no_room_of_the_core_reads_the_world() {
    for room in rooms() {
        for (path, text) in files(&room) {
            // Tests may measure and read as they like.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            if path.components().any(|part| {
                ["tests", "tests.rs", "properties"].iter().any(|tests| part.as_os_str() == *tests)
            }) {
                continue;
            }
            for (name, allowed) in WORLD {
                assert!(
                    allowed.contains(&room.as_str()) || !code.contains(name),
                    "{} reads the world by `{name}`",
                    path.display()
                );
            }
        }
    }
}
