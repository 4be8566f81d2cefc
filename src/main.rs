//! The `claimgate` command; `claimgate::cli` is all of it.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use claimgate::cli::{self, Terminal};
    use std::io;

    cli::run(
        std::env::args_os(),
        &mut Terminal { input: &mut io::stdin(), output: &mut io::stdout(), errors: &mut io::stderr() },
    )
    .into()
}

/// The filter is the library; on wasm32 there is no command.
#[cfg(target_arch = "wasm32")]
fn main() {}
