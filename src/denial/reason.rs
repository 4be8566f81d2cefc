//! The closed list of reason codes. A code never changes its meaning or its status.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $status:literal, $message:literal;)*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason there is, for tests and documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable code in answers, records and metrics.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u32 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened and what the caller can do about it.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

reasons! {
    // Who calls?
    CredentialMissing, "credential_missing", 401, "no credential was sent; send an API key or a token in `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`";
    CredentialMalformed, "credential_malformed", 401, "the credential is neither an API key of this gateway nor a JWT; check that it was copied whole";
    CredentialInQuery, "credential_in_query", 401, "a credential was sent in the query string, where logs keep it; send it in a header, and rotate it";
    AmbiguousCredential, "ambiguous_credential", 400, "more than one credential was sent; send exactly one";
    KeyUnknown, "key_unknown", 401, "the API key is not known; it may have been rotated away";
    KeyExpired, "key_expired", 401, "the API key has expired; use its successor";
    KeyNotYetValid, "key_not_yet_valid", 401, "the API key is not valid yet";
    CredentialRevoked, "credential_revoked", 401, "the credential has been revoked";
    RevokedInFlight, "revoked_in_flight", 401, "the credential was revoked while its request was under way";
    KeyFeedUnavailable, "key_feed_unavailable", 503, "whether the key is known cannot be told now; retry shortly";
    RevocationsUnavailable, "revocations_unavailable", 503, "whether the credential was revoked cannot be told now; retry shortly";
    TokenMalformed, "token_malformed", 401, "the token is not a well-formed signed JWT";
    TokenTooLarge, "token_too_large", 401, "the token is larger than this gateway reads";
    TokenTypeNotAllowed, "token_type_not_allowed", 401, "the token's `typ` is not one this issuer's access tokens have";
    TokenAlgorithmNotAllowed, "token_algorithm_not_allowed", 401, "the token's `alg` is not one that is accepted from its issuer";
    TokenHeaderNotAllowed, "token_header_not_allowed", 401, "the token's header has a parameter that is not accepted (`crit`, `b64`, `jwk`, `jku`, `x5u`, `x5c`)";
    TokenIssuerUnknown, "token_issuer_unknown", 401, "the token's issuer is not accepted here";
    TokenAudienceMismatch, "token_audience_mismatch", 401, "the token was issued for another audience";
    TokenKeyUnknown, "token_key_unknown", 401, "the token's signing key is not among its issuer's keys";
    TokenSignatureInvalid, "token_signature_invalid", 401, "the token's signature does not verify";
    TokenInactive, "token_inactive", 401, "the token's issuer says that it is not active: it has expired, was revoked or is unknown; get a new one";
    TokenExpired, "token_expired", 401, "the token has expired; get a new one";
    TokenNotYetValid, "token_not_yet_valid", 401, "the token is not valid yet, or was issued in the future";
    TokenLifetimeExceeded, "token_lifetime_exceeded", 401, "the token's lifetime is longer than is accepted from its issuer";
    TokenClaimMissing, "token_claim_missing", 401, "the token lacks a claim that is required";
    TokenClaimInvalid, "token_claim_invalid", 401, "a claim of the token has a shape that cannot be read";
    TokenClaimMismatch, "token_claim_mismatch", 401, "a claim of the token does not have a value that is accepted from its issuer";
    ConfirmationUnsupported, "confirmation_unsupported", 401, "the credential is bound (`cnf`) to something that cannot be checked here";
    BindingRequired, "binding_required", 401, "the credential must be bound to a client certificate or to a key, and is not";
    CertificateRequired, "certificate_required", 401, "the credential is bound to a client certificate, and the connection shows none";
    CertificateMismatch, "certificate_mismatch", 401, "the credential is bound to another client certificate than the connection shows";
    DpopSchemeRequired, "dpop_scheme_required", 401, "the credential is bound to a key; send it in `Authorization: DPoP`, with a proof in `DPoP`";
    DpopProofMissing, "dpop_proof_missing", 401, "the credential is bound to a key; send a proof in `DPoP`";
    DpopProofMalformed, "dpop_proof_malformed", 401, "the proof in `DPoP` is not one JWT as RFC 9449 has it";
    DpopKeyMismatch, "dpop_key_mismatch", 401, "the credential is bound to another key than the proof's";
    DpopProofMismatch, "dpop_proof_mismatch", 401, "the proof in `DPoP` is for another request";
    DpopProofOutOfTime, "dpop_proof_out_of_time", 401, "the proof in `DPoP` is not of this time";
    DpopNonceRequired, "dpop_nonce_required", 401, "the proof in `DPoP` lacks a nonce that is still good; use the one in `DPoP-Nonce`";
    DpopProofSignatureInvalid, "dpop_proof_signature_invalid", 401, "the signature of the proof in `DPoP` does not verify";
    DpopProofReplayed, "dpop_proof_replayed", 401, "the proof in `DPoP` was used before; make one for each request";
    DpopLimitExceeded, "dpop_limit_exceeded", 429, "the caller has used too many proofs in a short time";
    PossessionUnavailable, "possession_unavailable", 503, "whether a proof was used before cannot be told now; retry shortly with a new one";
    ParentCredentialInvalid, "parent_credential_invalid", 401, "the credential that the token was got with is not valid any more; get a new token";
    IdentityUnavailable, "identity_unavailable", 503, "the caller cannot be verified now; retry shortly";
    NetworkNotAllowed, "network_not_allowed", 403, "the API key may not be used from this network";
    ClientAddressUntrusted, "client_address_untrusted", 403, "the client's address is not known from its connection, and a rule needs it";

    // What is asked?
    PathAmbiguous, "path_ambiguous", 400, "the path can be read in more than one way; send it without dot segments, empty segments, backslashes or encoded slashes";
    OperationUnknown, "operation_unknown", 404, "this gateway does not know the method and path";
    NoUpstream, "no_upstream", 404, "no provider is routed at this path";
    UpstreamNotConfigured, "upstream_not_configured", 403, "the provider at this path is not configured in the gateway";
    BodyTooLarge, "body_too_large", 413, "the request body is larger than this gateway reads";
    BodyUnsupported, "body_unsupported", 415, "the request body must be what its operation takes, JSON in UTF-8 or a form, without a content encoding";
    BodyMalformed, "body_malformed", 400, "the request body is not one JSON object or one whole form";
    BodyAmbiguous, "body_ambiguous", 400, "the request body can be read in more than one way";
    BodyUnexpected, "body_unexpected", 400, "the request has a body, and none belongs to it; send it without one";
    UrlLeadsPast, "url_leads_past", 403, "the answer would hold a URL that leads past this gateway";
    ModelMismatch, "model_mismatch", 400, "the path and the body name different models";
    ModelUnknowable, "model_unknowable", 403, "the model this operation would use cannot be seen, and a rule depends on it";

    // May they?
    InsufficientScope, "insufficient_scope", 403, "the credential lacks a scope";
    PolicyDenied, "policy_denied", 403, "a policy does not allow the request";
    ModelNotAllowed, "model_not_allowed", 403, "the credential may not use this model";
    OperationNotAllowed, "operation_not_allowed", 403, "the credential may not use this operation";
    TenantMismatch, "tenant_mismatch", 403, "the provider at this path belongs to another tenant";
    PolicyError, "policy_error", 403, "a policy could not be evaluated for this request, which refuses it";
    StatefulOperationSharedCredential, "stateful_operation_shared_credential", 403, "the operation reads or leaves data under a provider account that several tenants share";

    // Is there room?
    QuotaExceeded, "quota_exceeded", 429, "the quota is used up";
    BudgetExhausted, "budget_exhausted", 429, "the budget is used up; no retry helps before it is there again or is raised";
    QuotaError, "quota_error", 403, "a quota could not be evaluated for this request, which refuses it";
    UsageHidden, "usage_hidden", 400, "the request asks for an answer that would not tell what it cost, and this gateway records that";
    UsageUnknowable, "usage_unknowable", 403, "what this request would cost cannot be seen, and a quota depends on it";
    ModelUnpriced, "model_unpriced", 403, "the model has no price here, and a quota in money depends on it";
    QuotaUnconfigured, "quota_unconfigured", 503, "the quota is not known where it is counted; whoever runs this gateway must put that right";
    TooManyCounters, "too_many_counters", 429, "the caller or its tenant has as many counters as one may have; send fewer different values of what quotas count by, or wait until some have run out";
    QuotaUnavailable, "quota_unavailable", 503, "the quota cannot be checked now; retry shortly";

    TokenBudgetExhausted, "token_budget_exhausted", 429, "the token's budget of requests is used up; get a new token";

    // May there be a token?
    TokenRequestInvalid, "token_request_invalid", 400, "the request for a token cannot be understood";
    GrantTypeUnsupported, "grant_type_unsupported", 400, "the `grant_type` is not one by which this gateway gives tokens";
    TokenRequestTooWide, "token_request_too_wide", 403, "the token would allow more than the credential that asks for it";
    TokenRequestDenied, "token_request_denied", 403, "the credential may not have this token";
    ProviderTokenRefused, "provider_token_refused", 403, "a token of the provider's own would lead past this gateway";
    TokensUnavailable, "tokens_unavailable", 503, "the gateway can give no tokens now";

    // May a key be sealed?
    ProviderKeyRequestInvalid, "provider_key_request_invalid", 400, "the request to seal a key cannot be understood";
    ProviderKeyRequestDenied, "provider_key_request_denied", 403, "the credential may not have this key sealed";
    ProviderKeysUnavailable, "provider_keys_unavailable", 503, "the gateway can neither seal keys nor open them now";

    // Can it be sent on?
    ProviderKeyMissing, "provider_key_missing", 403, "the provider at this path is used with your own key; have it sealed, and send it in `x-claimgate-provider-key`";
    ProviderKeyInvalid, "provider_key_invalid", 401, "the provider key is not one that this gateway has sealed";
    ProviderKeyExpired, "provider_key_expired", 401, "the sealed provider key has expired; have it sealed again";
    ProviderKeyNotForCaller, "provider_key_not_for_caller", 403, "the provider key is not the caller's own";
    ProviderKeyNotForUpstream, "provider_key_not_for_upstream", 403, "the provider key is not for the provider at this path";
    CredentialFeedUnavailable, "credential_feed_unavailable", 503, "whether a provider key is kept for you cannot be told now; retry shortly";
    TenantCredentialMissing, "tenant_credential_missing", 403, "there is no provider credential for the caller's tenant";
    ProviderCredentialMissing, "provider_credential_missing", 503, "the gateway has no provider credential for this path";
    UpstreamTokenUnavailable, "upstream_token_unavailable", 503, "the gateway has no token for the provider now; retry shortly";
    UpstreamTokenRefused, "upstream_token_refused", 503, "the gateway is refused a token for the provider, which is not about you; whoever runs this gateway must put that right";
    UpstreamPoolExhausted, "upstream_pool_exhausted", 503, "the provider refuses every key that the gateway has for it, which is not about you; whoever runs this gateway must put that right";
    ExchangeSubjectMissing, "exchange_subject_missing", 403, "the provider at this path is reached with a token of the user's own, which your credential cannot be exchanged for";
    ExchangeRefused, "exchange_refused", 403, "the authorization server does not exchange your token for one of the provider's";
    ExchangeInteractionRequired, "exchange_interaction_required", 401, "the authorization server wants more of the user; sign in once more with the `claims` of this answer's challenge";
    IdentityIncomplete, "identity_incomplete", 403, "the provider at this path needs an organization or project that the credential does not name";
    HoldTimeout, "hold_timeout", 503, "the request took too long to be decided; retry shortly";
    InternalError, "internal_error", 503, "the gateway failed at this request; retry shortly, and tell whoever runs this gateway if it fails again";
    RouteChanged, "route_changed", 502, "the request reached another provider than the one it was decided for";
    UpstreamCredentialRefused, "upstream_credential_refused", 502, "the provider refused the gateway's own credential, not yours; whoever runs this gateway must put that right";

    // What Envoy answered by itself; it keeps the status that Envoy gave it.
    UpstreamUnreachable, "upstream_unreachable", 503, "the provider cannot be reached now; retry shortly";
    UpstreamReset, "upstream_reset", 503, "the provider broke off before it answered; it may have done the work";
    UpstreamTimeout, "upstream_timeout", 504, "the provider did not answer in time";
    RequestTimeout, "request_timeout", 408, "the request did not arrive in time";
    Overloaded, "overloaded", 503, "the gateway or its way to the provider is overloaded; retry shortly";
    ProxyRefused, "proxy_refused", 500, "the proxy refused the request or could not forward it";
}

impl Reason {
    /// True where the caller must prove that it holds a key (RFC 9449).
    pub fn is_about_a_proof(self) -> bool {
        matches!(self, Self::DpopSchemeRequired | Self::DpopProofMissing | Self::DpopKeyMismatch)
            || self.proof_error().is_some()
    }

    /// True where something is used up that does not come back soon, so that providers tell it apart from a rate limit.
    pub fn is_about_a_budget(self) -> bool {
        matches!(self, Self::BudgetExhausted | Self::TokenBudgetExhausted)
    }

    /// The error that RFC 9449 has for a proof which is not good.
    pub(super) fn proof_error(self) -> Option<&'static str> {
        match self {
            Self::DpopNonceRequired => Some("use_dpop_nonce"),
            Self::DpopProofMalformed
            | Self::DpopProofMismatch
            | Self::DpopProofOutOfTime
            | Self::DpopProofSignatureInvalid
            | Self::DpopProofReplayed => Some("invalid_dpop_proof"),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn messages_follow_the_rules_for_error_text() {
        for reason in Reason::ALL {
            let message = reason.message();
            assert!(message.starts_with(|c: char| c.is_lowercase()) && !message.ends_with('.'), "{reason}");
        }
    }
}
