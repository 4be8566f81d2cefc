//! What Envoy itself costs a decision: a filter that makes the calls of a request with an API key, and decides nothing. With
//! `body` for its configuration it holds the request's body, and has it copied.
#![cfg(target_arch = "wasm32")]

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType, MetricType, Status};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

mod host {
    use proxy_wasm::types::{MapType, Status};

    #[link(wasm_import_module = "env")]
    #[expect(unsafe_code, reason = "an import of the host")]
    unsafe extern "C" {
        pub(super) fn proxy_get_header_map_pairs(
            map: MapType,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> Status;
    }
}

/// As long as a record is.
const RECORD: [u8; 920] = [b'r'; 920];
const RATES: [(&str, &[u8]); 4] = [
    ("x-request-id", b"00000000-0000-4000-8000-000000000000"),
    ("x-ratelimit-limit-requests", b"1000000000"),
    ("x-ratelimit-remaining-requests", b"999999999"),
    ("x-ratelimit-reset-requests", b"60s"),
];

#[derive(Default)]
struct Root {
    stream: Stream,
}

#[derive(Clone, Copy, Default)]
struct Stream {
    counters: [Option<u32>; 2],
    holds_body: bool,
}

/// All headers, as one block that nobody reads.
fn read(map: MapType) {
    let (mut data, mut size): (*mut u8, usize) = (std::ptr::null_mut(), 0);
    #[expect(
        unsafe_code,
        reason = "the host writes to both places, and made the block as a `Vec` of this capacity"
    )]
    unsafe {
        if host::proxy_get_header_map_pairs(map, &raw mut data, &raw mut size) == Status::Ok
            && !data.is_null()
        {
            drop(Vec::from_raw_parts(data, size, size));
        }
    }
}

fn ask_for_cluster() {
    let _ = hostcalls::get_property(vec!["xds", "cluster_name"]);
}

fn set(map: MapType, name: &str, value: &[u8]) {
    let _ = hostcalls::set_map_value_bytes(map, name, Some(value));
}

impl Context for Root {}
impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let _ = hostcalls::get_current_time();
        read(MapType::HttpRequestHeaders);
        ask_for_cluster();
        let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, "x-envoy-internal");
        set(MapType::HttpRequestHeaders, "authorization", b"Bearer of-the-provider");
        if self.holds_body { Action::Pause } else { Action::Continue }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.holds_body {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause;
        }
        let _ = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        read(MapType::HttpResponseHeaders);
        ask_for_cluster();
        let _ = hostcalls::get_current_time();
        RATES.iter().for_each(|(name, value)| set(MapType::HttpResponseHeaders, name, value));
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _end_of_stream: bool) -> Action {
        if size > 0 {
            let _ = hostcalls::get_buffer(BufferType::HttpResponseBody, 0, size);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let _ = hostcalls::get_current_time();
        let _ = hostcalls::set_property(vec!["claimgate_audit"], Some(&RECORD));
        for counter in self.counters.into_iter().flatten() {
            let _ = hostcalls::increment_metric(counter, 1);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        self.stream.counters =
            ["decisions", "charges"].map(|name| hostcalls::define_metric(MetricType::Counter, name).ok());
        let told = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size).ok().flatten();
        self.stream.holds_body = told.is_some_and(|told| told == b"body");
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
