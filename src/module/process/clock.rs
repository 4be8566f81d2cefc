//! The thread that tells workers the time: Envoy has no timers for modules that are filters.

use std::sync::Weak;
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};

use super::job::{Job, Recipient};
use super::main_thread::MainThread;

/// When each worker has its next tick.
#[derive(Default)]
pub(in crate::module) struct Clock {
    ticks: Mutex<Ticks>,
    changed: Condvar,
}

#[derive(Default)]
struct Ticks {
    by_worker: HashMap<u64, Tick>,
    /// When the main thread is to be called for something else.
    reminder: Option<Instant>,
    is_running: bool,
}

struct Tick {
    worker: Weak<dyn Recipient>,
    period: Duration,
    next: Instant,
    /// It is on its way, and no other one follows before it has come.
    is_due: bool,
}

impl Clock {
    /// The next tick of a worker comes in so long, and again each time it has passed.
    pub(in crate::module) fn set(
        &'static self,
        main_thread: &'static MainThread,
        (number, worker): (u64, &Weak<dyn Recipient>),
        period: Duration,
    ) {
        let mut ticks = self.ticks.lock();
        let next = Instant::now().checked_add(period).unwrap_or_else(Instant::now);
        let is_due = ticks.by_worker.get(&number).is_some_and(|tick| tick.is_due);
        ticks.by_worker.insert(number, Tick { worker: Weak::clone(worker), period, next, is_due });
        self.start(&mut ticks, main_thread);
    }

    /// The main thread is called in so long.
    pub(in crate::module) fn remind_in(&'static self, main_thread: &'static MainThread, period: Duration) {
        let mut ticks = self.ticks.lock();
        ticks.reminder = Instant::now().checked_add(period);
        self.start(&mut ticks, main_thread);
    }

    fn start(&'static self, ticks: &mut Ticks, main_thread: &'static MainThread) {
        if !ticks.is_running {
            let run = move || self.run(main_thread);
            ticks.is_running = thread::Builder::new().name("claimgate-clock".to_owned()).spawn(run).is_ok();
        }
        self.changed.notify_one();
    }

    /// A worker is gone.
    pub(in crate::module) fn forget(&self, number: u64) {
        self.ticks.lock().by_worker.remove(&number);
    }

    /// The tick of a worker has come.
    pub(in crate::module) fn has_ticked(&self, number: u64) {
        if let Some(tick) = self.ticks.lock().by_worker.get_mut(&number) {
            tick.is_due = false;
        }
        self.changed.notify_one();
    }

    fn run(&self, main_thread: &MainThread) {
        let mut ticks = self.ticks.lock();
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            for tick in ticks.by_worker.values_mut().filter(|tick| !tick.is_due && tick.next <= now) {
                tick.next = now.checked_add(tick.period).unwrap_or(now);
                // One that is being made has no ticks yet.
                let worker = tick.worker.upgrade();
                tick.is_due = worker.is_some();
                due.extend(worker);
            }
            let is_reminded = ticks.reminder.is_some_and(|at| at <= now);
            if is_reminded {
                ticks.reminder = None;
            }
            if is_reminded || !due.is_empty() {
                drop(ticks);
                if is_reminded {
                    main_thread.remind();
                }
                for worker in due {
                    main_thread.post(worker, Job::Tick);
                }
                ticks = self.ticks.lock();
                continue;
            }
            let waiting = ticks.by_worker.values().filter(|tick| !tick.is_due);
            match waiting.map(|tick| tick.next).chain(ticks.reminder).min() {
                Some(next) => {
                    self.changed.wait_until(&mut ticks, next);
                }
                None => self.changed.wait(&mut ticks),
            }
        }
    }
}
