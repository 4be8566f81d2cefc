//! The table of weaknesses: the ways round the filter that Envoy's configuration can leave open.
//!
//! Each row is a stable code, what somebody can do, and what to write instead. `{0}` and `{1}`
//! stand for what was found: a header, a cluster, a filter.

use super::files::ConfigNode;
use crate::cli::document::{Finding, Severity};

macro_rules! weaknesses {
    ($($name:ident: $severity:ident, $code:literal, $attack:literal, $remedy:literal;)+) => {
        /// One row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Weakness {
            $($name,)+
        }

        impl Weakness {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)+];

            fn row(self) -> (Severity, &'static str, &'static str, &'static str) {
                match self {
                    $(Self::$name => (Severity::$severity, $code, $attack, $remedy),)+
                }
            }
        }
    };
}

weaknesses! {
    // Undecided: requests that no filter sees.
    ProviderWithoutFilter: Error, "provider_without_filter",
        "anybody who reaches this listener sends requests to `{0}` that nobody decides or records, with the caller's own credential in them",
        "put the filter before the router of this chain, as in envoy/envoy.yaml, or lead nothing to `{0}` here";
    UpgradeWithoutFilter: Error, "upgrade_without_filter",
        "a caller who sends `Upgrade: {0}` passes these filters instead of the chain and reaches the provider undecided",
        "leave `filters` out, so that upgrades pass `http_filters`";
    FilterDisabled: Error, "filter_disabled",
        "anybody's request to `{0}` goes on undecided and unrecorded, with the caller's own credential in it",
        "take `disabled: true` out; requests that need no credential belong into `open` of gateway.yaml";
    FilterOptional: Warning, "filter_optional",
        "an Envoy that does not know this kind of filter, as one built without wasm, drops it silently, and anybody reaches the providers undecided",
        "write `is_optional: false`";
    DefaultFilter: Error, "default_filter",
        "until the filter's configuration is discovered, this one runs in its place and every request passes undecided",
        "take `default_config` out: then nothing passes until the filter is there";
    CacheBeforeFilter: Error, "cache_before_filter",
        "a caller without a credential is answered from the cache with what an admitted caller asked for before",
        "take `{0}` out, or put it on another listener";

    // The plugin.
    FailsOpen: Error, "fails_open",
        "a caller who finds one request that traps the wasm VM has all requests after it pass that worker undecided",
        "write `failure_policy: FAIL_RELOAD` and no `fail_open`";
    TrapStopsWorker: Warning, "trap_stops_worker",
        "a caller who finds one request that traps the wasm VM has that worker answer 503 to everybody until Envoy ends",
        "write `failure_policy: FAIL_RELOAD`";
    HeadersNotHeld: Error, "headers_not_held",
        "every request whose body a rule reads hangs until `hold_timeout` and is refused 503",
        "write `allow_on_headers_stop_iteration: true`, or `hold: headers` in gateway.yaml";
    VariableNotPassed: Error, "variable_not_passed",
        "requests that need the credential or signing key in `{0}` are refused 503",
        "add `{0}` to `vm_config.environment_variables.host_env_keys`";
    CredentialInConfiguration: Warning, "credential_in_configuration",
        "whoever can read this file or Envoy's /config_dump has the credential or signing key `{0}`",
        "name `{0}` in `host_env_keys` instead and give the value to Envoy's environment";
    BufferTooSmall: Warning, "buffer_too_small",
        "a caller's body of up to {0} bytes, which `body_limit` or `form_limit` lets the gateway read, is refused 413 by Envoy where what it reads at a time comes on top of what it holds",
        "write `{1}: {2}` or more, or smaller limits in gateway.yaml";

    // The library of a dynamic module.
    ModuleNotAwaited: Error, "module_not_awaited",
        "until the module has been fetched, and for as long as it cannot be, Envoy runs nothing in its place and every request passes undecided",
        "write `module: { local: { filename: … } }`, or `nack_on_cache_miss: true`";
    ModuleWritable: Error, "module_writable",
        "anybody who has an account on this machine can write to `{0}`, and so decides what Envoy runs, with every credential at hand",
        "take that right from others: `chmod o-w {0}`";
    ModuleSearched: Warning, "module_searched",
        "whoever can write to one of the directories in which Envoy searches for `{0}` decides what Envoy runs, with every credential at hand",
        "write `module: { local: { filename: … } }` with the whole path";

    // The choice of the route.
    RouteReadsEditedHeader: Error, "route_reads_edited_header",
        "a caller who sends `{0}` is decided for one route, and once the filter has edited it Envoy chooses again and sends the credential of one provider to another",
        "choose by path or host instead of `{0}`, or write `attach: at_cluster` in gateway.yaml";
    ClusterNamedByCaller: Warning, "cluster_named_by_caller",
        "a caller who sends `{0}` picks any cluster that has an upstream entry, and so whose account pays",
        "write `cluster` with a name, in one route for each";
    ClusterChosenByPlugin: Warning, "cluster_chosen_by_plugin",
        "a plugin that reads a header the filter edits chooses anew after the edit and sends the credential of one provider to another",
        "write `cluster` with a name, or `attach: at_cluster` in gateway.yaml";
    ClusterWithoutUpstream: Warning, "cluster_without_upstream",
        "every request that takes this route is refused 403 `upstream_not_configured`, since `{0}` is no upstream of gateway.yaml",
        "add an entry for `{0}` to `upstreams`, or take the route out";

    // What the route does with a decided request.
    MirrorGetsCredential: Error, "mirror_gets_credential",
        "whoever runs `{0}` gets a copy of every request with the provider's credential and the caller's prompt in it",
        "take `request_mirror_policies` out";
    MirrorWithoutRecord: Warning, "mirror_without_record",
        "whoever runs `{0}` gets a copy of every caller's prompt that no audit record tells of",
        "take `request_mirror_policies` out";
    PathRewritten: Error, "path_rewritten",
        "a caller is judged by a path that begins with `{0}` while the provider is asked for one that begins with `{1}`, which is another operation",
        "write `prefix_rewrite: {0}`, or mend `path_prefix` in `upstreams` of gateway.yaml";
    PathRewriteUnclear: Warning, "path_rewrite_unclear",
        "a caller is judged by the path without `path_prefix`, and what this makes of it may be another operation at the provider",
        "write `prefix_rewrite` with what is left after `path_prefix`";
    RedirectLeaksCredential: Error, "redirect_leaks_credential",
        "a provider that answers with a redirect to a route without the filter has Envoy send the request there, with the provider's credential that the filter has put on",
        "take `internal_redirect_policy` out, so that the caller gets the redirect";
    RedirectFollowed: Warning, "redirect_followed",
        "a provider that answers with a redirect has Envoy run the request again without the caller's credential, and the caller gets 401 for a request that was let through and paid for",
        "take `internal_redirect_policy` out, so that the caller gets the redirect";
    CredentialAdded: Error, "credential_added",
        "every request that gets here, those of `open` and of other tenants too, goes out with this `{0}`, whatever the filter decided to attach",
        "take `{0}` out and name the credential in `upstreams` of gateway.yaml";
    IdentityAdded: Warning, "identity_added",
        "`{0}` reaches the provider as it is written here and not as the caller's credential proves it, so one tenant's use is booked to another",
        "take `{0}` out and write `organization` or `project` in `upstreams` of gateway.yaml";
    CredentialReturned: Error, "credential_returned",
        "any admitted caller reads the provider's credential in the answer, since `{0}` holds it once the filter has attached it",
        "take `{0}` out of `response_headers_to_add`";
    HostChosenByCaller: Error, "host_chosen_by_caller",
        "a caller names its own site as the Host, and a front door that the provider shares with others hands the request and the credential to that site",
        "write `auto_host_rewrite: true` or `host_rewrite_literal`";
    HostNotRewritten: Warning, "host_not_rewritten",
        "the Host that a caller sends reaches the provider, and a front door that it shares with others hands request and credential to the site the caller names",
        "write `auto_host_rewrite: true` or `host_rewrite_literal`, or list the hosts in `domains`";

    // The connection manager.
    ForwardedForBelieved: Error, "forwarded_for_believed",
        "a caller who sends `X-Forwarded-For: 10.0.0.1` has that address, and passes `cidrs` and every rule that reads `source.address`",
        "write `use_remote_address: true` and the number of proxies in front as `xff_num_trusted_hops`";
    RemoteAddressUnused: Warning, "remote_address_unused",
        "a caller who sends `X-Forwarded-For` is refused 403 `client_address_untrusted` where the filter reads the address, and believed by Envoy's other filters and logs",
        "write `use_remote_address: true`";
    TrustedHopsWithPeer: Warning, "trusted_hops_with_peer",
        "every caller that comes through the trusted proxy is refused 403 `client_address_untrusted` where the filter reads the address, as `client_address: peer` wants the connection's own",
        "write `client_address: forwarded` in gateway.yaml, or take `xff_num_trusted_hops` out";
    EarlyAnswerPassed: Warning, "early_answer_passed",
        "a caller gets the provider's informational answers (103) as they are, past the filter and with headers that name the provider's account",
        "take `proxy_100_continue` out; Envoy then answers `Expect: 100-continue` itself";
    PathNotNormalized: Warning, "path_not_normalized",
        "a caller who sends `/healthz/../openai/v1/models` is routed by what a prefix says of the raw path; only the filter refuses it, what stands before the filter believes it",
        "write `normalize_path: true`";
    SlashesNotMerged: Warning, "slashes_not_merged",
        "a caller who sends `//openai/v1/models` is routed as if it were another path; only the filter refuses it, what stands before the filter believes it",
        "write `merge_slashes: true`";
    EscapedSlashesKept: Warning, "escaped_slashes_kept",
        "a caller who sends `/healthz/..%2Fopenai` shows one path to Envoy's routes and another to a server that unescapes it; only the filter refuses it",
        "write `path_with_escaped_slashes_action: REJECT_REQUEST`; a listener that leads to bedrock alone may keep them";
    UnderscoresAllowed: Warning, "underscores_allowed",
        "a caller who sends a header such as `anthropic_version` has a server behind read it as `anthropic-version`, which routes and rules did not see",
        "write `headers_with_underscores_action: DROP_HEADER` in `common_http_protocol_options`";

    // The filters around it.
    CallerGetsCredential: Error, "caller_gets_credential",
        "a caller without any credential is given this `{0}` before the filter asks for one, and is taken for whom it belongs to",
        "take `{0}` out of what stands before the filter";
    IdentityBelieved: Warning, "identity_believed",
        "a caller who sends `{0}: acme` is taken for acme by `{1}`, which stands before the filter that proves who calls",
        "decide by `principal` in a policy instead of by `{0}` in `{1}`";
    CredentialSeenByFilter: Warning, "credential_seen_by_filter",
        "whoever runs or configures `{0}` gets the provider's credential, which the filter has already put on",
        "move `{0}` before the filter, or write `attach: at_cluster` in gateway.yaml";
    JudgedRequestChanged: Error, "judged_request_changed",
        "a caller gets past the rules with a request that `{0}` turns into another one after they were asked",
        "move `{0}` before the filter";
    CacheAfterFilter: Warning, "cache_after_filter",
        "a caller is answered from the cache with what another tenant's request brought, as the cache's key holds no tenant",
        "take `{0}` out";
    CorsAfterFilter: Warning, "cors_after_filter",
        "every browser's preflight, which carries no credential, is refused 401, and no page can call",
        "move `envoy.filters.http.cors` before the filter";

    // The cluster.
    ClusterMissing: Warning, "cluster_missing",
        "requests for `{0}` are answered 503, or tokens cannot be got, or tokens, keys and quotas cannot be checked, as no cluster has this name",
        "add a cluster `{0}`, or take the entry out of gateway.yaml";
    ClusterHalfMissing: Error, "cluster_half_missing",
        "a request that Envoy routes to `{0}` after the decision meets no filter that asks for its permit, and decided ones go out without a credential",
        "put the filter with the name `claimgate-at-cluster` (`root_id` of the wasm filter, `filter_name` of the module) before `upstream_codec` in the `http_filters` of its `HttpProtocolOptions`";
    CredentialsReachable: Error, "credentials_reachable",
        "whoever is led to `{0}` asks there as the gateway does, and may be given the credentials that it gets there",
        "lead nothing to `{0}`; only the gateway itself asks there";
    SignsOrPasses: Warning, "signs_or_passes",
        "where `{0}` finds no credentials of its own, requests to `{1}` go on without any, and its statistics say that they were signed",
        "alarm on the provider's 403, or let the gateway get the credential by `credentials` in gateway.yaml";
    InjectorEndsEnvoy: Error, "injector_ends_envoy",
        "Envoy 1.36 to 1.40 ends by a segmentation fault at its start, because `{0}` asks for its token before there are clusters; `--mode validate` does not see it",
        "get the token by `credentials` in gateway.yaml, or let the cluster `{1}` come by CDS";
    HalfOnAskedCluster: Error, "half_on_asked_cluster",
        "each question of the gateway's own through `{0}` meets the half, which traps the VM of a wasm filter and in a dynamic module refuses the question, so that nothing is answered",
        "take the half out of the `http_filters` of `{0}`; it belongs on the clusters of providers";
    ForwardedForNotRemoved: Error, "forwarded_for_not_removed",
        "requests that need a credential from `{0}` are refused 503, as Envoy puts `x-forwarded-for` on what a module asks and metadata servers refuse whoever sends that",
        "put `envoy.filters.http.header_mutation` with `request_mutations: [{ remove: x-forwarded-for }]` before `upstream_codec` in the `http_filters` of its `HttpProtocolOptions`";
    FileNotWatched: Error, "file_not_watched",
        "once what stands in `{0}` has ended, no token can be got, since Envoy serves the file as it was when it started",
        "write `watched_directory: { path: … }` beside it, with the directory that the file is renewed in";
    ClusterFollowsHost: Error, "cluster_follows_host",
        "a caller who sends `VirtualHost: attacker.example` has Envoy carry the request and the provider's credential to that host",
        "give `{0}` a fixed address: `type: LOGICAL_DNS` with the provider's host";
    ClusterFollowsHeader: Error, "cluster_follows_header",
        "a caller who sends `{1}: 203.0.113.7:443` has Envoy carry the request and the provider's credential to that address",
        "give `{0}` a fixed address: `type: LOGICAL_DNS` with the provider's host";
    ClusterFollowsConnection: Error, "cluster_follows_connection",
        "a caller whose connection was meant for its own server has Envoy carry the request and the provider's credential there",
        "give `{0}` a fixed address: `type: LOGICAL_DNS` with the provider's host";
    ClusterOfClusters: Error, "cluster_of_clusters",
        "whenever the first of its clusters is down, the provider behind the next gets the credential of `{0}`",
        "write one cluster and one upstream entry for each provider";
    CredentialInClear: Error, "credential_in_clear",
        "whoever sits on the way to `{0}` reads the provider's credential and every prompt off the wire",
        "write a `transport_socket` with `UpstreamTlsContext`, as in the comments of envoy/envoy.yaml";
    KeysInClear: Error, "keys_in_clear",
        "whoever sits on the way to `{0}` answers with keys of its own, and calls or signs tokens for any tenant",
        "write a `transport_socket` with `UpstreamTlsContext`, as in the comments of envoy/envoy.yaml";
    TokensInClear: Error, "tokens_in_clear",
        "whoever sits on the way to `{0}` reads the gateway's client secret and every token for the provider off the wire",
        "write a `transport_socket` with `UpstreamTlsContext`, as in the comments of envoy/envoy.yaml";
    ProviderKeysInClear: Error, "provider_keys_in_clear",
        "whoever sits on the way to `{0}` learns which tenants have keys, and has their prompts sent to an account of its own",
        "write a `transport_socket` with `UpstreamTlsContext`, as in the comments of envoy/envoy.yaml";
    CertificateUnchecked: Error, "certificate_unchecked",
        "whoever sits on the way to `{0}` shows a certificate that anybody made, is believed, and {1}",
        "write `common_tls_context: { validation_context: { trusted_ca: … } }`";
    NameUnchecked: Error, "name_unchecked",
        "whoever sits on the way to `{0}` shows a valid certificate for a name of their own, is believed, and {1}",
        "write `sni` with the host's name and `auto_sni_san_validation: true`";

    // What is written down.
    CredentialLogged: Error, "credential_logged",
        "whoever reads this log or trace finds credentials in it: of `{0}`, the caller's when refused and the provider's when let through",
        "take `{0}` out; the audit record names the credential's id";
    QueryLogged: Warning, "query_logged",
        "whoever reads this log finds the keys of callers who put them into the query (`?key=…`), which Envoy writes down with the path",
        "write `%PATH(NQ:ORIG_OR_PATH)%` for the path";
    OverloadUnmanaged: Warning, "overload_unmanaged",
        "whoever sends more than is answered has Envoy take memory until the system ends it, and with it everybody's requests",
        "write an `overload_manager` with the monitor `envoy.resource_monitors.fixed_heap` and actions that it triggers, as in envoy/envoy.yaml";
    ConnectionsUnbounded: Warning, "connections_unbounded",
        "whoever opens connections and sends nothing takes Envoy's memory and file descriptors until nobody else gets one",
        "write the monitor `envoy.resource_monitors.global_downstream_max_connections` in `overload_manager`, as in envoy/envoy.yaml";
    AdminExposed: Warning, "admin_exposed",
        "whoever reaches this port reads the configuration at /config_dump and stops Envoy at /quitquitquit",
        "bind `admin.address` to 127.0.0.1";
}

impl Weakness {
    #[cfg(test)]
    pub(super) fn code(self) -> &'static str {
        self.row().1
    }

    /// The weakness found at `node`.
    pub(super) fn at(self, node: &ConfigNode<'_>, words: &[&str]) -> Finding {
        let (severity, code, attack, remedy) = self.row();
        node.finding(filled(attack, words)).weighing(severity).coded(code, filled(remedy, words))
    }
}

/// `words` for `{0}`, `{1}`.
fn filled(template: &str, words: &[&str]) -> String {
    let places = (0..).map(|index: usize| format!("{{{index}}}"));
    words.iter().zip(places).fold(template.to_owned(), |text, (word, place)| text.replace(&place, word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Weakness;

    #[test]
    fn each_row_reads_as_one_sentence() {
        let codes: BTreeSet<_> = Weakness::ALL.iter().map(|weakness| weakness.code()).collect();
        assert_eq!(codes.len(), Weakness::ALL.len(), "codes are unique");
        for weakness in Weakness::ALL {
            let (_, code, attack, remedy) = weakness.row();
            assert!(code.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{code}");
            for text in [attack, remedy] {
                assert!(
                    !text.ends_with('.') && !text.contains('\n') && !text.contains(". "),
                    "{code}: {text}"
                );
            }
        }
    }
}
