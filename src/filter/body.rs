//! The body that Envoy holds, and another one in its place.

use std::cell::OnceCell;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, Status};

use crate::gateway::Content;

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

/// So many bytes of a request's body in Envoy's buffer: copied by the first that reads them, and not for longer than a walk.
pub(super) struct InBuffer {
    length: usize,
    copy: OnceCell<Option<Vec<u8>>>,
}

impl InBuffer {
    pub(super) fn of(length: usize) -> Self {
        Self { length, copy: OnceCell::new() }
    }
}

impl Content for InBuffer {
    fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self) -> Option<&[u8]> {
        let copy = || match self.length {
            0 => Some(Vec::new()),
            length => hostcalls::get_buffer(BufferType::HttpRequestBody, 0, length).ok().flatten(),
        };
        self.copy.get_or_init(copy).as_deref()
    }
}

/// Replaces the first `size` bytes. False where the host does not let it.
pub(super) fn replace(kind: BufferType, size: usize, content: &[u8]) -> bool {
    host::set(kind, size, content) == Status::Ok
}
