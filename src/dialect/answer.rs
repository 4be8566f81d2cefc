//! What an answer says of its cost: where each dialect states it, in which figures, and what these come to.
//!
//! It does not read answers: the running state of one is in `meter`.

mod answer_key;
mod by_dialect;
mod figures;
mod paid_call;
mod requested_form;
mod statement;
mod usage;

pub use answer_key::{AnswerKey, Holds};
pub use by_dialect::{COUNTING_HEADERS, TIER_HEADERS};
pub use figures::{Figure, Figures};
pub use paid_call::{Calls, PaidCall};
pub use requested_form::{FORMS, require_whole_answer, unreadable_forms};
pub use statement::{FinalBy, Statement};
pub use usage::{Counts, Run};
