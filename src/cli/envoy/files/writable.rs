//! Whether anybody on this machine can put another file in the place of one.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const OTHERS_WRITE: u32 = 0o002;
/// In such a directory nobody takes away or renames what is somebody else's.
const STICKY: u32 = 0o1000;

/// What of the way to a file, or the file itself, anybody can write to; `None` too where the file is not on this machine.
pub(in crate::cli) fn writable_by_anybody(file: &Path) -> Option<PathBuf> {
    let (named, real) = (std::path::absolute(file).ok()?, fs::canonicalize(file).ok()?);
    if mode(&real)? & OTHERS_WRITE != 0 {
        return Some(real);
    }
    // A link can be replaced where it lies, and what it leads to where that lies.
    let mut directories = [&real, &named].into_iter().flat_map(|path| path.ancestors().skip(1));
    let is_open = |directory: &&Path| {
        let mode = mode(directory).unwrap_or_default();
        mode & OTHERS_WRITE != 0 && mode & STICKY == 0
    };
    directories.find(is_open).map(Path::to_owned)
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().as_ref().map(Metadata::permissions).map(|permissions| permissions.mode())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use super::writable_by_anybody;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A directory in a directory with a file in it that only its owner can write to.
    fn made(name: &str) -> (PathBuf, PathBuf, PathBuf) {
        let outer = std::env::temp_dir().join(format!("claimgate-writable-{}-{name}", std::process::id()));
        let outer = fs::canonicalize(outer.parent().unwrap()).unwrap().join(outer.file_name().unwrap());
        let inner = outer.join("inner");
        fs::create_dir_all(&inner).unwrap();
        let file = inner.join("libclaimgate.so");
        fs::write(&file, "").unwrap();
        [&outer, &inner].into_iter().for_each(|directory| set(directory, 0o755));
        set(&file, 0o644);
        (outer, inner, file)
    }

    #[test]
    fn a_file_is_open_by_itself_and_by_every_directory_on_the_way() {
        let (outer, inner, file) = made("modes");
        assert_eq!(writable_by_anybody(&file), None);
        for (path, open, closed) in [(&file, 0o646, 0o664), (&inner, 0o757, 0o775), (&outer, 0o777, 0o1777)] {
            set(path, open);
            assert_eq!(writable_by_anybody(&file).as_ref(), Some(path), "{open:o}");
            set(path, closed);
            assert_eq!(writable_by_anybody(&file), None, "{closed:o}");
        }
        fs::remove_dir_all(outer).unwrap();
    }

    #[test]
    fn a_link_is_open_where_it_lies_and_where_it_leads() {
        let (outer, inner, file) = made("links");
        let links = outer.join("links");
        fs::create_dir(&links).unwrap();
        let link = links.join("current.so");
        symlink(&file, &link).unwrap();
        set(&links, 0o755);
        assert_eq!(writable_by_anybody(&link), None);
        set(&links, 0o777);
        assert_eq!(writable_by_anybody(&link), Some(links.clone()));
        set(&links, 0o755);
        set(&inner, 0o777);
        assert_eq!(writable_by_anybody(&link), Some(inner));
        fs::remove_dir_all(outer).unwrap();
    }

    #[test]
    fn nothing_is_said_of_a_file_that_is_not_here() {
        assert_eq!(writable_by_anybody(Path::new("/nowhere/libclaimgate.so")), None);
    }
}
