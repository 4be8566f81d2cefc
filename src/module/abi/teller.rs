//! Who can tell Envoy of metrics.

use super::buffer::Buffer;

/// A family of metrics that was defined.
#[derive(Clone, Copy, Debug)]
pub(in crate::module) struct Defined {
    pub(super) id: usize,
}

/// A stream, or a configuration in later versions of Envoy.
pub(in crate::module) trait Teller {
    /// A counter has grown by so much.
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64);

    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64);
}
