//! The ways in which a call can be unusual, and how much of each one call shows.

/// What is unusual about one call. Of a caller without a history: 1, 1, 0 and no.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anomaly {
    /// The requests of this period so far, this one included, to those of an average period.
    pub request_rate: f64,
    /// The model tokens of this period, as far as answers have stated them, to those of an average period.
    pub token_rate: f64,
    /// A model that is not among the caller's latest twelve.
    pub new_model: bool,
    /// A network (/24, or /48 of IPv6) that is not among the caller's latest twelve.
    pub new_network: bool,
    /// Of the caller's latest requests, how many were refused: 0 to 1.
    pub denial_share: f64,
}

/// One way to be unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyKind {
    RequestRate,
    TokenRate,
    NewModel,
    NewNetwork,
    DenialShare,
}

impl AnomalyKind {
    pub const ALL: [Self; 5] =
        [Self::RequestRate, Self::TokenRate, Self::NewModel, Self::NewNetwork, Self::DenialShare];

    /// The field of `principal.anomaly`, the member of the record and the label of the metric.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestRate => "request_rate",
            Self::TokenRate => "token_rate",
            Self::NewModel => "new_model",
            Self::NewNetwork => "new_network",
            Self::DenialShare => "denial_share",
        }
    }
}

impl Anomaly {
    /// Of a caller of whom nothing is known yet.
    pub const NONE: Self =
        Self { request_rate: 1.0, token_rate: 1.0, new_model: false, new_network: false, denial_share: 0.0 };
}
