//! What calls Envoy from any thread, so that Envoy calls back on the right one.

use super::callbacks::{Callbacks, Scheduler};

/// Calls the thread of one stream. Where the stream is gone, nothing comes.
pub(in crate::module) struct StreamScheduler(Handle);

/// Calls the main thread. Where the configuration is gone, nothing comes.
pub(in crate::module) struct HouseScheduler(Handle);

struct Handle {
    scheduler: Scheduler,
    callbacks: &'static Callbacks,
}

#[expect(unsafe_code, reason = "Envoy lets any thread commit to a scheduler and delete it")]
unsafe impl Send for Handle {}
#[expect(unsafe_code, reason = "as above, and several at once")]
unsafe impl Sync for Handle {}

impl StreamScheduler {
    pub(super) fn of(scheduler: Scheduler, callbacks: &'static Callbacks) -> Self {
        Self(Handle { scheduler, callbacks })
    }

    pub(in crate::module) fn commit(&self) {
        #[expect(unsafe_code, reason = "it is deleted when this is dropped, and not before")]
        unsafe {
            (self.0.callbacks.http_filter_scheduler_commit)(self.0.scheduler, 0);
        }
    }
}

impl Drop for StreamScheduler {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "deleted once; what was committed still comes")]
        unsafe {
            (self.0.callbacks.http_filter_scheduler_delete)(self.0.scheduler);
        }
    }
}

impl HouseScheduler {
    pub(super) fn of(scheduler: Scheduler, callbacks: &'static Callbacks) -> Self {
        Self(Handle { scheduler, callbacks })
    }

    pub(in crate::module) fn commit(&self) {
        #[expect(unsafe_code, reason = "it is deleted when this is dropped, and not before")]
        unsafe {
            (self.0.callbacks.http_filter_config_scheduler_commit)(self.0.scheduler, 0);
        }
    }
}

impl Drop for HouseScheduler {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "deleted once; what was committed still comes")]
        unsafe {
            (self.0.callbacks.http_filter_config_scheduler_delete)(self.0.scheduler);
        }
    }
}
