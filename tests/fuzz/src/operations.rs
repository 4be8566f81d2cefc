//! Operations by their paths.

use claimgate::dialect::{Operation, recognise};
use claimgate::request::{Dialect, RequestHead};

/// The one that a `POST` to this path asks for.
///
/// # Panics
/// Where the path is not known.
pub fn posted((dialect, path): (Dialect, &str)) -> Operation {
    let head = [(":method", "POST"), (":path", path)];
    let head = RequestHead::new(head.map(|(name, value)| (name.to_owned(), value.into())).into());
    recognise(dialect, &head, None, &[]).expect("the operation is known")
}
