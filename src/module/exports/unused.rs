//! The hooks that Envoy demands, and nothing here uses: a stream asks for nothing by itself.

#![expect(unsafe_code, reason = "names and pointers as Envoy's interface has them")]

use super::{EnvoyPointer, FilterPointer};
use crate::module::abi::{Buffer, HeaderPair};

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
