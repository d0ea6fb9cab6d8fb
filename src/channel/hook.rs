//! Proving that a hook comes from its channel.
//!
//! A [`Verified`] hook can only be made here: by one of the `verify_*` functions, or from our own
//! journal, into which nothing else is written. So a connector that forgets to verify does not
//! compile. Every comparison takes the same time whether it succeeds or not.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::http::Secret;

/// A request that came to `/hooks/{account}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// What followed the account in the path, without slashes at its ends.
    pub topic: String,
    /// The query, still encoded, without the question mark.
    pub query: String,
    /// The headers, names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    #[serde(with = "bytes_as_base64")]
    pub body: Vec<u8>,
}

/// A hook that its channel signed.
#[derive(Clone)]
pub struct Verified {
    request: HookRequest,
}

/// What a request to a hook address turned out to be.
pub enum Verdict {
    /// A hook that its channel signed.
    Verified(Verified),
    /// Not a hook, but something that wants this answer and has no other effect: a challenge by GET,
    /// an unsigned ping.
    Answer(HookAnswer),
    /// The signature names a public key that we do not have yet.
    KeyNeeded(String),
    /// It did not come from the channel.
    Refused(HookRefusal),
}

/// An answer to a challenge or a ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookAnswer {
    /// The status.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Why a request is not believed. The sender is told nothing but 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// There is no signature.
    #[error("the signature is missing")]
    Missing,
    /// There is one, in a form that the channel never uses.
    #[error("the signature cannot be read")]
    Malformed,
    /// It does not fit the body.
    #[error("the signature does not fit")]
    Wrong,
    /// It fits, but it was made too long ago or in the future.
    #[error("the signature is out of date")]
    Stale,
}

/// Which hash an ECDSA signature was made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcdsaDigest {
    /// SHA-1, which one channel still uses by default.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl HookRequest {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Verified {
    /// The request that was signed.
    pub fn request(&self) -> &HookRequest {
        &self.request
    }

    /// The same, for whoever keeps it.
    pub fn into_request(self) -> HookRequest {
        self.request
    }

    /// A hook read back from our own journal: it was verified before it was written there.
    pub fn from_journal(request: HookRequest) -> Verified {
        Verified { request }
    }
}

/// HMAC-SHA-256 in base64 over `prefix + body` under one of the live secrets (two during rotation).
/// `prefix` is empty for most channels; one signs its own URL before the body.
pub fn verify_hmac_sha256_base64(
    request: &HookRequest,
    signature: Option<&str>,
    secrets: &[&Secret],
    prefix: &[u8],
) -> Result<Verified, HookRefusal> {
    let signature = signature.ok_or(HookRefusal::Missing)?;
    let signature = BASE64_STANDARD
        .decode(signature.trim())
        .map_err(|_| HookRefusal::Malformed)?;
    let fits = secrets.iter().fold(false, |fits, secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(prefix);
        mac.update(&request.body);
        fits | mac.verify_slice(&signature).is_ok()
    });
    if fits {
        Ok(Verified {
            request: request.clone(),
        })
    } else {
        Err(HookRefusal::Wrong)
    }
}

/// ECDSA over P-256, signature in DER, over `body` with the given hash.
pub fn verify_ecdsa_p256_der(
    request: &HookRequest,
    signature_der: &[u8],
    key: &VerifyingKey,
    digest: EcdsaDigest,
    body: &[u8],
) -> Result<Verified, HookRefusal> {
    let signature = Signature::from_der(signature_der).map_err(|_| HookRefusal::Malformed)?;
    let checked = match digest {
        EcdsaDigest::Sha1 => key.verify_prehash(&sha1::Sha1::digest(body), &signature),
        EcdsaDigest::Sha256 => key.verify_prehash(&Sha256::digest(body), &signature),
    };
    match checked {
        Ok(()) => Ok(Verified {
            request: request.clone(),
        }),
        Err(_) => Err(HookRefusal::Wrong),
    }
}

/// Bodies in the journal: base64 in JSON, because a body need not be text.
mod bytes_as_base64 {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD
            .decode(String::deserialize(d)?)
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &[u8]) -> HookRequest {
        HookRequest {
            method: "POST".to_owned(),
            topic: String::new(),
            query: String::new(),
            headers: vec![],
            body: body.to_vec(),
        }
    }

    #[test]
    fn an_hmac_fits_only_its_own_body_and_secret() {
        // RFC 4231, test case 2.
        let signature = BASE64_STANDARD.encode([
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
            0x64, 0xec, 0x38, 0x43,
        ]);
        let (right, old) = (Secret::new("Jefe"), Secret::new("old"));
        let body = b"what do ya want for nothing?";
        let check = |body: &[u8], signature: Option<&str>, secrets: &[&Secret]| {
            verify_hmac_sha256_base64(&request(body), signature, secrets, b"").map(|_| ())
        };
        assert_eq!(check(body, Some(&signature), &[&right]), Ok(()));
        assert_eq!(check(body, Some(&signature), &[&old, &right]), Ok(()));
        assert_eq!(
            check(body, Some(&signature), &[&old]),
            Err(HookRefusal::Wrong)
        );
        assert_eq!(check(body, Some(&signature), &[]), Err(HookRefusal::Wrong));
        assert_eq!(check(body, Some(""), &[&right]), Err(HookRefusal::Wrong));
        assert_eq!(
            check(body, Some("%"), &[&right]),
            Err(HookRefusal::Malformed)
        );
        assert_eq!(check(body, None, &[&right]), Err(HookRefusal::Missing));
        for bit in 0..body.len() * 8 {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                check(&flipped, Some(&signature), &[&right]),
                Err(HookRefusal::Wrong)
            );
        }
    }
}
