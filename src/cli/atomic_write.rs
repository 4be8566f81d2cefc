//! Files that others read while they are replaced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes beside the place, then moves: nobody ever reads half a file.
pub(super) fn move_into_place(file: &Path, content: &str) -> io::Result<()> {
    let name = file.file_name().ok_or_else(|| io::Error::other("it is not the name of a file"))?;
    let draft = file.with_file_name(format!(".{}.{}.draft", name.to_string_lossy(), std::process::id()));
    let written = File::create(&draft).and_then(|mut draft| {
        draft.write_all(content.as_bytes())?;
        draft.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&draft, file));
    if moved.is_err() {
        // The draft may not even exist; the error that matters is the first.
        let _ = fs::remove_file(&draft);
    }
    moved
}
