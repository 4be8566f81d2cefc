//! Calls the root once what Envoy is doing just now is over: as soon as the requests that came together have been looked at.
//!
//! A tick comes a millisecond later at best. A queue of the host calls at once, but from Envoy's loop: it has no other use here, and
//! what stands in it is nothing.

use std::cell::OnceCell;

use super::clock::Dice;

mod host {
    //! The SDK's own functions trap where the host has no queues, and its `Status` does not have all that a host may answer.

    const OK: u32 = 0;

    #[link(wasm_import_module = "env")]
    #[expect(unsafe_code, reason = "imports of the host")]
    unsafe extern "C" {
        fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
        fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, size: usize) -> u32;
    }

    /// A queue of this root, which is called where something is put into it.
    pub(super) fn register(name: &str) -> Option<u32> {
        let mut queue = 0;
        #[expect(unsafe_code, reason = "the host reads the name, and writes one number")]
        let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) };
        (status == OK).then_some(queue)
    }

    pub(super) fn put_nothing(queue: u32) -> bool {
        #[expect(unsafe_code, reason = "the host reads no bytes")]
        let status = unsafe { proxy_enqueue_shared_queue(queue, std::ptr::null(), 0) };
        status == OK
    }
}

/// The bell of one root in one worker.
#[derive(Default)]
pub(super) struct Bell {
    queue: OnceCell<Option<u32>>,
}

impl Bell {
    /// Has `on_queue_ready` of the root called soon; false where the host cannot.
    pub(super) fn ring(&self, dice: &Dice) -> bool {
        // All workers and configurations share the names of queues.
        let name = || format!("claimgate.{:032x}", u128::from_le_bytes(dice.roll()));
        self.queue.get_or_init(|| host::register(&name())).is_some_and(host::put_nothing)
    }
}
