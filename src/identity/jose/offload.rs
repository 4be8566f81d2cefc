//! A signature question for an engine outside: Envoy's foreign function `verify_signature` answers an RS256
//! one sixty times faster than wasm can.
//!
//! It does not call anything. The answer comes in as a value, and no answer means that we verify ourselves.

/// Is `signature` that of `signed` under `key`? It has no `Debug`, because the two make a credential.
pub struct Question<'a> {
    /// `sha256`, `sha384` or `sha512`. RSA is PKCS#1 v1.5.
    pub hash: &'static str,
    /// The public key as DER SubjectPublicKeyInfo (RFC 5280 section 4.1).
    pub key: &'a [u8],
    /// ECDSA signatures as DER (RFC 3279 section 2.2.3).
    pub signature: Vec<u8>,
    pub signed: &'a [u8],
}

/// What the engine said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineAnswer {
    Valid,
    Invalid,
    /// There is no engine, or it does not know the key or the hash.
    Unavailable,
}

/// A JWT's ECDSA signature r‖s (RFC 7518 section 3.4) as the DER sequence of two integers; each half has
/// `size` bytes, at most 66.
pub(in crate::identity) fn ecdsa_der(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(size)?;
    if s.len() != size {
        return None;
    }
    let content = [der_integer(r)?, der_integer(s)?].concat();
    let length = u8::try_from(content.len()).ok()?;
    // From 128 on, which only P-521 reaches, a byte says how many bytes the length has.
    let head: &[u8] = if length < 0x80 { &[0x30, length] } else { &[0x30, 0x81, length] };
    Some([head, &content].concat())
}

fn der_integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let first = bytes.iter().position(|byte| *byte != 0)?;
    let digits = bytes.get(first..)?;
    // A leading bit of one would make the integer negative.
    let padding: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
    let length = u8::try_from(digits.len().checked_add(padding.len())?).ok()?;
    Some([&[0x02, length], padding, digits].concat())
}

#[cfg(test)]
mod tests {
    use super::ecdsa_der;

    #[test]
    fn raw_signatures_become_minimal_der() {
        for (raw, der, note) in [
            (vec![1, 2], Some(vec![0x30, 6, 2, 1, 1, 2, 1, 2]), "two small integers"),
            (
                vec![0x80, 2],
                Some(vec![0x30, 7, 2, 2, 0, 0x80, 2, 1, 2]),
                "a leading one needs a zero before it",
            ),
            (vec![0, 2], None, "a zero is no signature"),
            (vec![1], None, "too short"),
            (vec![1, 2, 3], None, "too long"),
        ] {
            assert_eq!(ecdsa_der(&raw, 1), der, "{note}");
        }
        assert_eq!(ecdsa_der(&[0, 1, 0, 2], 2), Some(vec![0x30, 6, 2, 1, 1, 2, 1, 2]), "leading zeros go");
        assert_eq!(
            ecdsa_der(&[0xff; 96], 48).map(|der| der.len()),
            Some(104),
            "the longest of P-384 fits one length byte"
        );
        let longest = ecdsa_der(&[0xff; 132], 66).unwrap();
        assert_eq!(longest.len(), 141, "the longest that P-521 could have");
        assert_eq!(longest[..5], [0x30, 0x81, 138, 2, 67], "in the long form of a length");
    }
}
