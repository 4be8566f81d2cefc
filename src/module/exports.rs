//! The hooks that Envoy calls. Each turns pointers into what they stand for, and lets no panic out.
//!
//! A filter's pointer is a box of ours that lives from `http_filter_new` to `http_filter_destroy`, a configuration's one from
//! `http_filter_config_new` to `http_filter_config_destroy`; Envoy gives them back as it got them.

#![expect(unsafe_code, reason = "names and pointers as Envoy's interface has them")]

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use super::abi::{
    self, Buffer, Callbacks, HeaderPair, Level, LivingConfiguration, StreamHandle, callbacks, read_chunks,
    read_headers, text,
};
use super::configuration::EnvoyConfiguration;
use super::filter::{Fate, Filter};
use super::gate::Gate;
use super::job::{FetchedAnswer, Job, Recipient};
use super::process::process;
use crate::lifecycle::Next;

type EnvoyPointer = *mut c_void;
type FilterPointer = *const Filter;
type GatePointer = *const Gate;

/// What hooks of headers and trailers return.
const CONTINUE: u32 = 0;
const STOP_ITERATION: u32 = 1;
/// What hooks of bodies return.
const STOP_ITERATION_AND_BUFFER: u32 = 1;
const STOP_ITERATION_NO_BUFFER: u32 = 3;
/// What came of a request of our own.
const SUCCESS: u32 = 0;

/// Of a hook that has panicked beyond all guards, the answer is that nothing goes on.
fn guarded<T>(otherwise: T, hook: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(hook)).unwrap_or(otherwise)
}

fn say(level: Level, line: &str) {
    if let Some(callbacks) = callbacks() {
        callbacks.log(level, &format!("claimgate: {line}"));
    }
}

/// Runs the hook of one stream.
///
/// # Safety
/// Both pointers are of this stream, and Envoy waits for its hook.
unsafe fn of_stream<T>(
    stream: EnvoyPointer,
    filter: FilterPointer,
    otherwise: T,
    hook: impl FnOnce(&Filter, StreamHandle<'_>) -> T,
) -> T {
    let (Some(entered), Some(callbacks)) = (unsafe { filter.as_ref() }, callbacks()) else {
        return otherwise;
    };
    entered.hooks.enter();
    let outcome = guarded(otherwise, || hook(entered, unsafe { StreamHandle::of(stream, callbacks) }));
    // What the hook has had Envoy do may have ended the stream, and with it the filter.
    if entered.hooks.leave() == Fate::Drop {
        unsafe { let_go(filter) };
    }
    outcome
}

/// # Safety
/// Envoy has let go of the filter, and no hook of it is running.
unsafe fn let_go(filter: FilterPointer) {
    guarded((), || drop(unsafe { Box::from_raw(filter.cast_mut()) }));
}

fn of_headers(next: Next) -> u32 {
    match next {
        Next::Continue => CONTINUE,
        Next::Pause => STOP_ITERATION,
    }
}

fn of_body(next: Next) -> u32 {
    match next {
        Next::Continue => CONTINUE,
        Next::Pause => STOP_ITERATION_AND_BUFFER,
    }
}

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
            say(Level::Info, "configuration accepted");
            Box::into_raw(Box::new(gate))
        }
        Err(why) => {
            say(Level::Error, &format!("configuration refused: {why}"));
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

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_new(
    gate: GatePointer,
    _stream: EnvoyPointer,
) -> FilterPointer {
    // Without a filter Envoy 1.40 answers 500, and older ones call hooks that hold everything.
    let Some(gate) = (unsafe { gate.as_ref() }) else { return ptr::null() };
    guarded(ptr::null(), || Box::into_raw(Box::new(gate.filter())).cast_const())
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_destroy(filter: FilterPointer) {
    let Some(ended) = (unsafe { filter.as_ref() }) else { return };
    if ended.hooks.end() == Fate::Drop {
        unsafe { let_go(filter) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    stream: EnvoyPointer,
    filter: FilterPointer,
    end_of_stream: bool,
) -> u32 {
    let hook =
        |filter: &Filter, stream: StreamHandle<'_>| of_headers(filter.request_headers(stream, end_of_stream));
    unsafe { of_stream(stream, filter, STOP_ITERATION, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    stream: EnvoyPointer,
    filter: FilterPointer,
    end_of_stream: bool,
) -> u32 {
    let hook =
        |filter: &Filter, stream: StreamHandle<'_>| of_body(filter.request_body(stream, end_of_stream));
    unsafe { of_stream(stream, filter, STOP_ITERATION_NO_BUFFER, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    stream: EnvoyPointer,
    filter: FilterPointer,
) -> u32 {
    let hook = |filter: &Filter, stream: StreamHandle<'_>| of_headers(filter.request_trailers(stream));
    unsafe { of_stream(stream, filter, STOP_ITERATION, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    stream: EnvoyPointer,
    filter: FilterPointer,
    end_of_stream: bool,
) -> u32 {
    let hook = |filter: &Filter, stream: StreamHandle<'_>| {
        of_headers(filter.response_headers(stream, end_of_stream))
    };
    unsafe { of_stream(stream, filter, STOP_ITERATION, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
    stream: EnvoyPointer,
    filter: FilterPointer,
    end_of_stream: bool,
) -> u32 {
    let hook =
        |filter: &Filter, stream: StreamHandle<'_>| of_body(filter.response_body(stream, end_of_stream));
    unsafe { of_stream(stream, filter, STOP_ITERATION_NO_BUFFER, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
    stream: EnvoyPointer,
    filter: FilterPointer,
) -> u32 {
    let hook = |filter: &Filter, stream: StreamHandle<'_>| of_headers(filter.response_trailers(stream));
    unsafe { of_stream(stream, filter, STOP_ITERATION, hook) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    stream: EnvoyPointer,
    filter: FilterPointer,
) {
    unsafe { of_stream(stream, filter, (), |filter, stream| filter.complete(stream)) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    stream: EnvoyPointer,
    filter: FilterPointer,
    _event: u64,
) {
    unsafe { of_stream(stream, filter, (), |filter, stream| filter.scheduled(stream)) }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_local_reply(
    stream: EnvoyPointer,
    filter: FilterPointer,
    _status: u32,
    details: Buffer<'_>,
    _reset_imminent: bool,
) -> u32 {
    unsafe { of_stream(stream, filter, (), |filter, _| filter.local_reply(text(&details))) }
    CONTINUE
}

/// Runs what the main thread is called for.
fn on_main_thread(then: impl FnOnce() -> Option<(std::sync::Arc<dyn Recipient>, Job)>) {
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

// What Envoy demands, and nothing here uses: a stream asks for nothing by itself.

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_callout_done(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
    _result: u32,
    _headers: *const HeaderPair<'_>,
    _headers_count: usize,
    _chunks: *const Buffer<'_>,
    _chunks_count: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_headers(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
    _headers: *const HeaderPair<'_>,
    _headers_count: usize,
    _end_of_stream: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_data(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
    _chunks: *const Buffer<'_>,
    _chunks_count: usize,
    _end_of_stream: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_trailers(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
    _trailers: *const HeaderPair<'_>,
    _trailers_count: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_complete(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_reset(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
    _id: u64,
    _reason: u32,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    _stream: EnvoyPointer,
    _filter: FilterPointer,
) {
}
