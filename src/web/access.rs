//! Who may use the admin API: whoever has a token.
//!
//! Tokens are kept as SHA-256 only, and compared so that the time tells nothing.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The shortest token, in characters: what fewer characters hold can be guessed.
const TOKEN_LENGTH_MIN: usize = 20;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody: it tells nothing.
    Open,
    /// Whoever has a token.
    Token,
}

/// The tokens that open the admin API.
#[derive(Clone, Default)]
pub struct Tokens {
    digests: Vec<[u8; 32]>,
}

/// Why a text cannot be a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token needs at least {TOKEN_LENGTH_MIN} characters, all of them printable ASCII without spaces"
)]
pub struct NotAToken;

impl Tokens {
    /// No token: nothing is open but what needs none.
    pub fn none() -> Tokens {
        Tokens::default()
    }

    /// Adds a token. Only its digest is kept.
    pub fn add(&mut self, token: &str) -> Result<(), NotAToken> {
        let is_printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.len() < TOKEN_LENGTH_MIN || !is_printable {
            return Err(NotAToken);
        }
        self.digests.push(Sha256::digest(token).into());
        Ok(())
    }

    /// Whether the headers carry one of them. All are compared, whichever fits.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        let given: [u8; 32] = Sha256::digest(given).into();
        let fits = self
            .digests
            .iter()
            .fold(Choice::from(0), |fits, digest| fits | digest.ct_eq(&given));
        fits.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        const TOKEN: &str = "osh_0123456789abcdef0123456789abcdef";
        let mut tokens = Tokens::none();
        assert_eq!(tokens.add("short"), Err(NotAToken));
        assert_eq!(tokens.add("with a space in between it"), Err(NotAToken));
        assert_eq!(tokens.add(TOKEN), Ok(()));
        for (value, is_open) in [
            (format!("Bearer {TOKEN}"), true),
            (format!("bearer {TOKEN}"), true),
            (format!("Bearer {TOKEN}x"), false),
            (format!("Bearer {}", &TOKEN[..30]), false),
            (format!("Basic {TOKEN}"), false),
            ("Bearer ".to_owned(), false),
            (TOKEN.to_owned(), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            assert_eq!(tokens.admit(&headers), is_open, "{value}");
        }
        assert!(!tokens.admit(&HeaderMap::new()));
        assert!(!Tokens::none().admit(&HeaderMap::new()));
    }
}
