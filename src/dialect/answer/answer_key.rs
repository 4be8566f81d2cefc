//! What is read at the keys of an answer.

use super::figures::Figure;

/// A key of an answer that is read, or leads to one.
#[derive(Debug)]
pub struct AnswerKey {
    pub name: &'static str,
    pub holds: Holds,
    pub below: Keys,
}

/// The keys of one object.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    all: &'static [AnswerKey],
    /// The marks of all their names, one bit each: most keys of an answer lead nowhere, and their mark is not there either.
    marks: u64,
}

impl AnswerKey {
    /// Any key that nobody asks for.
    pub const UNREAD: Self = leads("", &[]);
}

impl Keys {
    const fn of(all: &'static [AnswerKey]) -> Self {
        let (mut marks, mut rest) = (0, all);
        while let [key, others @ ..] = rest {
            marks |= mark(key.name.as_bytes());
            rest = others;
        }
        Self { all, marks }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[cfg(test)]
    pub(in crate::dialect) fn all(&self) -> &'static [AnswerKey] {
        self.all
    }

    /// The key of this name.
    pub fn find(&self, name: &[u8]) -> Option<&'static AnswerKey> {
        if self.marks & mark(name) == 0 {
            return None;
        }
        self.all.iter().find(|key| key.name.as_bytes() == name)
    }
}

/// One bit, by the length and both ends of a name.
const fn mark(name: &[u8]) -> u64 {
    let (first, last) = match name {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (0, 0),
    };
    let mixed = (name.len() as u8).wrapping_mul(5) ^ first.wrapping_mul(3) ^ last;
    1 << (mixed % 64)
}

/// What the value at a key is.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// Nothing by itself.
    Others,
    /// A whole document or event, whose figures belong together.
    Document,
    /// A number that takes the place of a smaller one before it.
    Figure(Figure),
    /// As a figure, in seconds.
    Seconds,
    /// A list of runs of a model, whose figures add up. The figures beside it are those of the last run.
    Runs,
    /// A number and what it is a part of, per element.
    Shares(&'static [(&'static str, Figure)]),
    /// The name of the part, such as `AUDIO`; case does not matter.
    ShareName,
    ShareCount,
    /// Texts, each of which is one more in its document.
    Each(Figure),
    /// A text that shows that there was one in its document.
    Once(Figure),
    /// Something that was made, such as a message, a call of a tool.
    Item,
    /// Which of these it is.
    ItemName,
    /// What a call of a tool did.
    ItemAction,
    /// Where a call of a tool ran.
    ItemPlace,
    /// The name of the model that answered, or ran.
    Model,
    /// The service tier that served.
    Tier,
    /// How fast it served, where that has a price of its own.
    Speed,
    /// Where it was served.
    Geo,
    /// Why the answer ended.
    Reason,
    /// What the model wrote, of which the length counts where no figure tells.
    Text,
    /// Something that only the last event has.
    Last,
    /// Base64 of this document.
    Sealed(&'static AnswerKey),
}

impl Holds {
    /// True where a text is read, not only seen.
    pub fn is_read_as_text(self) -> bool {
        matches!(
            self,
            Self::ShareName
                | Self::ItemName
                | Self::ItemAction
                | Self::ItemPlace
                | Self::Model
                | Self::Tier
                | Self::Speed
                | Self::Geo
                | Self::Reason
        )
    }
}

/// What stands at no key: the whole document.
pub(super) const fn document(keys: &'static [AnswerKey]) -> AnswerKey {
    object("", Holds::Document, keys)
}

/// Something that holds more than what is at its keys.
pub(super) const fn object(name: &'static str, holds: Holds, below: &'static [AnswerKey]) -> AnswerKey {
    AnswerKey { name, holds, below: Keys::of(below) }
}

pub(super) const fn leads(name: &'static str, below: &'static [AnswerKey]) -> AnswerKey {
    object(name, Holds::Others, below)
}

pub(super) const fn key(name: &'static str, holds: Holds) -> AnswerKey {
    object(name, holds, &[])
}

pub(super) const fn text(name: &'static str) -> AnswerKey {
    key(name, Holds::Text)
}

pub(super) const fn figure(name: &'static str, figure: Figure) -> AnswerKey {
    key(name, Holds::Figure(figure))
}
