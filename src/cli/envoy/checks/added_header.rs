//! Headers that are put on a request after the decision.

use crate::cli::document::Finding;
use crate::cli::envoy::files::ConfigNode;
use crate::cli::envoy::weakness::Weakness;
use crate::upstream::{Edited, edited};

/// What a header that is put on after the decision does.
pub(super) fn added(name: &str, at: &ConfigNode<'_>) -> Option<Finding> {
    match edited(name)? {
        Edited::Credential => Some(Weakness::CredentialAdded.at(at, &[name])),
        Edited::Identity => Some(Weakness::IdentityAdded.at(at, &[name])),
        // What the operator writes steers as the operator wants.
        Edited::Steering | Edited::Beside => None,
    }
}

/// The header that a `HeaderValueOption` sets, and where its name stands.
pub(super) fn added_name<'a>(option: &ConfigNode<'a>) -> Option<(String, ConfigNode<'a>)> {
    let header = option.field("header")?;
    Some((header.header_of("key")?, header.place_of("key")))
}
