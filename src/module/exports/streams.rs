//! The hooks of one stream, on its thread.

#![expect(unsafe_code, reason = "names and pointers as Envoy's interface has them")]

use std::ptr;

use super::{EnvoyPointer, FilterPointer, GatePointer, guarded};
use crate::lifecycle::Next;
use crate::module::abi::{Buffer, StreamHandle, callbacks, text};
use crate::module::filter::{Fate, Filter};

/// What hooks of headers and trailers return.
const CONTINUE: u32 = 0;
const STOP_ITERATION: u32 = 1;
/// What hooks of bodies return.
const STOP_ITERATION_AND_BUFFER: u32 = 1;
const STOP_ITERATION_NO_BUFFER: u32 = 3;

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
