//! What workers know of a provider's several keys: which of them rest, and which are left out.
//!
//! It lies in the memory that all workers share, and both halves of the gateway read it there at each request. Of two that write at
//! once one is lost, and learned again from the next answer to that key.

use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use super::host::{House, Level};
use super::metrics::{MemberEvent, count_member, tell_member};
use crate::credentials::{Credentials, Picked, Pool, PoolIndex, PoolState, Rests, Spell};

/// The pools of one configuration in one worker.
#[derive(Default)]
pub(super) struct Pools(RefCell<HashMap<PoolIndex, Seen>>);

/// One pool, and the version of the shared memory that it was read from.
#[derive(Default)]
struct Seen {
    state: PoolState,
    version: u32,
}

impl Pools {
    /// Tells the operator of keys that are not there, since the others serve on without them.
    pub(super) fn open(house: &dyn House, credentials: &Credentials) -> Self {
        for (_, pool) in credentials.pools().filter(|(_, pool)| !pool.missing().is_empty()) {
            let (id, missing) = (pool.id(), pool.missing().join("`, `"));
            house.log(
                Level::Warning,
                &format!("credentials `{id}`: the environment of Envoy lacks `{missing}`"),
            );
        }
        Self::default()
    }

    /// What is known now.
    pub(super) fn state(&self, house: &dyn House, credentials: &Credentials, index: PoolIndex) -> PoolState {
        let mut seen = self.0.borrow_mut();
        let seen = seen.entry(index).or_default();
        if let Some((bytes, version)) =
            credentials.pool(index).and_then(|pool| house.document(pool.rests_key()))
            && version != seen.version
        {
            seen.state.rests = Rc::new(Rests::read(&bytes));
            seen.version = version;
        }
        seen.state.clone()
    }

    /// A key goes to the provider.
    pub(super) fn goes_on(&self, house: &dyn House, credentials: &Credentials, picked: &Picked) {
        let Some(pool) = credentials.pool(picked.pool) else { return };
        let mut seen = self.0.borrow_mut();
        let state = &mut seen.entry(picked.pool).or_default().state;
        state.turn = state.turn.wrapping_add(1);
        count_member(house, pool.id(), picked.member.name(), MemberEvent::Used);
    }

    /// A key has got an answer that keeps it from serving for a while.
    pub(super) fn keep_back(
        &self,
        house: &dyn House,
        credentials: &Credentials,
        (picked, spell): (&Picked, Spell),
    ) {
        let Some(pool) = credentials.pool(picked.pool) else { return };
        let (name, now_ms) = (picked.member.name(), house.now_ms());
        let before = self.state(house, credentials, picked.pool).rests;
        let counted = match spell {
            Spell::Rest { .. } => MemberEvent::Rested,
            Spell::Out { for_ms } => {
                if !picked.is_out(&before, now_ms) {
                    house.log(Level::Warning, &left_out(pool, name, for_ms));
                }
                MemberEvent::Refused
            }
        };
        count_member(house, pool.id(), name, counted);
        let after = picked.after(spell, &before, now_ms);
        if after != *before {
            house.replace_document(pool.rests_key(), &after.write());
        }
    }

    /// Nobody tells how the keys stand from now on; a configuration with the same pool tells it anew.
    pub(super) fn close(&self, house: &dyn House, credentials: &Credentials) {
        credentials.pools().for_each(|(_, pool)| tell(house, pool, &Rests::default(), 0));
    }

    /// Tells how the keys stand; every worker tells the same.
    pub(super) fn tick(&self, house: &dyn House, credentials: &Credentials, now_ms: u64) {
        for (index, pool) in credentials.pools() {
            tell(house, pool, &self.state(house, credentials, index).rests, now_ms);
        }
    }
}

fn tell(house: &dyn House, pool: &Pool, rests: &Rests, now_ms: u64) {
    for member in pool.members() {
        tell_member(house, pool.id(), member.name(), (rests, now_ms));
    }
}

fn left_out(pool: &Pool, name: &str, for_ms: u64) -> String {
    let seconds = for_ms.div_ceil(1000);
    format!(
        "credentials `{}`: the provider refuses the key in `{name}`; it is left out of such requests for {seconds} s",
        pool.id()
    )
}
