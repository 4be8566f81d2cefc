//! One token: what it is, how long it is good, and when the next one is due.

use sha2::{Digest, Sha256};

use crate::secret::Secret;

const SECOND_MS: u64 = 1000;
/// A token whose answer says nothing of its life.
const UNTOLD_LIFE_MS: u64 = 300 * SECOND_MS;
/// Whatever an answer says, a token is not relied on for longer.
const LONGEST_LIFE_MS: u64 = 24 * 3600 * SECOND_MS;
/// So long before its end a token of a usual life is served no more.
const MARGIN_MS: u64 = 30 * SECOND_MS;
/// A token of a shorter life has a tenth of it as its margin.
const SHORT_LIFE_MS: u64 = 300 * SECOND_MS;
/// A token that lives shorter is got only for who waits.
const TRANSIENT_LIFE_MS: u64 = 10 * SECOND_MS;
/// In parts of a life that has so many: 70 %, and with the largest of chances 80 %.
const EARLIEST: u64 = 1792;
const WHOLE: u64 = 2560;
/// How soon it is asked again at most where the same token came, or the endpoint wants to be asked soon.
const SOONEST_AGAIN_MS: u64 = 30 * SECOND_MS;

/// A token that was got.
#[derive(Clone, Debug)]
pub struct Token {
    value: Secret,
    /// Tells one token from another in records, and nothing of either.
    id: String,
    pub(super) times: Times,
}

/// In milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// When it was asked for: from then on its life is counted.
    pub(super) asked_ms: u64,
    pub(super) due_ms: u64,
    pub(super) expires_ms: u64,
}

/// What an answer says of a token's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) expires_in_s: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) expires_on_s: Option<u64>,
    pub(super) refresh_in_s: Option<u64>,
}

impl Life {
    /// No longer than this, and no longer than until `until_s` (Unix seconds).
    pub(super) fn at_most(self, seconds: u64, until_s: Option<u64>) -> Self {
        let is_told = self.expires_in_s.or(self.expires_on_s).is_some();
        let told_s = if is_told { self.expires_in_s } else { Some(UNTOLD_LIFE_MS / SECOND_MS) };
        Self {
            expires_in_s: Some(told_s.unwrap_or(seconds).min(seconds)),
            expires_on_s: self.expires_on_s.into_iter().chain(until_s).min(),
            refresh_in_s: None,
        }
    }

    fn milliseconds(self, asked_ms: u64) -> u64 {
        let by_length = self.expires_in_s.map(|seconds| seconds.saturating_mul(SECOND_MS));
        let by_clock = self.expires_on_s.map(|on| on.saturating_mul(SECOND_MS).saturating_sub(asked_ms));
        // Azure's machines say the length from when the token was made, which may be long ago.
        let told = [by_length, by_clock].into_iter().flatten().min();
        told.unwrap_or(UNTOLD_LIFE_MS).min(LONGEST_LIFE_MS)
    }
}

impl Times {
    /// `None` where it is over already. The next one is due when 70 to 80 % of the life have passed; `chance` says where
    /// between.
    pub(super) fn of(life: Life, asked_ms: u64, chance: u8) -> Option<Self> {
        let life_ms = Some(life.milliseconds(asked_ms)).filter(|life_ms| *life_ms > 0)?;
        let refresh_ms = life.refresh_in_s.map_or(u64::MAX, |seconds| seconds.saturating_mul(SECOND_MS));
        let due_ms = match life_ms < TRANSIENT_LIFE_MS {
            true => LONGEST_LIFE_MS,
            false => life_ms
                .saturating_mul(EARLIEST.saturating_add(u64::from(chance)))
                .div_euclid(WHOLE)
                .min(refresh_ms.max(SOONEST_AGAIN_MS)),
        };
        Some(Self {
            asked_ms,
            due_ms: asked_ms.saturating_add(due_ms),
            expires_ms: asked_ms.saturating_add(life_ms),
        })
    }

    /// From when on it is served no more.
    pub(super) fn served_until_ms(self) -> u64 {
        let life_ms = self.expires_ms.saturating_sub(self.asked_ms);
        let margin_ms = if life_ms < SHORT_LIFE_MS { life_ms / 10 } else { MARGIN_MS };
        self.expires_ms.saturating_sub(margin_ms)
    }
}

impl Token {
    pub(super) fn new(value: Secret, times: Times) -> Self {
        let digest = Sha256::new().chain_update(b"claimgate token").chain_update(value.expose()).finalize();
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { value, id, times }
    }

    /// One that was got just now, for scripts.
    pub(super) fn assumed(value: &str, now_ms: u64) -> Self {
        let expires_ms = now_ms.saturating_add(UNTOLD_LIFE_MS);
        Self::new(Secret::new(value), Times { asked_ms: now_ms, due_ms: expires_ms, expires_ms })
    }

    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// When it was asked for, in milliseconds since the Unix epoch.
    pub fn asked_ms(&self) -> u64 {
        self.times.asked_ms
    }

    pub fn expires_ms(&self) -> u64 {
        self.times.expires_ms
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_usable(&self, now_ms: u64) -> bool {
        now_ms < self.times.served_until_ms()
    }

    /// The same token came again, as metadata servers give it until shortly before its end, which is no later for that.
    pub(super) fn again(mut self, held: &Self, now_ms: u64) -> Self {
        self.times.expires_ms = self.times.expires_ms.min(held.times.expires_ms);
        let left_ms = self.times.expires_ms.saturating_sub(now_ms);
        self.times.due_ms = now_ms.saturating_add((left_ms / 2).max(SOONEST_AGAIN_MS));
        self
    }
}
