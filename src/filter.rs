//! The gateway as a proxy-wasm filter: it translates between Envoy's callbacks and the events of the lifecycle, and between
//! the lifecycle's two traits and Envoy's host calls. It does nothing else, and never decides.

mod attributes;
mod configuration;
mod exchange;
mod header_map;
mod host;
mod protobuf;
mod root;
mod shared_data;
mod signatures;
mod stream;
mod worker;

use proxy_wasm::types::LogLevel;

use root::Root;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(Root::new(id)));
}}
