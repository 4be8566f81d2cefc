//! Another body in place of the one that Envoy holds.

use proxy_wasm::types::{BufferType, Status};

mod host {
    //! The SDK's own function traps where the host refuses.

    use proxy_wasm::types::{BufferType, Status};

    #[link(wasm_import_module = "env")]
    #[expect(unsafe_code, reason = "an import of the host")]
    unsafe extern "C" {
        fn proxy_set_buffer_bytes(
            kind: BufferType,
            start: usize,
            size: usize,
            data: *const u8,
            length: usize,
        ) -> Status;
    }

    pub(super) fn set(kind: BufferType, size: usize, content: &[u8]) -> Status {
        #[expect(unsafe_code, reason = "the host reads so many bytes there, and writes none")]
        unsafe {
            proxy_set_buffer_bytes(kind, 0, size, content.as_ptr(), content.len())
        }
    }
}

/// Replaces the first `size` bytes. False where the host does not let it.
pub(super) fn replace(kind: BufferType, size: usize, content: &[u8]) -> bool {
    host::set(kind, size, content) == Status::Ok
}
