//! The hooks of the module and of its configurations, all of them on Envoy's main thread.

#![expect(unsafe_code, reason = "names and pointers as Envoy's interface has them")]

use std::ffi::c_char;
use std::sync::Arc;
use std::{ptr, slice};

use super::{EnvoyPointer, GatePointer, guarded};
use crate::module::abi::{
    self, Buffer, Callbacks, HeaderPair, Level, LivingConfiguration, callbacks, read_chunks, read_headers,
};
use crate::module::gate::Gate;
use crate::module::process::{EnvoyConfiguration, FetchedAnswer, Job, Recipient, process};

/// What came of a request of our own.
const SUCCESS: u32 = 0;

/// # Safety
/// Envoy gives as many as it says, for as long as the hook lasts.
unsafe fn list<'a, T>(first: *const T, count: usize) -> &'a [T] {
    match first.is_null() || count == 0 {
        true => &[],
        false => unsafe { slice::from_raw_parts(first, count) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    match abi::load() {
        Ok(()) => abi::version().as_ptr(),
        Err(missing) => {
            // Envoy's log is among what may be missing.
            eprintln_missing(missing);
            ptr::null()
        }
    }
}

#[expect(clippy::print_stderr, reason = "there is no other way to tell the operator")]
fn eprintln_missing(missing: &str) {
    eprintln!(
        "claimgate: this Envoy does not export `{missing}`; the module needs Envoy 1.38 or a later one"
    );
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    configuration: EnvoyPointer,
    name: Buffer<'_>,
    config: Buffer<'_>,
) -> GatePointer {
    let open = |callbacks: &'static Callbacks| {
        let living = unsafe { LivingConfiguration::of(configuration, callbacks) };
        Gate::open(name.bytes(), config.bytes(), EnvoyConfiguration::of(living))
    };
    let opened = guarded(Err("it has panicked".to_owned()), || {
        callbacks().ok_or_else(|| "the module was not initialised".to_owned()).and_then(open)
    });
    match opened {
        Ok(gate) => {
            abi::say(Level::Info, "configuration accepted");
            Box::into_raw(Box::new(gate))
        }
        Err(why) => {
            abi::say(Level::Error, &format!("configuration refused: {why}"));
            ptr::null()
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(gate: GatePointer) {
    if !gate.is_null() {
        guarded((), || drop(unsafe { Box::from_raw(gate.cast_mut()) }));
    }
}

/// Runs what the main thread is called for.
fn on_main_thread(then: impl FnOnce() -> Option<(Arc<dyn Recipient>, Job)>) {
    guarded((), || {
        let process = process();
        if let Some((recipient, job)) = then() {
            process.main_thread.post(recipient, job);
        }
        process.main_thread.work(&process.metrics);
    });
}

/// # Safety
/// The pointer is of a configuration that Envoy has not ended.
unsafe fn of_configuration<'a>(gate: GatePointer) -> Option<&'a EnvoyConfiguration> {
    unsafe { gate.as_ref() }.map(|gate| &**gate.configuration())
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    _configuration: EnvoyPointer,
    _gate: GatePointer,
    _event: u64,
) {
    on_main_thread(|| None);
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    _configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
    result: u32,
    headers: *const HeaderPair<'_>,
    headers_count: usize,
    chunks: *const Buffer<'_>,
    chunks_count: usize,
) {
    on_main_thread(|| {
        let answer = (result == SUCCESS).then(|| FetchedAnswer {
            headers: read_headers(unsafe { list(headers, headers_count) }),
            body: read_chunks(unsafe { list(chunks, chunks_count) }),
        });
        unsafe { of_configuration(gate) }?.fetched(id, answer)
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_stream_headers(
    _configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
    headers: *const HeaderPair<'_>,
    headers_count: usize,
    _end_of_stream: bool,
) {
    guarded((), || {
        let headers = read_headers(unsafe { list(headers, headers_count) });
        if let Some(configuration) = unsafe { of_configuration(gate) } {
            configuration.reply(id, |reply| reply.headers(&headers));
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_stream_data(
    _configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
    chunks: *const Buffer<'_>,
    chunks_count: usize,
    _end_of_stream: bool,
) {
    guarded((), || {
        let data = read_chunks(unsafe { list(chunks, chunks_count) });
        if let Some(configuration) = unsafe { of_configuration(gate) } {
            configuration.reply(id, |reply| reply.data(&data));
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_stream_trailers(
    configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
    trailers: *const HeaderPair<'_>,
    trailers_count: usize,
) {
    envoy_dynamic_module_on_http_filter_config_http_stream_headers(
        configuration,
        gate,
        id,
        trailers,
        trailers_count,
        true,
    );
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_stream_complete(
    _configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
) {
    on_main_thread(|| unsafe { of_configuration(gate) }?.called(id, true));
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_stream_reset(
    _configuration: EnvoyPointer,
    gate: GatePointer,
    id: u64,
    _reason: u32,
) {
    on_main_thread(|| unsafe { of_configuration(gate) }?.called(id, false));
}
