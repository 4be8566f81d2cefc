//! One configuration of Envoy's, for as long as it lives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::buffer::{Buffer, HeaderPair};
use super::callbacks::{Callbacks, Configuration};
use super::scheduler::HouseScheduler;

/// A configuration that Envoy may end, on whichever thread its last stream ends.
pub(in crate::module) struct LivingConfiguration {
    /// `None` once it has ended: Envoy waits with that while somebody holds the lock.
    configuration: Mutex<Option<Pointer>>,
    callbacks: &'static Callbacks,
    scheduler: HouseScheduler,
}

struct Pointer(Configuration);

#[expect(unsafe_code, reason = "it is used under the lock of the struct above alone")]
unsafe impl Send for Pointer {}

/// A configuration that lives at least as long as this.
pub(in crate::module) struct ConfigurationHandle<'a> {
    configuration: &'a Pointer,
    callbacks: &'static Callbacks,
}

/// A family of metrics that was defined.
#[derive(Clone, Copy, Debug)]
pub(in crate::module) struct Defined {
    pub(super) id: usize,
}

/// What Envoy says of a request that it is to send.
const SENT: u32 = 0;

impl LivingConfiguration {
    /// # Safety
    /// Envoy must not have ended it, and must tell of its end by [`Self::end`].
    #[expect(unsafe_code, reason = "a pointer of Envoy's")]
    pub(in crate::module) unsafe fn of(configuration: Configuration, callbacks: &'static Callbacks) -> Self {
        #[expect(unsafe_code, reason = "it has not ended")]
        let scheduler = unsafe { (callbacks.http_filter_config_scheduler_new)(configuration) };
        Self {
            configuration: Mutex::new(Some(Pointer(configuration))),
            callbacks,
            scheduler: HouseScheduler::of(scheduler, callbacks),
        }
    }

    /// Envoy ends it.
    pub(in crate::module) fn end(&self) {
        self.lock().take();
    }

    /// Has Envoy call its main thread; nothing comes where the configuration has ended by then.
    pub(in crate::module) fn call_main_thread(&self) {
        self.scheduler.commit();
    }

    /// `None` where it has ended.
    pub(in crate::module) fn with<T>(&self, act: impl FnOnce(&ConfigurationHandle<'_>) -> T) -> Option<T> {
        let configuration = self.lock();
        let handle =
            ConfigurationHandle { configuration: configuration.as_ref()?, callbacks: self.callbacks };
        Some(act(&handle))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pointer>> {
        self.configuration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConfigurationHandle<'_> {
    /// Defines a family of counters, while the configuration is made.
    pub(in crate::module) fn define_counter(&self, name: &str, labels: &[&str]) -> Option<Defined> {
        self.define(self.callbacks.http_filter_config_define_counter, name, labels)
    }

    /// Defines a family of gauges, while the configuration is made.
    pub(in crate::module) fn define_gauge(&self, name: &str, labels: &[&str]) -> Option<Defined> {
        self.define(self.callbacks.http_filter_config_define_gauge, name, labels)
    }

    fn define(
        &self,
        define: unsafe extern "C" fn(Configuration, Buffer<'_>, *const Buffer<'_>, usize, *mut usize) -> u32,
        name: &str,
        labels: &[&str],
    ) -> Option<Defined> {
        const DEFINED: u32 = 0;
        let labels: Vec<_> = labels.iter().map(|label| Buffer::of(label.as_bytes())).collect();
        let (name, mut id) = (Buffer::of(name.as_bytes()), 0);
        #[expect(unsafe_code, reason = "Envoy copies the texts during the call and writes one number")]
        let outcome =
            unsafe { define(self.configuration.0, name, labels.as_ptr(), labels.len(), &raw mut id) };
        (outcome == DEFINED).then_some(Defined { id })
    }

    /// False where this Envoy counts in streams alone.
    pub(in crate::module) fn counts(&self) -> bool {
        self.callbacks.http_filter_config_increment_counter.is_some()
    }

    pub(in crate::module) fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64) {
        if let Some(increment) = self.callbacks.http_filter_config_increment_counter {
            #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
            unsafe {
                increment(self.configuration.0, metric.id, values.as_ptr(), values.len(), amount);
            }
        }
    }

    pub(in crate::module) fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64) {
        if let Some(set) = self.callbacks.http_filter_config_set_gauge {
            #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
            unsafe {
                set(self.configuration.0, metric.id, values.as_ptr(), values.len(), value);
            }
        }
    }

    /// Sends a request whose whole answer is awaited; on the main thread. Returns its number.
    ///
    /// # Errors
    /// Why Envoy does not take it.
    pub(in crate::module) fn fetch(
        &self,
        cluster: &str,
        headers: &[HeaderPair<'_>],
        body: &[u8],
        timeout_ms: u64,
    ) -> Result<u64, &'static str> {
        let mut id = 0;
        #[expect(unsafe_code, reason = "Envoy copies all of it during the call and writes one number")]
        let outcome = unsafe {
            (self.callbacks.http_filter_config_http_callout)(
                self.configuration.0,
                &raw mut id,
                Buffer::of(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(body),
                timeout_ms,
            )
        };
        sent(outcome).map(|()| id)
    }

    /// Sends a whole request, whose answer comes in parts, trailers too; on the main thread. Returns its number.
    ///
    /// # Errors
    /// Why Envoy does not take it.
    pub(in crate::module) fn stream(
        &self,
        cluster: &str,
        headers: &[HeaderPair<'_>],
        body: &[u8],
        timeout_ms: u64,
    ) -> Result<u64, &'static str> {
        let (mut id, is_whole) = (0, true);
        #[expect(unsafe_code, reason = "Envoy copies all of it during the call and writes one number")]
        let outcome = unsafe {
            (self.callbacks.http_filter_config_start_http_stream)(
                self.configuration.0,
                &raw mut id,
                Buffer::of(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(body),
                is_whole,
                timeout_ms,
            )
        };
        sent(outcome).map(|()| id)
    }
}

fn sent(outcome: u32) -> Result<(), &'static str> {
    match outcome {
        SENT => Ok(()),
        1 => Err("a header is missing"),
        2 => Err("no such cluster"),
        _ => Err("no connection"),
    }
}
