//! What a call asks of its upstream.

use crate::denial::Denial;
use crate::dialect;
use crate::gateway::Known;
use crate::gateway::call::{Arrival, Recognised};
use crate::upstream::Upstream;

/// What the path asks of the upstream, found out once per call.
pub(super) fn recognise<'a>(
    arrival: &Arrival,
    what: &'a mut Option<Recognised>,
    upstream: &Upstream,
    known: &Known<'_>,
) -> Result<&'a mut Recognised, Denial> {
    match what {
        Some(what) => Ok(what),
        None => {
            let head = &arrival.head;
            let seen = &known.memory.operations;
            let asked = [upstream.cluster(), head.method(), head.path()].map(str::as_bytes);
            let name = seen.name(&asked);
            let operation = dialect::recognise_again(seen, name, head, || {
                let (dialect, prefix) = (upstream.dialect(), upstream.path_prefix());
                dialect::recognise(dialect, head, prefix, upstream.operations())
            })?;
            Ok(what.insert(Recognised::new(operation, name)))
        }
    }
}
