//! Who makes an entry, so that the room of each is bounded.

use sha2::{Digest, Sha256};

use super::compose::compose;

/// A caller and its tenant, by whose requests entries come to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    caller: Option<[u8; 8]>,
    tenant: Option<[u8; 8]>,
}

/// How a page names the owner of an entry; zeros are nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Marks {
    pub(in crate::ledger) caller: [u8; 4],
    pub(in crate::ledger) tenant: [u8; 4],
}

/// Of which mark a page holds how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Room {
    pub(in crate::ledger) caller: usize,
    pub(in crate::ledger) tenant: usize,
}

impl Owner {
    /// The gateway itself: what it makes is bounded by its configuration.
    pub const NOBODY: Self = Self { caller: None, tenant: None };

    /// The caller that these parts name together.
    pub fn of(caller: &[&[u8]], tenant: Option<&str>) -> Self {
        let tenant = tenant.map(|tenant| name(tenant.as_bytes()));
        Self { caller: Some(name(&compose(caller))), tenant }
    }

    pub(in crate::ledger) fn marks(self, mark: impl Fn(&[u8; 8]) -> [u8; 4]) -> Marks {
        let mark = |name: Option<[u8; 8]>| match name.map(|name| mark(&name)) {
            None => [0; 4],
            // That would be nobody's.
            Some([0, 0, 0, 0]) => [1; 4],
            Some(mark) => mark,
        };
        Marks { caller: mark(self.caller), tenant: mark(self.tenant) }
    }
}

fn name(text: &[u8]) -> [u8; 8] {
    let digest = Sha256::digest(text);
    let mut name = [0; 8];
    for (to, from) in name.iter_mut().zip(digest) {
        *to = from;
    }
    name
}
