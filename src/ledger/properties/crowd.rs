//! A million descriptors in an hour, at full size: the table stays within its bounds, and nobody escapes a limit by it.

use super::prepared;
use crate::config::{Span, WindowKind};
use crate::ledger::{Account, Ledger, LedgerError, MemoryStore, Window};

const DESCRIPTORS: u64 = 1_000_000;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// 4096 pages of 8 KiB.
const CEILING: usize = 32 * 1024 * 1024;

/// Quotas of one request and of ten model tokens for each descriptor, within an hour.
struct Quotas {
    ledger: Ledger,
    store: MemoryStore,
    requests: Window,
    tokens: Account,
}

impl Quotas {
    fn new() -> Self {
        let ledger = Ledger::new();
        let hour = Window::compile(WindowKind::Sliding, Span::from_seconds(3600)).unwrap();
        Self { store: prepared(&ledger), ledger, requests: hour, tokens: Account::within(hour) }
    }

    /// True where the descriptor has room for one request.
    fn admits_request(&self, descriptor: &[u8], now_ms: u64) -> Result<bool, LedgerError> {
        let counter = self.requests.counter(descriptor);
        self.requests.spend(&self.ledger, &self.store, &counter, 1, 1, now_ms).map(|count| count.admitted)
    }

    /// True where it has room for ten model tokens, which are spent then.
    fn admits_tokens(&self, descriptor: &[u8], now_ms: u64) -> Result<bool, LedgerError> {
        let counter = self.tokens.counter(descriptor);
        let (count, held) = self.tokens.hold(&self.ledger, &self.store, (&counter, 10), 10, now_ms)?;
        let settled = held.map(|held| self.tokens.settle(&self.ledger, &self.store, &held, 10, now_ms));
        match settled {
            // What is spent takes more bytes than what is held. Where a page has no room for it, what was held stays.
            None | Some(Ok(()) | Err(LedgerError::Full)) => Ok(count.admitted),
            Some(Err(error)) => Err(error),
        }
    }

    fn bytes(&self, now_ms: u64) -> usize {
        let pages = self.ledger.pages().map(|page| self.ledger.occupancy(&self.store, page, now_ms).unwrap());
        pages.map(|page| page.bytes).sum()
    }
}

#[test]
fn a_million_descriptors_stay_within_bounds_and_free_nobody() {
    let quotas = Quotas::new();
    assert_eq!(quotas.admits_request(b"victim", 0), Ok(true));
    assert_eq!(quotas.admits_tokens(b"victim", 0), Ok(true));
    let (mut admitted, mut without_room) = (0, 0);
    for number in 0..DESCRIPTORS {
        let (descriptor, now_ms) = (number.to_le_bytes(), number * HOUR_MS / DESCRIPTORS);
        let first = match number % 2 {
            0 => quotas.admits_request(&descriptor, now_ms),
            _ => quotas.admits_tokens(&descriptor, now_ms),
        };
        match first {
            Ok(true) => admitted += 1,
            Err(LedgerError::Full) => without_room += 1,
            other => panic!("{number}: {other:?}"),
        }
        if number % 1000 < 2 {
            let again = match number % 2 {
                0 => quotas.admits_request(&descriptor, now_ms),
                _ => quotas.admits_tokens(&descriptor, now_ms),
            };
            let want = first.map(|_| false);
            assert_eq!(again, want, "{number}: nobody passes twice, with or without a counter");
            assert_eq!(quotas.admits_request(b"victim", now_ms), Ok(false), "after {number}");
            assert_eq!(quotas.admits_tokens(b"victim", now_ms), Ok(false), "after {number}");
        }
    }
    let bytes = quotas.bytes(HOUR_MS);
    println!(
        "{DESCRIPTORS} descriptors: {admitted} counted, {without_room} refused for want of room, {bytes} bytes"
    );
    assert!(bytes <= CEILING, "{bytes}");
    assert!(admitted > 400_000 && without_room > 0, "the table was full: {admitted}, {without_room}");
    // The hour is over, and so are the counters.
    let later = 3 * HOUR_MS;
    assert_eq!(quotas.admits_request(b"victim", later), Ok(true));
    assert_eq!(quotas.admits_tokens(&[0xff; 8], later), Ok(true), "there is room again");
}
