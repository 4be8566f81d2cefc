//! What calls Envoy from any thread, so that Envoy calls back on the right one.

use std::ffi::c_void;

/// A scheduler of Envoy's, and what Envoy does with one of its kind.
type Pointer = *mut c_void;
pub(super) type Commit = unsafe extern "C" fn(Pointer, u64);
pub(super) type Delete = unsafe extern "C" fn(Pointer);

/// Calls the thread of one stream, or the main thread. Where the stream or the configuration is gone, nothing comes.
pub(in crate::module) struct Scheduler {
    pointer: Pointer,
    commit: Commit,
    delete: Delete,
}

#[expect(unsafe_code, reason = "Envoy lets any thread commit to a scheduler and delete it")]
unsafe impl Send for Scheduler {}
#[expect(unsafe_code, reason = "as above, and several at once")]
unsafe impl Sync for Scheduler {}

impl Scheduler {
    /// # Safety
    /// The pointer must be new, and of the kind that both functions are for.
    #[expect(unsafe_code, reason = "a pointer of Envoy's")]
    pub(super) unsafe fn of(pointer: Pointer, commit: Commit, delete: Delete) -> Self {
        Self { pointer, commit, delete }
    }

    pub(in crate::module) fn commit(&self) {
        #[expect(unsafe_code, reason = "it is deleted when this is dropped, and not before")]
        unsafe {
            (self.commit)(self.pointer, 0);
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "deleted once; what was committed still comes")]
        unsafe {
            (self.delete)(self.pointer);
        }
    }
}
