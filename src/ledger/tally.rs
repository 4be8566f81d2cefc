//! What was spent in the latest steps of a window, as the value of an entry.
//!
//! ```text
//! value  = newest width count*
//!          newest   8 bytes          the number of the newest step, little endian
//!          width    1 byte           of a count, 1 to 8
//!          count    `width` bytes    little endian, newest step first; older zeros are left off
//! ```
//!
//! It does not know how long a step is.

/// The most steps that count at once.
pub(super) const MOST_STEPS: usize = 13;

/// The counts of the newest step and of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    newest: u64,
    /// By age in steps; the newest stands first.
    counts: [u64; MOST_STEPS],
}

impl Tally {
    pub(super) fn starting_at(step: u64) -> Self {
        Self { newest: step, counts: [0; MOST_STEPS] }
    }

    /// The tally at `step`, with only the latest `counted` steps. A step before the newest one is that of a
    /// worker whose clock is behind: time stays where it was.
    pub(super) fn advanced(&self, step: u64, counted: usize) -> Self {
        let passed = usize::try_from(step.saturating_sub(self.newest)).unwrap_or(usize::MAX);
        let count_at = |age: usize| {
            let before = age.checked_sub(passed).filter(|_| age < counted)?;
            self.counts.get(before).copied()
        };
        Self {
            newest: self.newest.max(step),
            counts: std::array::from_fn(|age| count_at(age).unwrap_or_default()),
        }
    }

    /// The tally with `cost` more in the newest step.
    pub(super) fn plus(&self, cost: u64) -> Self {
        let mut counts = self.counts;
        let [newest, ..] = &mut counts;
        *newest = newest.saturating_add(cost);
        Self { newest: self.newest, counts }
    }

    /// The tally with `cost` less in the newest step, which never falls below 0.
    pub(super) fn minus(&self, cost: u64) -> Self {
        let mut counts = self.counts;
        let [newest, ..] = &mut counts;
        *newest = newest.saturating_sub(cost);
        Self { newest: self.newest, counts }
    }

    /// The tally with `cost` less in `step`, where that still counts; it never falls below 0.
    pub(super) fn minus_at(&self, step: u64, cost: u64) -> Self {
        let age = self.newest.checked_sub(step).and_then(|age| usize::try_from(age).ok());
        let mut counts = self.counts;
        if let Some(count) = age.and_then(|age| counts.get_mut(age)) {
            *count = count.saturating_sub(cost);
        }
        Self { newest: self.newest, counts }
    }

    /// The tally with `cost` less, the oldest steps first; none falls below 0.
    pub(super) fn minus_oldest(&self, mut cost: u64) -> Self {
        let mut counts = self.counts;
        for count in counts.iter_mut().rev() {
            let off = cost.min(*count);
            *count = count.saturating_sub(off);
            cost = cost.saturating_sub(off);
        }
        Self { newest: self.newest, counts }
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    pub(super) fn used(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The steps with something in them and what that is, oldest first.
    pub(super) fn spent(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        let steps: [u64; MOST_STEPS] = std::array::from_fn(|age| self.newest.saturating_sub(age as u64));
        steps.into_iter().zip(self.counts).rev().filter(|(_, count)| *count > 0)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let largest = self.counts.iter().copied().max().unwrap_or_default();
        let width = significant_bytes(largest).max(1);
        let length =
            self.counts.iter().rposition(|count| *count > 0).map_or(0, |last| last.saturating_add(1));
        let mut value = self.newest.to_le_bytes().to_vec();
        value.push(width);
        for count in self.counts.iter().take(length) {
            value.extend(count.to_le_bytes().iter().take(usize::from(width)));
        }
        value
    }

    /// `None` where the value is not one that [`Tally::encode`] writes.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (newest, rest) = value.split_first_chunk()?;
        let (&width, counts) = rest.split_first()?;
        if !(1..=8).contains(&width) {
            return None;
        }
        let chunks = counts.chunks_exact(usize::from(width));
        if chunks.len() > MOST_STEPS || !chunks.remainder().is_empty() {
            return None;
        }
        let mut tally = Self::starting_at(u64::from_le_bytes(*newest));
        for (count, chunk) in tally.counts.iter_mut().zip(chunks) {
            *count = widened(chunk);
        }
        Some(tally)
    }
}

/// Several in one value.
impl Tally {
    /// The tally with what follows it: its length in one byte, itself, and `rest`.
    pub(super) fn encode_before(&self, rest: &[u8]) -> Vec<u8> {
        let tally = self.encode();
        // It takes 113 bytes at most.
        let length = u8::try_from(tally.len()).unwrap_or(u8::MAX);
        [&[length], tally.as_slice(), rest].concat()
    }

    /// The tally that [`Tally::encode_before`] has written, and what follows it.
    pub(super) fn decode_before(value: &[u8]) -> Option<(Self, &[u8])> {
        let (&length, rest) = value.split_first()?;
        let (tally, rest) = rest.split_at_checked(usize::from(length))?;
        Some((Self::decode(tally)?, rest))
    }
}

fn significant_bytes(count: u64) -> u8 {
    let zeros = count.to_be_bytes().iter().take_while(|byte| **byte == 0).count();
    u8::try_from(zeros).map_or(8, |zeros| 8_u8.saturating_sub(zeros))
}

fn widened(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(chunk) {
        *to = *from;
    }
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::{MOST_STEPS, Tally};
    use crate::ledger::MAX_VALUE;

    #[test]
    fn the_format_is_the_documented_one() {
        let tally = Tally::starting_at(7).plus(2).advanced(9, MOST_STEPS).plus(300);
        assert_eq!(tally.encode(), [9, 0, 0, 0, 0, 0, 0, 0, 2, 0x2c, 1, 0, 0, 2, 0]);
        assert_eq!(Tally::decode(&tally.encode()), Some(tally));
    }

    #[test]
    fn the_largest_tally_fits_a_value() {
        let fullest = (0..13).fold(Tally::starting_at(u64::MAX - 13), |tally, _| {
            tally.advanced(tally.newest() + 1, MOST_STEPS).plus(u64::MAX)
        });
        assert_eq!(fullest.encode().len(), 113);
        assert!(fullest.encode().len() <= MAX_VALUE);
        assert_eq!(Tally::decode(&fullest.encode()), Some(fullest));
        assert_eq!(fullest.used(), u64::MAX);
    }

    #[test]
    fn steps_leave_one_by_one_and_time_never_goes_back() {
        let tally = Tally::starting_at(100).plus(5).advanced(101, 13).plus(1);
        for (step, counted, used, note) in [
            (99, 13, 6, "a clock that is behind"),
            (112, 13, 6, "twelve steps later the oldest still counts"),
            (113, 13, 1, "one more step and it left"),
            (114, 13, 0, "all left"),
            (u64::MAX, 13, 0, "much later"),
            (101, 1, 1, "only the newest step counts"),
        ] {
            assert_eq!(tally.advanced(step, counted).used(), used, "{note}");
        }
        assert_eq!(tally.advanced(99, 13).newest(), 101);
        assert_eq!(tally.spent().collect::<Vec<_>>(), [(100, 5), (101, 1)]);
    }

    #[test]
    fn foreign_values_are_refused() {
        let too_many = [[0; 8].as_slice(), &[1], &[1; 14]].concat();
        for (value, note) in [
            (vec![], "no bytes"),
            (vec![0; 8], "no width"),
            (vec![0; 9], "a width of 0"),
            (vec![9; 18], "a width of 9"),
            ([[0; 8].as_slice(), &[2], &[1; 3]].concat(), "half a count"),
            (too_many, "too many counts"),
        ] {
            assert_eq!(Tally::decode(&value), None, "{note}");
        }
    }
}
