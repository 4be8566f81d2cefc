//! One configuration of Envoy's, for as long as it lives.

use parking_lot::Mutex;

use super::buffer::{Buffer, HeaderPair};
use super::callbacks::{Callbacks, Configuration};
use super::scheduler::Scheduler;
use super::teller::{Defined, Teller};

/// A configuration that Envoy may end, on whichever thread its last stream ends.
pub(in crate::module) struct LivingConfiguration {
    /// `None` once it has ended: Envoy waits with that while somebody holds the lock.
    configuration: Mutex<Option<Pointer>>,
    callbacks: &'static Callbacks,
    scheduler: Scheduler,
}

struct Pointer(Configuration);

#[expect(unsafe_code, reason = "it is used under the lock of the struct above alone")]
unsafe impl Send for Pointer {}

/// A configuration that lives at least as long as this.
pub(in crate::module) struct ConfigurationHandle<'a> {
    configuration: &'a Pointer,
    callbacks: &'static Callbacks,
}

/// A request of our own.
#[derive(Clone, Copy)]
pub(in crate::module) struct OwnRequest<'a> {
    pub(in crate::module) cluster: &'a str,
    pub(in crate::module) headers: &'a [HeaderPair<'a>],
    pub(in crate::module) body: &'a [u8],
    pub(in crate::module) timeout_ms: u64,
}

/// What Envoy says of a request that it is to send.
const SENT: u32 = 0;

impl LivingConfiguration {
    /// # Safety
    /// Envoy must not have ended it, and must tell of its end by [`Self::end`].
    #[expect(unsafe_code, reason = "a pointer of Envoy's")]
    pub(in crate::module) unsafe fn of(configuration: Configuration, callbacks: &'static Callbacks) -> Self {
        let Callbacks { http_filter_config_scheduler_commit, http_filter_config_scheduler_delete, .. } =
            callbacks;
        #[expect(
            unsafe_code,
            reason = "it has not ended; with what is done to a scheduler of a configuration"
        )]
        let scheduler = unsafe {
            let pointer = (callbacks.http_filter_config_scheduler_new)(configuration);
            Scheduler::of(pointer, *http_filter_config_scheduler_commit, *http_filter_config_scheduler_delete)
        };
        Self { configuration: Mutex::new(Some(Pointer(configuration))), callbacks, scheduler }
    }

    /// Envoy ends it.
    pub(in crate::module) fn end(&self) {
        self.configuration.lock().take();
    }

    /// Has Envoy call its main thread; nothing comes where the configuration has ended by then.
    pub(in crate::module) fn call_main_thread(&self) {
        self.scheduler.commit();
    }

    /// `None` where it has ended.
    pub(in crate::module) fn with<T>(&self, act: impl FnOnce(&ConfigurationHandle<'_>) -> T) -> Option<T> {
        let configuration = self.configuration.lock();
        let handle =
            ConfigurationHandle { configuration: configuration.as_ref()?, callbacks: self.callbacks };
        Some(act(&handle))
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

    /// Sends a request whose whole answer is awaited; on the main thread. Returns its number.
    ///
    /// # Errors
    /// Why Envoy does not take it.
    pub(in crate::module) fn fetch(&self, request: &OwnRequest<'_>) -> Result<u64, &'static str> {
        let OwnRequest { cluster, headers, body, timeout_ms } = *request;
        #[expect(unsafe_code, reason = "Envoy copies all of it during the call and writes one number")]
        sent(|id| unsafe {
            (self.callbacks.http_filter_config_http_callout)(
                self.configuration.0,
                id,
                Buffer::of(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(body),
                timeout_ms,
            )
        })
    }

    /// Sends a whole request, whose answer comes in parts, trailers too; on the main thread. Returns its number.
    ///
    /// # Errors
    /// Why Envoy does not take it.
    pub(in crate::module) fn stream(&self, request: &OwnRequest<'_>) -> Result<u64, &'static str> {
        const IS_WHOLE: bool = true;
        let OwnRequest { cluster, headers, body, timeout_ms } = *request;
        #[expect(unsafe_code, reason = "Envoy copies all of it during the call and writes one number")]
        sent(|id| unsafe {
            (self.callbacks.http_filter_config_start_http_stream)(
                self.configuration.0,
                id,
                Buffer::of(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                Buffer::of(body),
                IS_WHOLE,
                timeout_ms,
            )
        })
    }
}

impl Teller for ConfigurationHandle<'_> {
    fn count(&self, metric: Defined, values: &[Buffer<'_>], amount: u64) {
        if let Some(increment) = self.callbacks.http_filter_config_increment_counter {
            #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
            unsafe {
                increment(self.configuration.0, metric.id, values.as_ptr(), values.len(), amount);
            }
        }
    }

    fn set_gauge(&self, metric: Defined, values: &[Buffer<'_>], value: u64) {
        if let Some(set) = self.callbacks.http_filter_config_set_gauge {
            #[expect(unsafe_code, reason = "Envoy reads the values during the call")]
            unsafe {
                set(self.configuration.0, metric.id, values.as_ptr(), values.len(), value);
            }
        }
    }
}

fn sent(send: impl FnOnce(*mut u64) -> u32) -> Result<u64, &'static str> {
    let mut id = 0;
    match send(&raw mut id) {
        SENT => Ok(id),
        1 => Err("a header is missing"),
        2 => Err("no such cluster"),
        _ => Err("no connection"),
    }
}
