//! The members of one of OpenAI's input items, as a set.

/// Members of an input item of OpenAI, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ItemMembers(u32);

impl ItemMembers {
    pub(super) const ID: Self = Self(1);
    pub(super) const KIND: Self = Self(1 << 1);
    pub(super) const ROLE: Self = Self(1 << 2);
    pub(super) const STATUS: Self = Self(1 << 3);
    pub(super) const SEALED: Self = Self(1 << 4);
    pub(super) const CONTENT: Self = Self(1 << 5);
    pub(super) const ARGUMENTS: Self = Self(1 << 6);
    pub(super) const INPUT: Self = Self(1 << 7);
    pub(super) const OUTPUT: Self = Self(1 << 8);
    pub(super) const OUTPUTS: Self = Self(1 << 9);
    pub(super) const ERROR: Self = Self(1 << 10);
    pub(super) const RESULT: Self = Self(1 << 11);
    pub(super) const RESULTS: Self = Self(1 << 12);
    pub(super) const ACTION: Self = Self(1 << 13);
    pub(super) const ACTIONS: Self = Self(1 << 14);
    pub(super) const OPERATION: Self = Self(1 << 15);
    pub(super) const TOOLS: Self = Self(1 << 16);
    pub(super) const APPROVAL: Self = Self(1 << 17);
    pub(super) const CODE: Self = Self(1 << 18);
    /// All that says something by itself, and not only of something else.
    pub(super) const ANY_CONTENT: Self = Self(!0b1111);

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True where one of the others is in the set.
    pub(super) fn holds(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}
