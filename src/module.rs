//! The gateway as a dynamic module, which Envoy loads into its own process: the core and the lifecycle of the wasm filter on another
//! host.
//!
//! Envoy calls the hooks in `exports`: for one stream on one of its threads, or for the whole house on its main thread. An event
//! runs under the lock of its worker. What ends or releases a stream is done once that is let go, because Envoy calls back in the
//! midst of it.
//!
//! - `abi`: Envoy's side of the interface, as handles that live as long as what they stand for.
//! - `shared_memory`: pages and documents that all workers share.
//! - `metrics`: counters and gauges of the process, and how Envoy is told of them.
//! - `grpc`: one call of a method, framed for an HTTP/2 stream.
//! - `signatures`: signatures, verified natively.
//! - `failpoint`: where a test may have it panic.
//! - `locked`: what one thread at a time may touch.
//! - `job`: what the main thread does for a worker.
//! - `configuration`: one configuration as Envoy has it, and what was asked for through it.
//! - `main_thread`: what is to be done there.
//! - `clock`: the thread that tells workers the time.
//! - `process`: what outlives configurations.
//! - `exchange`: one exchange during one hook.
//! - `house`: what a worker's lifecycle asks of this host.
//! - `worker`: one configuration on one thread.
//! - `filter`: one stream from its first hook to its last.
//! - `gate`: one configuration of the gateway, and its workers.
//! - `exports`: the hooks.

mod abi;
mod shared_memory;
mod metrics;
mod grpc;
mod signatures;
mod failpoint;
mod locked;
mod job;
mod configuration;
mod main_thread;
mod clock;
mod process;
mod exchange;
mod house;
mod worker;
mod filter;
mod gate;
mod exports;
