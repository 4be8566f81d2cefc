//! Random bytes for ids, fetched from the host for many requests at once.

use std::cell::RefCell;

use super::house::House;
use crate::request::Moment;

/// What is left of the last fetch.
#[derive(Default)]
pub(in crate::lifecycle) struct Entropy {
    left: RefCell<Vec<[u8; 16]>>,
}

impl Entropy {
    pub(in crate::lifecycle) fn draw(&self, house: &dyn House) -> [u8; 16] {
        const DRAWS: usize = 64;
        let mut left = self.left.borrow_mut();
        if left.is_empty() {
            let mut bytes = [0; 16 * DRAWS];
            // Ids need to be unlikely to repeat, not to be secret: without entropy the clock must do.
            if !house.fill(&mut bytes) {
                let now = house.now_ms().to_le_bytes();
                return std::array::from_fn(|index| now.get(index).copied().unwrap_or_default());
            }
            let (draws, _) = bytes.as_chunks();
            left.extend(draws);
        }
        left.pop().unwrap_or_default()
    }

    pub(in crate::lifecycle) fn moment(&self, house: &dyn House) -> Moment {
        Moment { unix_ms: house.now_ms(), entropy: self.draw(house) }
    }
}

/// Bytes that nobody can guess; `None` where the host has no randomness.
pub(in crate::lifecycle) fn random_key(house: &dyn House) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    house.fill(&mut key).then_some(key)
}
