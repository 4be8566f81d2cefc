//! What Envoy answers by itself, as a reason of ours: no connection to the provider, timeouts, limits, other filters.
//!
//! Envoy's status is kept. Its `response.code_details` tell what happened; where they are not known, the status does.

use super::{Denial, Reason};

impl Denial {
    /// Envoy's local reply of `status`, which is no refusal of this gateway.
    pub fn of_envoy(status: u32, details: &str) -> Self {
        let denial =
            Self { status, ..Self::new(reason(status, details)) }.with_note(format!("envoy: {details}"));
        match denial.reason {
            Reason::BodyTooLarge => denial.with_detail(
                "it is more than Envoy holds; send less, or ask whoever runs this gateway to raise Envoy's `request_body_buffer_limit`",
            ),
            _ => denial,
        }
    }
}

/// Details as in Envoy's `ResponseCodeDetailValues`; what follows in braces or after a colon is the occasion.
fn reason(status: u32, details: &str) -> Reason {
    const UNREACHABLE: [&str; 4] =
        ["cluster_not_found", "maintenance_mode", "no_cluster", "no_healthy_upstream"];
    // The provider has not seen the request then.
    const UNSENT: [&str; 3] = ["connection_failure", "connection_timeout", "refused_stream"];
    const RESET: &str = "upstream_reset_before_response_started";
    match (status, details) {
        (404, "route_not_found") => Reason::NoUpstream,
        (408, _) => Reason::RequestTimeout,
        (413, _) => Reason::BodyTooLarge,
        (504, _) => Reason::UpstreamTimeout,
        (503, details) if details.contains("overflow") || details.contains("overload") => Reason::Overloaded,
        (502 | 503, details) if UNREACHABLE.iter().any(|known| details.starts_with(known)) => {
            Reason::UpstreamUnreachable
        }
        (502 | 503, details) if details.starts_with(RESET) => {
            match UNSENT.iter().any(|known| details.contains(known)) {
                true => Reason::UpstreamUnreachable,
                false => Reason::UpstreamReset,
            }
        }
        _ => Reason::ProxyRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::{Denial, Reason};

    #[test]
    fn envoys_details_become_reasons() {
        for (status, details, reason) in [
            (404, "route_not_found", Reason::NoUpstream),
            (408, "stream_idle_timeout", Reason::RequestTimeout),
            (408, "request_overall_timeout", Reason::RequestTimeout),
            (413, "request_payload_too_large", Reason::BodyTooLarge),
            (503, "no_healthy_upstream", Reason::UpstreamUnreachable),
            (
                503,
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
                Reason::UpstreamUnreachable,
            ),
            (503, "upstream_reset_before_response_started{connection_timeout}", Reason::UpstreamUnreachable),
            (
                503,
                "upstream_reset_before_response_started{remote_refused_stream_reset}",
                Reason::UpstreamUnreachable,
            ),
            (503, "upstream_reset_before_response_started{connection_termination}", Reason::UpstreamReset),
            (502, "upstream_reset_before_response_started{protocol_error}", Reason::UpstreamReset),
            (503, "upstream_reset_before_response_started{overflow}", Reason::Overloaded),
            (503, "overload", Reason::Overloaded),
            (504, "upstream_response_timeout", Reason::UpstreamTimeout),
            (504, "stream_idle_timeout", Reason::UpstreamTimeout),
            (403, "rbac_access_denied_matched_policy[none]", Reason::ProxyRefused),
            (429, "local_rate_limited", Reason::ProxyRefused),
            (503, "", Reason::ProxyRefused),
        ] {
            let denial = Denial::of_envoy(status, details);
            assert_eq!((denial.reason(), denial.status()), (reason, status), "{details}");
        }
    }
}
