//! The gateway as a dynamic module, which Envoy loads into its own process: the core and the lifecycle of the wasm filter on another
//! host.
//!
//! Envoy calls the hooks in `exports`: for one stream on one of its threads, or for the whole house on its main thread. An event
//! runs under the lock of its worker. What ends or releases a stream is done once that is let go, because Envoy calls back in the
//! midst of it.
//!
//! - `abi`: Envoy's side of the interface, as handles that live as long as what they stand for.
//! - `failpoint`: where a test may have it panic.
//! - `process`: what outlives configurations.
//! - `exchange`: one exchange during one hook.
//! - `worker`: one configuration on one thread.
//! - `filter`: one stream from its first hook to its last.
//! - `gate`: one configuration of the gateway, and its workers.
//! - `exports`: the hooks.

mod abi;
mod failpoint;
mod process;
mod exchange;
mod worker;
mod filter;
mod gate;
mod exports;
