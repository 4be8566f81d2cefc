//! What is settled of a call before anything is spent on it, which may be that of other calls too.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::audit::Members;
use crate::policy::Permit;
use crate::quota::Charges;
use crate::upstream::Attachment;

/// What is settled of a call before anything is spent on it.
pub(in crate::gateway) struct Settled {
    pub(in crate::gateway) judgement: Rc<Judgement>,
    /// What the record says of the call, once it has been said.
    pub(in crate::gateway) subject: OnceCell<Members>,
}

/// What rules and quotas say of a call, and what goes on with it.
pub(in crate::gateway) struct Judgement {
    pub(in crate::gateway) permit: Rc<Permit>,
    pub(in crate::gateway) attachment: Attachment,
    /// `None` where what is charged depends on more than is remembered.
    pub(in crate::gateway) charges: Option<Charges>,
}

impl std::fmt::Debug for Settled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Settled")
    }
}
