//! How much one event of the house may set off.

/// The most exchanges that one event of the house ends or lets go on, and the most questions that it sends.
///
/// Envoy carries out what it is told once the callback is over. Each time that calls the filter, and it is at the end of that
/// call, within it, that Envoy goes on with the next: some three hundred in a row fill the stack, and the worker's VM traps.
pub(in crate::lifecycle) const MOST_AT_ONCE: usize = 32;
