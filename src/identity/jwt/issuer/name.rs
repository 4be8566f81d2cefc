//! What an issuer is called: by one `iss`, by one for each of its tenants, or by a SPIFFE trust domain.
//!
//! A name that no token could have is refused when the configuration loads: whoever writes one believes that it works.

use super::spiffe;
use crate::config::{ConfigError, Issuer, require_text};

/// What Microsoft's documents write for a tenant, and no token has.
const NO_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];
/// Whose tokens name their tenant by its id.
const MICROSOFT: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
    "sts.windows.net",
];

/// An `iss`, and the tenant in it where its issuer has tenants.
#[derive(Debug)]
pub(in crate::identity::jwt) struct IssuerName {
    pub(in crate::identity::jwt) name: String,
    pub(in crate::identity::jwt) tenant: Option<String>,
}

impl IssuerName {
    /// Every name of an issuer.
    ///
    /// # Errors
    /// One that no token could have.
    pub(in crate::identity::jwt) fn compile(issuer: &Issuer, at: &str) -> Result<Vec<Self>, ConfigError> {
        let refuse = |field: &str, why: String| Err(ConfigError::new(format!("{at}.{field}"), why));
        let text = issuer.issuer.as_str();
        require_text(text, &format!("{at}.issuer"))?;
        let parts = text.split(Issuer::TENANT).count();
        if let Some(why) = never_a_name(&text.replace(Issuer::TENANT, "")) {
            return refuse("issuer", format!("`{text}` {why}"));
        }
        if issuer.is_trust_domain() && spiffe::trust_domain(text).is_none_or(|(_, path)| !path.is_empty()) {
            let why = format!(
                "`{text}` is no trust domain; write one such as `spiffe://example.org`, in lower case and without a path"
            );
            return refuse("issuer", why);
        }
        match (parts, issuer.tenants.is_empty()) {
            (1, true) => Ok(vec![Self { name: text.to_owned(), tenant: None }]),
            (1, false) => refuse(
                "tenants",
                format!(
                    "there is no `{}` in `issuer` that they could stand for; leave them out",
                    Issuer::TENANT
                ),
            ),
            (2, true) => refuse(
                "tenants",
                format!(
                    "an empty list; write the tenants that may stand for `{}` in `issuer`",
                    Issuer::TENANT
                ),
            ),
            (2, false) => Self::of_tenants(issuer, at),
            _ => refuse("issuer", format!("`{}` stands in it twice; write it once", Issuer::TENANT)),
        }
    }

    fn of_tenants(issuer: &Issuer, at: &str) -> Result<Vec<Self>, ConfigError> {
        let named = |(index, (tenant, name)): (usize, (&String, String))| {
            let at = format!("{at}.tenants[{index}]");
            require_text(tenant, &at)?;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if !tenant.bytes().all(is_plain) {
                return Err(ConfigError::new(at, format!("`{tenant}` is not the id of one tenant")));
            }
            match never_a_name(&name) {
                Some(why) => Err(ConfigError::new(at, format!("`{name}` {why}"))),
                None => Ok(Self { name, tenant: Some(tenant.clone()) }),
            }
        };
        issuer.tenants.iter().zip(issuer.names()).enumerate().map(named).collect()
    }
}

/// Why no token has this name.
fn never_a_name(name: &str) -> Option<&'static str> {
    const DOCUMENTS: [&str; 2] =
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    if has_placeholder(name) || name.contains('*') {
        return Some(
            "holds a placeholder, which no token has in its `iss`; write the `iss` itself, or `{tenantid}` and `tenants`",
        );
    }
    if name.contains(char::is_whitespace) {
        return Some("holds a space, which no token has in its `iss`; write the `iss` itself");
    }
    if DOCUMENTS.iter().any(|document| name.ends_with(document)) {
        return Some("is where the issuer's metadata is; write the `issuer` that it tells");
    }
    let (host, path) = name.strip_prefix("https://")?.split_once('/')?;
    if !MICROSOFT.contains(&host) {
        return None;
    }
    let tenant = path.split('/').next().unwrap_or_default();
    let is_id = !tenant.contains('.') && !tenant.bytes().any(|byte| byte.is_ascii_uppercase());
    match (NO_TENANTS.contains(&tenant), is_id) {
        (true, _) => Some(
            "names no tenant, and each token has its own tenant's id there; write `{tenantid}` in its place and list `tenants`",
        ),
        (false, false) => Some("has no tenant's id there, as tokens have it: hex digits in lower case"),
        (false, true) => None,
    }
}

/// True for what documents write where a reader shall put something in.
pub(in crate::identity::jwt) fn has_placeholder(text: &str) -> bool {
    text.contains(['{', '}', '<', '>'])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::IssuerName;
    use crate::config::{ConfigError, Issuer};

    const ENTRA: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    const TENANT: &str = "0a1b2c3d-0000-4000-8000-00000000000a";

    fn names(issuer: &str, tenants: Value) -> Result<Vec<(String, Option<String>)>, ConfigError> {
        let issuer: Issuer =
            serde_json::from_value(json!({ "issuer": issuer, "tenants": tenants, "audiences": ["a"] }))
                .unwrap();
        let names = IssuerName::compile(&issuer, "issuers[0]")?;
        Ok(names.into_iter().map(|name| (name.name, name.tenant)).collect())
    }

    #[test]
    fn an_issuer_has_one_name_or_one_for_each_tenant() {
        let of = |name: &str| vec![(name.to_owned(), None)];
        let v2 = |tenant: &str| {
            (format!("https://login.microsoftonline.com/{tenant}/v2.0"), Some(tenant.to_owned()))
        };
        for (issuer, tenants, want, note) in [
            ("https://idp.example/", json!([]), of("https://idp.example/"), "a URL"),
            ("accounts.google.com", json!([]), of("accounts.google.com"), "no URL"),
            (
                "https://idp.example/common/v2.0",
                json!([]),
                of("https://idp.example/common/v2.0"),
                "elsewhere a name",
            ),
            ("spiffe://example.org", json!([]), of("spiffe://example.org"), "a trust domain"),
            (ENTRA, json!([TENANT, "b"]), vec![v2(TENANT), v2("b")], "a template"),
            (
                "https://sts.windows.net/{tenantid}/",
                json!([TENANT]),
                vec![(format!("https://sts.windows.net/{TENANT}/"), Some(TENANT.to_owned()))],
                "one of the older version",
            ),
        ] {
            assert_eq!(names(issuer, tenants).unwrap(), want, "{note}");
        }
    }

    #[test]
    fn a_name_that_no_token_has_is_refused() {
        for (issuer, tenants, at, note) in [
            (ENTRA, json!([]), "tenants", "nobody could stand for the placeholder"),
            (
                "https://login.microsoftonline.com/{tenant}/v2.0",
                json!([TENANT]),
                "issuer",
                "another placeholder",
            ),
            ("https://login.microsoftonline.com/<tenant-id>/v2.0", json!([]), "issuer", "in angle brackets"),
            ("https://{tenantid}.example/{tenantid}", json!([TENANT]), "issuer", "twice"),
            ("https://*.idp.example/", json!([]), "issuer", "a wildcard"),
            ("https://idp.example/${REALM}", json!([]), "issuer", "a variable"),
            ("https://idp.example/ ", json!([]), "issuer", "a space behind it"),
            (
                "https://idp.example/.well-known/openid-configuration",
                json!([]),
                "issuer",
                "the metadata's URL",
            ),
            ("https://login.microsoftonline.com/common/v2.0", json!([]), "issuer", "everybody"),
            (
                "https://login.microsoftonline.com/organizations/v2.0",
                json!([]),
                "issuer",
                "every organization",
            ),
            ("https://sts.windows.net/consumers/", json!([]), "issuer", "private accounts"),
            (
                "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0",
                json!([]),
                "issuer",
                "a domain",
            ),
            (ENTRA, json!(["common"]), "tenants[0]", "everybody in the list"),
            (ENTRA, json!([TENANT, "contoso.com"]), "tenants[1]", "a domain in the list"),
            (ENTRA, json!([TENANT.to_uppercase()]), "tenants[0]", "capitals"),
            (ENTRA, json!(["*"]), "tenants[0]", "any tenant"),
            (ENTRA, json!(["a/b"]), "tenants[0]", "more than one segment"),
            (ENTRA, json!([""]), "tenants[0]", "no tenant"),
            ("https://idp.example/", json!([TENANT]), "tenants", "no placeholder for them"),
            ("spiffe://Example.org", json!([]), "issuer", "a trust domain in capitals"),
            ("spiffe://example.org/ns/a", json!([]), "issuer", "one workload"),
            ("spiffe://example.org/", json!([]), "issuer", "an empty path"),
            ("spiffe://", json!([]), "issuer", "no trust domain"),
        ] {
            let error = names(issuer, tenants).unwrap_err();
            assert_eq!(error.at, format!("issuers[0].{at}"), "{note}: {error}");
        }
    }
}
