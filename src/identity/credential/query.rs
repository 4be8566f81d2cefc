//! Credentials in the query string, where they do not belong: it is logged on the way.

use percent_encoding::percent_decode_str;

/// Names of query parameters that hold credentials, in lower case and without `-` and `_`.
const QUERY_NAMES: [&str; 20] = [
    "key",
    "apikey",
    "xapikey",
    "xgoogapikey",
    "subscriptionkey",
    "ocpapimsubscriptionkey",
    "token",
    "accesstoken",
    "idtoken",
    "authtoken",
    "oauthtoken",
    "bearertoken",
    "jwt",
    "auth",
    "authorization",
    "bearer",
    "clientsecret",
    "xamzcredential",
    "xamzsignature",
    "xamzsecuritytoken",
];

/// The name of the first parameter that holds a credential.
pub(super) fn credential_in_query(query: &str) -> Option<&'static str> {
    query.split('&').find_map(|pair| {
        // Some servers split at `;` too; to the others all that follows belongs to the value.
        let mut rest = Some(pair);
        while let Some(part) = rest {
            let end = part.find(['=', ';']).unwrap_or(part.len());
            let (name, value) = part.split_at_checked(end)?;
            if let Some(name) = query_name(name)
                && !matches!(value, "" | "=")
            {
                return Some(name);
            }
            rest = part.split_once(';').map(|(_, rest)| rest);
        }
        None
    })
}

fn query_name(raw: &str) -> Option<&'static str> {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    let name: String =
        decoded.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    // `key[]` is `key` to some servers, and some end a name at NUL.
    let name = name.split(['[', '\0']).next().unwrap_or_default().trim();
    QUERY_NAMES.into_iter().find(|known| *known == name)
}
