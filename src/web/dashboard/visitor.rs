//! Who asks: the session behind a cookie, the taste of a browser, and whether a form was sent by our own page.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
};
use engine::{
    Engine,
    users::{Role, User, sessions::Digest},
    views::StoreError,
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::words::Language;
use crate::{
    admin::Admin,
    problem::{self, Problem},
    serve::Peer,
};

/// The cookie of a session, where the way to the browser is not encrypted.
const COOKIE: &str = "oneshelf";
/// The same behind TLS: a browser lets nobody else set it.
const COOKIE_BEHIND_TLS: &str = "__Host-oneshelf";
/// The cookies of taste.
pub(super) const LANGUAGE_COOKIE: &str = "oneshelf-language";
pub(super) const LOOK_COOKIE: &str = "oneshelf-look";
/// The header in which scripts of our pages send the token of a form.
const TOKEN_HEADER: &str = "x-csrf-token";

/// Somebody who signed in.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) user: User,
    pub(super) digest: Digest,
    /// What a form must bring to be one of ours.
    pub(super) form_token: String,
}

/// What somebody likes.
#[derive(Clone, Copy)]
pub(crate) struct Taste {
    pub(super) language: Language,
    pub(super) look: Look,
}

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Auto,
    Light,
    Dark,
}

impl Look {
    pub(super) const ALL: [Look; 3] = [Look::Auto, Look::Light, Look::Dark];

    pub(super) fn word(self) -> &'static str {
        match self {
            Look::Auto => "auto",
            Look::Light => "light",
            Look::Dark => "dark",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Look> {
        Look::ALL.into_iter().find(|look| look.word() == word)
    }
}

/// A secret of 256 bits, as hexadecimal digits.
pub(crate) fn secret(engine: &Engine) -> String {
    let [high, low] = [(); 2].map(|()| u128::from_be_bytes(engine.ports.entropy.seed()));
    format!("{high:032x}{low:032x}")
}

/// What a secret is known by.
pub(crate) fn digest(secret: &str) -> Digest {
    Digest(hex(&Sha256::digest(secret)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Whether the browser speaks TLS with whoever is before us.
fn is_behind_tls(headers: &HeaderMap) -> bool {
    let said = headers.get("x-forwarded-proto");
    said.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// The cookie of a session that begins.
pub(super) fn session_cookie(headers: &HeaderMap, secret: &str, lasts_s: u64) -> HeaderValue {
    let text = if is_behind_tls(headers) {
        format!(
            "{COOKIE_BEHIND_TLS}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={lasts_s}"
        )
    } else {
        format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}")
    };
    text.parse().expect("it is plain ASCII")
}

/// The cookie of somebody's taste, for a year.
pub(super) fn taste_cookie(name: &str, word: &'static str) -> HeaderValue {
    let text = format!("{name}={word}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000");
    text.parse().expect("it is plain ASCII")
}

impl Visitor {
    /// Who sent a request, if a session that is good came with it.
    pub(crate) async fn of(
        engine: &Engine,
        headers: &HeaderMap,
    ) -> Result<Option<Visitor>, StoreError> {
        let name = if is_behind_tls(headers) {
            COOKIE_BEHIND_TLS
        } else {
            COOKIE
        };
        let is_plain =
            |text: &&str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(secret) = cookie(headers, name).filter(is_plain) else {
            return Ok(None);
        };
        let known_by = digest(secret);
        let found = engine.session(&known_by).await?;
        Ok(found.map(|(user, _)| Visitor {
            user,
            digest: known_by,
            // Whoever knows it does not know the secret by that.
            form_token: hex(&Sha256::digest(format!("form {secret}"))),
        }))
    }

    /// Whether they may do what takes a role.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.user.role >= role
    }

    /// Whether a token is that of their forms.
    pub(super) fn owns(&self, token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Whether a script of our pages sent a request that changes something.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        let token = headers.get(TOKEN_HEADER);
        let token = token.and_then(|value| value.to_str().ok());
        is_of_ours(headers) && token.is_some_and(|token| self.owns(token))
    }
}

/// Whether a browser says that one of our own pages sent this. What is no browser says nothing.
pub(super) fn is_of_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let (Some(origin), Some(host)) = (text("origin"), text("host")) else {
        return true;
    };
    let from = origin.split_once("://").map(|(_, from)| from);
    from == Some(host)
}

/// From where somebody tries to sign in: behind a proxy on this machine, whom that names last.
pub(super) fn address(request: &Parts) -> String {
    let peer = request.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let forwarded = request
        .headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .map(|text| text.trim().chars().take(60).collect::<String>());
    match (peer, forwarded) {
        (Some(peer), Some(forwarded)) if peer.is_loopback() => forwarded,
        (Some(peer), _) => peer.to_string(),
        (None, _) => "?".to_owned(),
    }
}

impl Taste {
    pub(super) fn of(headers: &HeaderMap) -> Taste {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let language = cookie(headers, LANGUAGE_COOKIE).and_then(Language::from_tag);
        let look = cookie(headers, LOOK_COOKIE).and_then(Look::from_word);
        Taste {
            language: language.unwrap_or_else(|| Language::accepted(accepted)),
            look: look.unwrap_or(Look::Auto),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Taste {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Taste, Self::Rejection> {
        Ok(Taste::of(&parts.headers))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    /// The guard of the screens has found them.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, Problem> {
        let found = parts.extensions.get::<Visitor>().cloned();
        found.ok_or_else(|| Problem::new(&problem::UNAUTHORIZED, "sign in first"))
    }
}

/// Lets a session use the API, as far as its role goes.
pub(crate) async fn admit_to_api(
    admin: &Admin,
    (method, headers): (&Method, &HeaderMap),
    least: Role,
) -> Result<bool, Problem> {
    let Some(visitor) = Visitor::of(&admin.engine, headers).await? else {
        return Ok(false);
    };
    if !visitor.may(least) {
        let detail = format!("it takes the role {}", least.word());
        return Err(Problem::new(&problem::FORBIDDEN, detail).with("role", least.word()));
    }
    if !method.is_safe() && !visitor.sent(headers) {
        let detail = "send the token of the page in the header X-CSRF-Token";
        return Err(Problem::new(&problem::FORBIDDEN, detail));
    }
    Ok(true)
}

/// How long is left, in whole minutes and at least one.
pub(super) fn minutes(span: std::time::Duration) -> u64 {
    span.as_secs().div_ceil(60).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = axum::http::HeaderName::from_static(name);
                (name, value.parse().expect("a value"))
            })
            .collect()
    }

    #[test]
    fn forms_of_others_are_told_apart() {
        for (pairs, is_ours) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")][..], true),
            (&[("sec-fetch-site", "same-site")][..], false),
            (&[("sec-fetch-site", "cross-site")][..], false),
            (&[("origin", "http://a:1"), ("host", "a:1")][..], true),
            (&[("origin", "http://b:1"), ("host", "a:1")][..], false),
            (&[("origin", "null"), ("host", "a:1")][..], false),
        ] {
            assert_eq!(is_of_ours(&headers(pairs)), is_ours, "{pairs:?}");
        }
    }

    #[test]
    fn behind_tls_only_the_cookie_that_nobody_else_can_set_counts() {
        let plain = headers(&[]);
        let cookie = session_cookie(&plain, "abc", 60);
        assert_eq!(
            cookie.to_str().ok(),
            Some("oneshelf=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")
        );
        let tls = headers(&[("x-forwarded-proto", "https")]);
        let cookie = session_cookie(&tls, "abc", 60);
        assert_eq!(
            cookie.to_str().ok(),
            Some("__Host-oneshelf=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60")
        );
    }
}
