//! A copy of the shipped configuration, and the command run on it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one run of the command left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// A copy of the shipped configuration that a test may break; gone with the test.
pub(crate) struct Copy(PathBuf);

impl Copy {
    pub(crate) fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
        let _ = fs::remove_dir_all(&root);
        for folder in ["envoy", "policies"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(shipped.join("envoy/gateway.yaml"), root.join("envoy/gateway.yaml")).unwrap();
        for entry in fs::read_dir(shipped.join("policies")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), root.join("policies").join(entry.file_name())).unwrap();
        }
        Self(root)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Replaces the first `old` in a file, which must be there.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) -> &Self {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        self.run_in_environment(arguments, input, &[])
    }

    pub(crate) fn run_in_environment(
        &self,
        arguments: &[&str],
        input: &str,
        variables: &[(&str, &str)],
    ) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claimgate"));
        let command = command.args(arguments).current_dir(&self.0).envs(variables.iter().copied());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments ends without reading.
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        let ended = child.wait_with_output().unwrap();
        Run {
            code: ended.status.code().unwrap(),
            output: String::from_utf8(ended.stdout).unwrap(),
            errors: String::from_utf8(ended.stderr).unwrap(),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
