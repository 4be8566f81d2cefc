//! JSON Web Encryption in its compact serialization (RFC 7516 section 3.1), with one pair of algorithms: the content key is
//! wrapped by `A256KW` (RFC 7518 section 4.4) and encrypts by `A256GCM` (section 5.3). The only file that names the ciphers.
//!
//! It takes no randomness of its own. A content key and its nonce are derived from the key of the gateway, the moment's
//! entropy and the text itself, so that two different texts never share them, even where the entropy repeats.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use aes_keywrap::Aes256KeyWrapAligned;
use data_encoding::BASE64URL_NOPAD;
use hmac_sha256::HMAC;

use crate::identity::base64url;

/// The sizes of what is wrapped and sent, in bytes.
const CONTENT_KEY: usize = 32;
const NONCE: usize = 12;

/// A key that wraps content keys. It has no `Debug`, because it holds the key.
pub(super) struct WrappingKey {
    wrap: Aes256KeyWrapAligned,
    /// Content keys are derived by it.
    derive: [u8; 32],
}

/// A JWE that was taken apart and proves nothing yet.
pub(super) struct Parts<'a> {
    /// The protected header, decoded.
    pub(super) header: Vec<u8>,
    /// The protected header as it was sent, which is authenticated too.
    protected: &'a str,
    encrypted_key: Vec<u8>,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// Five parts in canonical base64url, and none of them empty; nothing else.
    pub(super) fn read(jwe: &'a str) -> Option<Self> {
        let mut parts = jwe.split('.');
        let protected = parts.next()?;
        let mut part = || parts.next().and_then(base64url);
        let (encrypted_key, nonce, ciphertext, tag) = (part()?, part()?, part()?, part()?);
        match parts.next() {
            None => {
                Some(Self { header: base64url(protected)?, protected, encrypted_key, nonce, ciphertext, tag })
            }
            Some(_) => None,
        }
    }
}

impl WrappingKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { wrap: Aes256KeyWrapAligned::new(key), derive: HMAC::mac(b"claimgate own key", key) }
    }

    /// Encrypts `text` under this protected header; `None` where it is too long for the cipher.
    pub(super) fn encrypt(&self, header: &str, text: &[u8], entropy: &[u8; 16]) -> Option<String> {
        let seed = HMAC::mac([entropy, text].concat(), self.derive);
        let derived = |label: &[u8]| HMAC::mac([label, &seed].concat(), self.derive);
        let content_key = derived(b"content key");
        let nonce = Nonce::try_from(derived(b"nonce").get(..NONCE)?).ok()?;
        let protected = BASE64URL_NOPAD.encode(header.as_bytes());
        let mut buffer = text.to_vec();
        let cipher = Aes256Gcm::new(&content_key.into());
        let tag =
            cipher.encrypt_inout_detached(&nonce, protected.as_bytes(), buffer.as_mut_slice().into()).ok()?;
        let encrypted_key = self.wrap.encapsulate(&content_key).ok()?;
        let parts = [encrypted_key.as_slice(), nonce.as_slice(), &buffer, tag.as_slice()];
        let parts = parts.map(|part| BASE64URL_NOPAD.encode(part));
        Some([&[protected], parts.as_slice()].concat().join("."))
    }

    /// The text; `None` where any byte of it is not what this key has encrypted.
    pub(super) fn decrypt(&self, parts: Parts<'_>) -> Option<Vec<u8>> {
        let content_key = self.wrap.decapsulate(&parts.encrypted_key).ok()?;
        let content_key = <[u8; CONTENT_KEY]>::try_from(content_key).ok()?;
        let nonce = Nonce::try_from(parts.nonce.as_slice()).ok()?;
        let tag = Tag::try_from(parts.tag.as_slice()).ok()?;
        let mut buffer = parts.ciphertext;
        Aes256Gcm::new(&content_key.into())
            .decrypt_inout_detached(&nonce, parts.protected.as_bytes(), buffer.as_mut_slice().into(), &tag)
            .ok()?;
        Some(buffer)
    }
}
