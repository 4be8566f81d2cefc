//! The section `policies`: what must hold.

use serde::{Deserialize, Serialize};

/// One requirement: a CEL expression that must be `true`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The file in the policy directory. Its name without `.cel` is the rule's id.
    pub file: String,
    /// The text of the file; `claimgate bundle` fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// CEL; where it is `false` the rule does not apply. An error in it denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What the caller is told where the rule does not hold.
    #[serde(default)]
    pub reason: RuleReason,
    /// The scopes told to the caller with `insufficient_scope`. Default: those that the expression asks for
    /// by `covers` and that were not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// What the caller is told beside the reason and the rule's id: what is wrong, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// CEL that gives a text to tell in the place of `message`, which is told where it errs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_expression: Option<String>,
    #[serde(default)]
    pub mode: Mode,
}

/// The reason code of a rule that does not hold.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleReason {
    #[default]
    PolicyDenied,
    InsufficientScope,
    ModelNotAllowed,
    TenantMismatch,
}

/// Whether a failing rule or quota refuses the request or is only recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Enforce,
    /// Evaluated and recorded, never refused.
    Shadow,
}
