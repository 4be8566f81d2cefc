//! The latest few of something that a caller uses, the last one first; the one not used for longest is forgotten.

/// How many are remembered.
const MOST: usize = 12;
/// Enough to tell apart twelve of a caller's own: it is no secret, and a mistake is a new one that goes unnoticed.
pub(super) type ShortHash = [u8; 4];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RecentlyUsed(Vec<ShortHash>);

impl RecentlyUsed {
    /// Remembers one. True where it was not known.
    pub(super) fn insert(&mut self, one: ShortHash) -> bool {
        let known = self.0.iter().position(|other| *other == one);
        match known {
            Some(place) => {
                self.0.remove(place);
            }
            None => self.0.truncate(MOST.saturating_sub(1)),
        }
        self.0.insert(0, one);
        known.is_none()
    }

    /// One byte with how many there are, then each.
    pub(super) fn encode_into(&self, value: &mut Vec<u8>) {
        value.push(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        self.0.iter().for_each(|one| value.extend(one));
    }

    /// What [`Self::encode_into`] has written, and what follows it.
    pub(super) fn decode(value: &[u8]) -> Option<(Self, &[u8])> {
        let (&count, mut rest) = value.split_first()?;
        let mut known = Vec::with_capacity(MOST);
        for _ in 0..count {
            let (one, others) = rest.split_first_chunk()?;
            known.push(*one);
            rest = others;
        }
        (known.len() <= MOST).then_some((Self(known), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, RecentlyUsed};

    #[test]
    fn the_one_not_used_for_longest_is_forgotten() {
        let mut recently_used = RecentlyUsed::default();
        let name = |number: usize| [u8::try_from(number).unwrap(); 4];
        for number in 0..MOST {
            assert!(recently_used.insert(name(number)), "{number} is new");
        }
        assert!(!recently_used.insert(name(0)), "used again");
        assert!(recently_used.insert(name(99)), "one more than fit");
        assert!(
            !recently_used.insert(name(0)) && recently_used.insert(name(1)),
            "1 was not used for longest"
        );
        assert_eq!(recently_used.0.len(), MOST);
    }

    #[test]
    fn it_reads_what_it_writes_and_nothing_longer() {
        let mut recently_used = RecentlyUsed::default();
        recently_used.insert([1, 2, 3, 4]);
        recently_used.insert([5, 6, 7, 8]);
        let mut value = Vec::new();
        recently_used.encode_into(&mut value);
        assert_eq!(value, [2, 5, 6, 7, 8, 1, 2, 3, 4]);
        value.push(9);
        assert_eq!(RecentlyUsed::decode(&value), Some((recently_used, [9].as_slice())));
        assert_eq!(RecentlyUsed::decode(&value[..8]), None);
        assert_eq!(RecentlyUsed::decode(&[13; 60]), None, "more than there can be");
    }
}
