//! Whether a provider's answer is about the credential that went on.

use crate::request::Headers;

/// RFC 9110: only these two say that the credential is lacking or not valid. 403 says that it is known and may not do this,
/// which can be about what the caller asked for.
const ABOUT_THE_CREDENTIAL: [u32; 2] = [401, 407];

/// AWS answers 403 to a credential that is not valid, too, and tells it apart by a name in `x-amzn-errortype`.
const OF_AWS: [&str; 6] = [
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "InvalidClientTokenId",
];

/// True where the provider refuses the credential itself.
pub fn refuses_credential(status: u32, headers: &Headers) -> bool {
    ABOUT_THE_CREDENTIAL.contains(&status) || (status == 403 && is_named_by_aws(headers))
}

/// What follows a colon is where the error is described.
fn is_named_by_aws(headers: &Headers) -> bool {
    let name = headers.text("x-amzn-errortype").and_then(|kind| kind.split(':').next());
    name.is_some_and(|name| OF_AWS.contains(&name))
}
