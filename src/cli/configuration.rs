//! What the operator wrote, read as the gateway reads it: gateway.yaml, the policy files beside it, and the environment
//! variables that both need.

mod environment;
mod loading;
mod policy_directory;
mod warnings;

pub(super) use environment::{environment_names, secret_names, stand_in, with_signing_keys};
pub(super) use loading::{Loaded, Sources};
pub(super) use policy_directory::{rule_id, wrong_expression};
