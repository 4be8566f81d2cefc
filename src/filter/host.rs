//! Calls of the host that the SDK does not offer as they are needed: its own functions trap where the host refuses, and read
//! header maps into two allocations for each header.
//!
//! They answer by a number, because a host may answer more than the SDK's `Status` has names for.

use proxy_wasm::types::{BufferType, MapType, StreamType};

const OK: u32 = 0;

#[link(wasm_import_module = "env")]
#[expect(unsafe_code, reason = "imports of the host")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(
        kind: BufferType,
        start: usize,
        size: usize,
        data: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_close_stream(stream: StreamType) -> u32;
    fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, size: usize) -> u32;
}

/// The map in the form of the ABI; `None` where there is none.
pub(super) fn header_map(map: MapType) -> Option<Vec<u8>> {
    let (mut data, mut size): (*mut u8, usize) = (std::ptr::null_mut(), 0);
    #[expect(unsafe_code, reason = "the host writes to both places, and to nothing else")]
    let status = unsafe { proxy_get_header_map_pairs(map, &raw mut data, &raw mut size) };
    if status != OK || data.is_null() {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "the SDK's `proxy_on_memory_allocate` made the block as a `Vec` of exactly this capacity"
    )]
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Replaces the first `size` bytes of a body. False where the host does not let it.
pub(super) fn set_buffer(kind: BufferType, size: usize, content: &[u8]) -> bool {
    #[expect(unsafe_code, reason = "the host reads so many bytes there, and writes none")]
    let status = unsafe { proxy_set_buffer_bytes(kind, 0, size, content.as_ptr(), content.len()) };
    status == OK
}

/// Cuts the exchange off, in both directions.
pub(super) fn cut() {
    #[expect(unsafe_code, reason = "it takes a number and touches no memory")]
    let _ = unsafe { proxy_close_stream(StreamType::HttpRequest) };
}

/// A queue of this root, which is called where something is put into it.
pub(super) fn register_queue(name: &str) -> Option<u32> {
    let mut queue = 0;
    #[expect(unsafe_code, reason = "the host reads the name, and writes one number")]
    let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) };
    (status == OK).then_some(queue)
}

/// Puts something without bytes into a queue; false where the host does not take it.
pub(super) fn put_nothing(queue: u32) -> bool {
    #[expect(unsafe_code, reason = "the host reads no bytes")]
    let status = unsafe { proxy_enqueue_shared_queue(queue, std::ptr::null(), 0) };
    status == OK
}
