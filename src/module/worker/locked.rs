//! What one thread at a time may touch, although it counts references without locks.

use parking_lot::Mutex;

/// A value that is reached through its lock alone, with all that it refers to without locks of their own.
pub(super) struct Locked<T>(Mutex<Alone<T>>);

struct Alone<T>(T);

#[expect(
    unsafe_code,
    reason = "whoever makes a `Locked` hands over all references into it that are not safe between threads, and `with` lets none out"
)]
unsafe impl<T> Send for Alone<T> {}

impl<T> Locked<T> {
    /// # Safety
    /// Nothing outside of the value may refer to what is in it by a reference that is not `Send`, now or after [`Self::with`].
    #[expect(unsafe_code, reason = "the caller's promise")]
    pub(super) unsafe fn new(value: T) -> Self {
        Self(Mutex::new(Alone(value)))
    }

    /// A panic in `act` does not keep others out: what it leaves behind must be good enough to refuse by.
    pub(super) fn with<R: Send>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock().0)
    }
}
