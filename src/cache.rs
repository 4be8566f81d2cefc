//! What one worker remembers from one request to the next, so that the same question is not worked out twice.
//!
//! Everything in it can be forgotten at any time and is worked out anew then. It is bounded: what was used least
//! recently goes first, so a flood of new questions costs time, never memory. It hangs on one configuration in one
//! worker and is never shared.
//!
//! # Names
//! A question is remembered under a [`Fingerprint`]: 128 bits of SipHash-2-4 (Aumasson and Bernstein, 2012) under a key
//! that each worker draws for itself. Without the key nobody can aim at the fingerprint of somebody else's question,
//! and a credential cannot be read back from it. In wasm it takes a fraction of the time of SHA-256.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::num::NonZeroUsize;

use lru::LruCache;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// The name of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u128);

impl Fingerprint {
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

/// A fingerprint is a hash already.
impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth, ..] = self.bytes();
        state.write_u64(u64::from_le_bytes([first, second, third, fourth, fifth, sixth, seventh, eighth]));
    }
}

/// Takes the half of a fingerprint as it is.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Fingerprints come as one number; this is for completeness.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Answers, by the names of their questions: each a fingerprint, where need be in a type of its own that says what must be
/// in it.
pub struct Cache<T, N = Fingerprint> {
    keyed: SipHasher24,
    /// `None` where nothing is to be remembered.
    capacity: Option<NonZeroUsize>,
    answers: RefCell<LruCache<N, T, BuildHasherDefault<AsItIs>>>,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

/// How often a question was known, and how often not, since the last time somebody asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    pub hits: u64,
    pub misses: u64,
}

impl<T: Clone, N: Eq + Hash> Cache<T, N> {
    /// Remembers at most `capacity` answers. The key must be random.
    pub fn new(capacity: usize, key: &[u8; 16]) -> Self {
        Self {
            keyed: SipHasher24::new_with_key(key),
            capacity: NonZeroUsize::new(capacity),
            answers: RefCell::new(LruCache::unbounded_with_hasher(BuildHasherDefault::default())),
            hits: Cell::new(0),
            misses: Cell::new(0),
        }
    }

    /// Names what these parts ask together.
    pub fn name(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut hasher = self.keyed;
        for part in parts {
            // The lengths keep `ab`, `c` and `a`, `bc` apart.
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        Fingerprint(hasher.finish128().as_u128())
    }

    /// The answer, where it is remembered and still `holds`; one that does not is forgotten.
    pub fn get(&self, name: N, holds: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut answers = self.answers.borrow_mut();
        let answer = answers.get(&name).map(|answer| holds(answer).then(|| answer.clone()));
        if answer.as_ref().is_some_and(Option::is_none) {
            answers.pop(&name);
        }
        let answer = answer.flatten();
        let uses = if answer.is_some() { &self.hits } else { &self.misses };
        uses.set(uses.get().saturating_add(1));
        answer
    }

    pub fn forget(&self, name: N) {
        self.answers.borrow_mut().pop(&name);
    }

    pub fn put(&self, name: N, answer: T) {
        let Some(capacity) = self.capacity else { return };
        let mut answers = self.answers.borrow_mut();
        if answers.len() >= capacity.get() && !answers.contains(&name) {
            answers.pop_lru();
        }
        answers.put(name, answer);
    }

    /// The answer, worked out anew where it is not remembered or `holds` no more.
    ///
    /// # Errors
    /// As `anew`; then nothing is remembered.
    pub fn get_or<E>(
        &self,
        name: N,
        holds: impl FnOnce(&T) -> bool,
        anew: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        N: Copy,
    {
        if let Some(answer) = self.get(name, holds) {
            return Ok(answer);
        }
        let answer = anew()?;
        self.put(name, answer.clone());
        Ok(answer)
    }

    pub fn capacity(&self) -> usize {
        self.capacity.map_or(0, NonZeroUsize::get)
    }

    pub fn len(&self) -> usize {
        self.answers.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The uses since the last call.
    pub fn take_uses(&self) -> Uses {
        Uses { hits: self.hits.take(), misses: self.misses.take() }
    }
}

/// What is remembered may be somebody's claims.
impl<T, N: Eq + Hash> fmt::Debug for Cache<T, N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").field("answers", &self.answers.borrow().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Uses};

    #[test]
    fn names_tell_questions_apart() {
        let cache: Cache<()> = Cache::new(1, &[7; 16]);
        let name = cache.name(&[b"ab", b"c"]);
        assert_eq!(cache.name(&[b"ab", b"c"]), name, "the same question");
        for (parts, note) in [
            ([b"a".as_slice(), b"bc"], "cut elsewhere"),
            ([b"abc", b""], "joined"),
            ([b"c", b"ab"], "in another order"),
        ] {
            assert_ne!(cache.name(&parts), name, "{note}");
        }
        let other: Cache<()> = Cache::new(1, &[8; 16]);
        assert_ne!(other.name(&[b"ab", b"c"]), name, "under another key");
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::new(2, &[7; 16]);
        let names: Vec<_> = (0..3_u8).map(|number| cache.name(&[&[number]])).collect();
        cache.put(names[0], 0);
        cache.put(names[1], 1);
        assert_eq!(cache.get(names[0], |_| true), Some(0));
        cache.put(names[2], 2);
        assert_eq!(cache.len(), 2, "never more than its capacity");
        let known: Vec<_> = names.iter().map(|name| cache.get(*name, |_| true)).collect();
        assert_eq!(known, [Some(0), None, Some(2)]);
        cache.put(names[2], 3);
        assert_eq!(cache.len(), 2, "an answer that is replaced pushes nobody out");
        assert_eq!(cache.take_uses(), Uses { hits: 3, misses: 1 });
        assert_eq!(cache.take_uses(), Uses { hits: 0, misses: 0 }, "counted once");
    }

    #[test]
    fn what_no_longer_holds_is_forgotten() {
        let cache = Cache::new(2, &[7; 16]);
        let name = cache.name(&[b"token"]);
        cache.put(name, 100);
        assert_eq!(cache.get(name, |expiry| *expiry > 99), Some(100));
        assert_eq!(cache.get(name, |expiry| *expiry > 100), None);
        assert!(cache.is_empty(), "it is gone for good");
        assert_eq!(cache.take_uses(), Uses { hits: 1, misses: 1 });
    }

    #[test]
    fn without_capacity_nothing_is_remembered() {
        let cache = Cache::new(0, &[7; 16]);
        cache.put(cache.name(&[b"a"]), 1);
        assert!(cache.is_empty());
    }
}
