//! Which questions about tokens are sent to their issuers, and when: whoever invents tokens must neither flood an issuer nor
//! keep those from it who have true ones.
//!
//! A token that its issuer has vouched for before is *known*; of any other nobody can say whether it was invented. Strangers'
//! questions are bounded, in all and by the source that they come from; those about known tokens are not, because only an
//! issuer makes a token known. They go first, and a part of the room is kept for them, so that each is sent as soon as one
//! of theirs comes back.
//!
//! It does not send.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::inquiry::Inquiry;

/// How many questions of one worker are under way at once.
const MOST: usize = 256;
/// How many of strangers wait or are under way: what is left is kept for known tokens.
const MOST_OF_STRANGERS: usize = 192;
/// How many of strangers from one address.
const MOST_OF_ADDRESS: usize = 32;
/// How many of strangers where nobody vouches for the address: behind it could be many.
const MOST_OF_CONNECTION: usize = 96;

/// Where a request comes from, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An address that the configuration believes.
    Address(String),
    /// The other end of the connection, which may be a proxy; `None` where not even that is known.
    Connection(Option<String>),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Its issuer has vouched for the token before.
    Known,
    Stranger(Source),
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    Waits,
    /// It has been asked already.
    Asked,
    /// There are too many of strangers.
    Crowded,
}

/// One question and who asks it.
#[derive(Debug)]
pub struct Asked {
    pub inquiry: Inquiry,
    asker: Asker,
}

/// The questions of one worker.
#[derive(Debug, Default)]
pub struct Questions {
    known: VecDeque<Inquiry>,
    strangers: VecDeque<(Inquiry, Source)>,
    /// By token of the call, and when they were sent.
    under_way: HashMap<u32, (Asked, u64)>,
    /// How many of strangers wait or are under way.
    crowd: HashMap<Source, usize>,
}

impl Questions {
    /// Takes a question that a call waits for.
    pub fn admit(&mut self, inquiry: Inquiry, asker: Asker) -> Admitted {
        if self.all().any(|other| other.name == inquiry.name) {
            return Admitted::Asked;
        }
        match asker {
            Asker::Known => self.known.push_back(inquiry),
            Asker::Stranger(source) => {
                let of_source = self.crowd.get(&source).copied().unwrap_or_default();
                let of_all: usize = self.crowd.values().sum();
                if of_source >= source.most() || of_all >= MOST_OF_STRANGERS {
                    return Admitted::Crowded;
                }
                self.crowd.insert(source.clone(), of_source.saturating_add(1));
                self.strangers.push_back((inquiry, source));
            }
        }
        Admitted::Waits
    }

    /// True where nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        !self.is_waiting() && self.under_way.is_empty()
    }

    /// True where a question could be sent now.
    pub fn is_due(&self) -> bool {
        self.is_waiting() && self.under_way.len() < MOST
    }

    /// The next question to send, which is then [`Self::sent`] or [`Self::failed`].
    pub fn pop(&mut self) -> Option<Asked> {
        if self.under_way.len() >= MOST {
            return None;
        }
        let known = self.known.pop_front().map(|inquiry| Asked { inquiry, asker: Asker::Known });
        known.or_else(|| {
            let (inquiry, source) = self.strangers.pop_front()?;
            Some(Asked { inquiry, asker: Asker::Stranger(source) })
        })
    }

    /// Notes that a question went out as the call of this token.
    pub fn sent(&mut self, token: u32, asked: Asked, now_ms: u64) {
        self.under_way.insert(token, (asked, now_ms));
    }

    /// Gives up a question that could not be sent.
    pub fn failed(&mut self, asked: Asked) -> Inquiry {
        self.leave(asked)
    }

    /// Takes out the question of an answer, and when it was sent.
    pub fn answered(&mut self, token: u32) -> Option<(Inquiry, u64)> {
        let (asked, sent_ms) = self.under_way.remove(&token)?;
        Some((self.leave(asked), sent_ms))
    }

    fn leave(&mut self, Asked { inquiry, asker }: Asked) -> Inquiry {
        if let Asker::Stranger(source) = asker
            && let Some(count) = self.crowd.get_mut(&source)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.crowd.remove(&source);
            }
        }
        inquiry
    }

    fn is_waiting(&self) -> bool {
        !self.known.is_empty() || !self.strangers.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = &Inquiry> {
        let waiting = self.known.iter().chain(self.strangers.iter().map(|(inquiry, _)| inquiry));
        waiting.chain(self.under_way.values().map(|(asked, _)| &asked.inquiry))
    }
}

impl Source {
    /// A client has all of a /64 of IPv6.
    pub fn address(address: &str) -> Self {
        Self::Address(network(address))
    }

    pub fn connection(address: Option<&str>) -> Self {
        Self::Connection(address.map(network))
    }

    fn most(&self) -> usize {
        match self {
            Self::Address(_) => MOST_OF_ADDRESS,
            Self::Connection(_) => MOST_OF_CONNECTION,
        }
    }
}

fn network(address: &str) -> String {
    use std::net::{IpAddr, Ipv6Addr};
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let host_bits = u128::from(u64::MAX);
            Ipv6Addr::from_bits(address.to_bits() & !host_bits).to_string()
        }
        Ok(IpAddr::V6(address)) => address.to_canonical().to_string(),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod tests {
    use super::{Admitted, Asker, MOST, Questions, Source};
    use crate::cache::Cache;
    use crate::identity::CredentialName;
    use crate::identity::introspection::inquiry::Inquiry;
    use crate::secret::Secret;

    fn inquiry(token: &str) -> Inquiry {
        let name = CredentialName::of(&Cache::<(), _>::new(0, &[0; 16]), token.as_bytes());
        Inquiry::new(0, name, &Secret::new(token))
    }

    fn stranger(address: &str) -> Asker {
        Asker::Stranger(Source::address(address))
    }

    /// How many of so many questions about other tokens are taken.
    fn taken(questions: &mut Questions, of: &str, count: usize, asker: impl Fn(usize) -> Asker) -> usize {
        let mut ask = |number| questions.admit(inquiry(&format!("{of}-{number}")), asker(number));
        (0..count).filter(|number| ask(*number) == Admitted::Waits).count()
    }

    fn send_all(questions: &mut Questions, first: u32) -> u32 {
        let mut token = first;
        while let Some(asked) = questions.pop() {
            questions.sent(token, asked, 5);
            token += 1;
        }
        token - first
    }

    #[test]
    fn strangers_are_bounded_in_all_and_by_their_source() {
        let each = |number: usize| stranger(&format!("192.0.2.{}", number % 250));
        for (asker, want, note) in [
            (&(|_| stranger("192.0.2.1")) as &dyn Fn(usize) -> Asker, 32, "one address"),
            (&|_| Asker::Stranger(Source::connection(Some("192.0.2.1"))), 96, "one connection's other end"),
            (&|_| Asker::Stranger(Source::connection(None)), 96, "nobody knows where from"),
            (&|number| stranger(&format!("2001:db8::{number:x}")), 32, "one network of IPv6"),
            (
                &|number| stranger(&format!("::ffff:192.0.2.{}", number % 4)),
                128,
                "four addresses of IPv4 in IPv6",
            ),
            (&each, 192, "many addresses"),
            (&|_| Asker::Known, 500, "known tokens are not"),
        ] {
            assert_eq!(taken(&mut Questions::default(), "t", 500, asker), want, "{note}");
        }
    }

    #[test]
    fn known_tokens_find_room_whatever_strangers_ask() {
        let mut questions = Questions::default();
        taken(&mut questions, "guess", 5000, |number| {
            stranger(&format!("10.0.{}.{}", number / 250, number % 250))
        });
        assert_eq!(send_all(&mut questions, 0), 192);
        assert_eq!(taken(&mut questions, "known", 300, |_| Asker::Known), 300, "all of them are taken");
        assert_eq!(send_all(&mut questions, 1000), 64, "as many as are kept for them go at once");
        assert!(!questions.is_due() && !questions.is_empty());
        assert_eq!(taken(&mut questions, "more", 10, |_| stranger("192.0.2.9")), 0);
        for token in 0..32 {
            assert!(questions.answered(token).is_some());
        }
        assert_eq!(
            taken(&mut questions, "more", 10, |_| stranger("192.0.2.9")),
            10,
            "strangers have room again"
        );
        let next = questions.pop().unwrap();
        assert_eq!(next.asker, Asker::Known, "and wait behind known tokens");
        questions.sent(2000, next, 6);
        assert_eq!(send_all(&mut questions, 3000), 31, "{MOST} at once");
    }

    #[test]
    fn one_token_is_asked_about_once_at_a_time() {
        let mut questions = Questions::default();
        for (asker, want, note) in [
            (stranger("192.0.2.1"), Admitted::Waits, "the first"),
            (stranger("192.0.2.2"), Admitted::Asked, "from elsewhere"),
            (Asker::Known, Admitted::Asked, "known by now"),
        ] {
            assert_eq!(questions.admit(inquiry("a"), asker), want, "{note}");
        }
        assert_eq!(send_all(&mut questions, 7), 1);
        assert_eq!(questions.admit(inquiry("a"), Asker::Known), Admitted::Asked, "under way");
        assert_eq!(questions.answered(7).map(|(_, sent_ms)| sent_ms), Some(5));
        assert!(questions.answered(7).is_none() && questions.is_empty(), "once");
        assert_eq!(questions.admit(inquiry("a"), Asker::Known), Admitted::Waits);
        let asked = questions.pop().unwrap();
        questions.failed(asked);
        assert!(questions.is_empty(), "what could not be sent is given up");
    }
}
