//! Several keys of one provider, one of which goes on with each request.
//!
//! Which one is decided anew for each request, and where Envoy's retry comes by the filter on the cluster, for each attempt. A key
//! whose rate is used up rests for that model alone. One that the provider has refused is left out of that operation, first for that
//! caller, and for all once a second one has been refused: providers refuse a good key, too, where a caller asks for what it must not do.

mod member;
mod rests;
mod ticket;

use std::rc::Rc;
use std::sync::Arc;

pub use member::Member;
pub use rests::Rests;
use rests::{KeptFrom, Standing};
pub use ticket::Ticket;
use ticket::hash;

use super::answer::retry_after;
use super::choice::PoolIndex;
use super::refusal::refuses_credential;
use super::word::read_word;
use crate::config::{self, ConfigError, MemberChoice, SecretSource};
use crate::denial::{Denial, Reason};
use crate::request::{Headers, Moment};
use crate::secret::{Environment, Secret};

const MOST_MEMBERS: usize = 32;
const MOST_WEIGHT: u32 = 100;
const PROXY_AUTHENTICATION_REQUIRED: u32 = 407;
const TOO_MANY_REQUESTS: u32 = 429;
/// The statuses that an operator may add to 401. Any other one is about the request.
const MAY_BE_ABOUT_A_KEY: [u32; 2] = [402, 403];
/// A key is kept from serving no shorter and no longer, whatever the provider wishes.
const SHORTEST_REST_MS: u64 = 1000;
const LONGEST_REST_MS: u64 = 3_600_000;

/// Several keys of one provider.
#[derive(Debug)]
pub struct Pool {
    id: String,
    rests_key: String,
    choice: MemberChoice,
    /// Those that are there.
    members: Vec<Arc<Member>>,
    /// The variables that the environment lacks.
    missing: Vec<String>,
    /// The members in turn, each as often as its weight says.
    turns: Vec<usize>,
    rest_ms: u64,
    out_ms: u64,
    out_on: Vec<u32>,
    is_one_account: bool,
}

/// The key that goes on with one attempt, and what an answer is about.
#[derive(Clone, Debug)]
pub struct Picked {
    pub pool: PoolIndex,
    pub member: Arc<Member>,
    ticket: Ticket,
}

/// What one worker knows of a pool.
#[derive(Clone, Debug, Default)]
pub struct PoolState {
    pub rests: Rc<Rests>,
    /// How many requests have gone on with a key of it.
    pub turn: usize,
}

/// No key serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// The environment has none.
    Missing,
    /// The provider has refused all; the first may serve again at `retry_ms`, in milliseconds since the Unix epoch.
    Refused { retry_ms: u64 },
}

/// What an answer means for the key that it came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spell {
    Rest { for_ms: u64 },
    Out { for_ms: u64 },
}

impl Pool {
    pub(super) const KIND: &str = "pool";

    pub(super) fn compile(
        id: &str,
        pool: &config::Pool,
        at: &str,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let error = |field: &str, why: String| Err(ConfigError::new(format!("{at}.{field}"), why));
        match pool.members.len() {
            2..=MOST_MEMBERS => {}
            count => {
                let why = format!(
                    "there are {count}; name 2 to {MOST_MEMBERS} keys, or write `credential: {{env: NAME}}` for one"
                );
                return error("members", why);
            }
        }
        if let Some(status) = pool.out_on.iter().find(|status| !MAY_BE_ABOUT_A_KEY.contains(status)) {
            let why = format!(
                "{status} says nothing of a key; 402 and 403 may, and 401 and 429 are seen to anyway"
            );
            return error("out_on", why);
        }
        for (field, span) in [("rest", pool.rest), ("out", pool.out)] {
            if !(SHORTEST_REST_MS..=LONGEST_REST_MS).contains(&span.milliseconds()) {
                return error(field, format!("`{span}` is not from 1s to 1h"));
            }
        }
        let (mut members, mut missing): (Vec<Arc<Member>>, Vec<String>) = (Vec::new(), Vec::new());
        for (index, member) in pool.members.iter().enumerate() {
            let (name, at) = (&member.env, format!("{at}.members[{index}]"));
            if pool.members.iter().take(index).any(|other| other.env == *name) {
                let why = format!("`{}` is named twice", name.escape_debug());
                return Err(ConfigError::new(format!("{at}.env"), why));
            }
            if !(1..=MOST_WEIGHT).contains(&member.weight) {
                let why = format!("{} is no weight; write a number from 1 to {MOST_WEIGHT}", member.weight);
                return Err(ConfigError::new(format!("{at}.weight"), why));
            }
            let Some(secret) =
                read_word(&SecretSource::Env(name.clone()), &format!("{at}.env"), environment)?
            else {
                missing.push(name.clone());
                continue;
            };
            if let Some(other) = members.iter().find(|other| other.secret == secret) {
                let why = format!("`{name}` holds the same key as `{}`", other.name);
                return Err(ConfigError::new(format!("{at}.env"), why));
            }
            members.push(Arc::new(Member { name: name.clone(), weight: member.weight, secret }));
        }
        Ok(Self {
            id: id.to_owned(),
            rests_key: format!("claimgate.pool.{id}"),
            choice: pool.choose,
            turns: turns(&members),
            members,
            missing,
            rest_ms: pool.rest.milliseconds(),
            out_ms: pool.out.milliseconds(),
            out_on: pool.out_on.clone(),
            is_one_account: pool.same_account,
        })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Those that are there.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The variables that the environment lacks.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Where its [`Rests`] lie.
    pub fn rests_key(&self) -> &str {
        &self.rests_key
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = Secret> {
        self.members.iter().map(|member| member.secret.clone())
    }

    pub(super) fn is_one_account(&self) -> bool {
        self.is_one_account
    }

    /// The key for one attempt: of those that serve, by the pool's choice; where all rest, the one that is back first, since what
    /// the provider says then says more than anything of ours.
    ///
    /// # Errors
    /// All that are there are left out.
    pub fn pick(
        &self,
        index: PoolIndex,
        ticket: Ticket,
        state: &PoolState,
        moment: &Moment,
    ) -> Result<Picked, Exhausted> {
        let standing = |member: &Member| state.rests.standing(&member.name, ticket, moment.unix_ms);
        let serves = |member: &&Arc<Member>| standing(member) == Standing::Serves;
        let best_for = |seed: u64| {
            let score = |member: &Member| score(seed, member);
            self.members.iter().filter(serves).max_by(|one, other| score(one).total_cmp(&score(other)))
        };
        let serving = match self.choice {
            MemberChoice::Hash => best_for(ticket.caller),
            MemberChoice::Weighted => best_for(hash(&[&moment.entropy])),
            MemberChoice::RoundRobin => {
                // Of the turns of those that serve, so that each takes its part of what a resting one leaves.
                let turns = || self.turns.iter().filter_map(|index| self.members.get(*index)).filter(serves);
                turns().nth(state.turn.checked_rem(turns().count()).unwrap_or_default())
            }
        };
        let back_first = || {
            let resting = self.members.iter().filter_map(|member| match standing(member) {
                Standing::Rests { until_ms } => Some((until_ms, member)),
                Standing::Serves | Standing::IsOut { .. } => None,
            });
            resting.min_by_key(|(until_ms, _)| *until_ms).map(|(_, member)| member)
        };
        let member = serving.or_else(back_first).ok_or_else(|| {
            let until_ms = self.members.iter().filter_map(|member| match standing(member) {
                Standing::IsOut { until_ms } => Some(until_ms),
                Standing::Serves | Standing::Rests { .. } => None,
            });
            until_ms.min().map_or(Exhausted::Missing, |retry_ms| Exhausted::Refused { retry_ms })
        })?;
        Ok(Picked { pool: index, member: Arc::clone(member), ticket })
    }

    /// What the provider's answer means for the key; `None` where it goes on serving.
    pub fn spell(&self, status: u32, headers: &Headers) -> Option<Spell> {
        if status == TOO_MANY_REQUESTS {
            let wish_ms = retry_after::milliseconds(headers).unwrap_or(self.rest_ms);
            return Some(Spell::Rest { for_ms: wish_ms.clamp(SHORTEST_REST_MS, LONGEST_REST_MS) });
        }
        // 407 is about a proxy on the way.
        let is_refused = refuses_credential(status, headers) && status != PROXY_AUTHENTICATION_REQUIRED;
        (is_refused || self.out_on.contains(&status)).then_some(Spell::Out { for_ms: self.out_ms })
    }
}

impl Exhausted {
    pub fn denial(self, pool: &Pool, now_ms: u64) -> Denial {
        let id = pool.id();
        match self {
            Self::Missing => Denial::new(Reason::ProviderCredentialMissing)
                .with_note(format!("the environment of Envoy has no key of credentials `{id}`")),
            Self::Refused { retry_ms } => Denial::new(Reason::UpstreamPoolExhausted)
                .with_note(format!("credentials `{id}`: the provider refuses every key for this operation"))
                .retry_after(retry_ms.saturating_sub(now_ms).div_ceil(1000).max(1)),
        }
    }
}

impl Picked {
    /// What it was chosen by.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// True where this key is left out already for what was asked.
    pub fn is_out(&self, rests: &Rests, now_ms: u64) -> bool {
        matches!(rests.standing(&self.member.name, self.ticket, now_ms), Standing::IsOut { .. })
    }

    /// What is known of the pool once its key has got this.
    pub fn after(&self, spell: Spell, rests: &Rests, now_ms: u64) -> Rests {
        let (kept_from, for_ms) = match spell {
            Spell::Rest { for_ms } => (KeptFrom::Model(self.ticket.model), for_ms),
            Spell::Out { for_ms } => (rests.refused(&self.member.name, self.ticket, now_ms), for_ms),
        };
        rests.with(&self.member.name, kept_from, now_ms.saturating_add(for_ms), now_ms)
    }
}

/// Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): where a key goes, only those who had it choose anew.
fn score(seed: u64, member: &Member) -> f64 {
    let hash = hash(&[&seed.to_le_bytes(), member.name.as_bytes()]);
    // Between 0 and 1, and neither.
    let chance = ((hash >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    f64::from(member.weight) / -chance.ln()
}

/// Each member as often as its weight says, spread evenly.
fn turns(members: &[Arc<Member>]) -> Vec<usize> {
    let places = members.iter().enumerate().flat_map(|(index, member)| {
        let weight = f64::from(member.weight);
        (0..member.weight).map(move |turn| ((f64::from(turn) + 0.5) / weight, index))
    });
    let mut places: Vec<(f64, usize)> = places.collect();
    places.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    places.into_iter().map(|(_, index)| index).collect()
}
