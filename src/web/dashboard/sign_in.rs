//! Signing in and out, and the one-time link with which somebody sets a password.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use engine::users::{
    Change, UserError,
    sessions::{Digest, SESSION_LASTS},
};

use super::{
    fields::{Fields, Opening},
    guessing::Counted,
    page::{Chrome, Part, go, message, send},
    password,
    visitor::{
        LANGUAGE_COOKIE, LOOK_COOKIE, Look, Taste, Visitor, address, digest, minutes, secret,
        session_cookie, taste_cookie,
    },
    words::{Language, fill},
};
use crate::{
    admin::Admin,
    ask::{Ask, At},
    problem::{self, Problem},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    chrome: Chrome,
    name: String,
    next: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    chrome: Chrome,
    name: String,
    greeting: String,
    rule: String,
    error: Option<String>,
}

/// Where somebody wanted to go.
#[derive(Default, serde::Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// A page of ours, or the first.
fn ours(next: &str) -> &str {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { next } else { "/" }
}

/// The address of the page for signing in, which leads back to where somebody is.
pub(super) fn way_in(here: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    if here == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={next}")
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    taste: Taste,
    headers: HeaderMap,
    Ask(Next { next }): Ask<Next>,
) -> Result<Response, Problem> {
    if Visitor::of(&admin.engine, &headers).await?.is_some() {
        return Ok(go(ours(&next)));
    }
    Ok(ask(&admin, taste, StatusCode::OK, ("", &next), None))
}

fn ask(
    admin: &Admin,
    taste: Taste,
    status: StatusCode,
    (name, next): (&str, &str),
    error: Option<String>,
) -> Response {
    let title = taste.language.words().common.sign_in;
    let page = SignIn {
        chrome: Chrome::new(&admin.engine, (None, taste), Part::Outside, title),
        name: name.chars().take(60).collect(),
        next: ours(next).to_owned(),
        error,
    };
    send(status, &page)
}

pub(super) async fn enter(
    State(admin): State<Admin>,
    Opening { head, fields }: Opening,
) -> Result<Response, Problem> {
    let taste = Taste::of(&head.headers);
    let common = taste.language.words().common;
    let name = fields.whole("user").trim().to_ascii_lowercase();
    let next = fields.whole("next").to_owned();
    let by_user: String = name.chars().take(60).collect();
    let names = [
        format!("user {by_user}"),
        format!("address {}", address(&head)),
    ];
    let now = admin.engine.ports.clock.now();
    if let Some(locked) = admin.guessing.locked_for(&names, now) {
        let left = minutes(locked).to_string();
        let error = fill(common.locked, &[("minutes", &left)]);
        let status = StatusCode::TOO_MANY_REQUESTS;
        return Ok(ask(&admin, taste, status, (&name, &next), Some(error)));
    }
    // Counted before it is looked at, so that many at once are not free.
    let counted = admin.guessing.wrong(&names, now);
    let user = admin.engine.user(&name).await?;
    let user = user.filter(|user| user.disabled_at.is_none());
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let is_right = password::is_right(fields.whole("password").to_owned(), hash).await;
    let Some(user) = user.filter(|_| is_right) else {
        tracing::warn!("Somebody tried to sign in with a wrong name or password.");
        if counted == Counted::LocksNow
            && let Some(user) = admin.engine.user(&name).await?
        {
            let note = Change::LockedOut;
            admin
                .engine
                .note_of_user(&user.name, "oneshelf", note)
                .await?;
        }
        let error = Some(common.wrong.to_owned());
        let status = StatusCode::UNAUTHORIZED;
        return Ok(ask(&admin, taste, status, (&name, &next), error));
    };
    for name in &names {
        admin.guessing.right(name);
    }
    open(&admin, &head, &user.name, ours(&next)).await
}

/// Opens a session and goes on.
async fn open(admin: &Admin, head: &Parts, name: &str, next: &str) -> Result<Response, Problem> {
    let secret = secret(&admin.engine);
    admin.engine.open_session(name, &digest(&secret)).await?;
    let mut response = go(next);
    let cookie = session_cookie(&head.headers, &secret, SESSION_LASTS.as_secs());
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn leave(
    State(admin): State<Admin>,
    visitor: Visitor,
    headers: HeaderMap,
    _: Fields,
) -> Result<Response, Problem> {
    admin.engine.close_session(&visitor.digest).await?;
    let mut response = go("/sign-in");
    let cookie = session_cookie(&headers, "", 0);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn welcome(
    State(admin): State<Admin>,
    taste: Taste,
    At(link): At<String>,
) -> Result<Response, Problem> {
    greet(&admin, taste, StatusCode::OK, &digest(&link), None).await
}

async fn greet(
    admin: &Admin,
    taste: Taste,
    status: StatusCode,
    link: &Digest,
    error: Option<String>,
) -> Result<Response, Problem> {
    let common = taste.language.words().common;
    let Some(user) = admin.engine.linked(link).await? else {
        let error = Some(common.link_over.to_owned());
        return Ok(ask(admin, taste, StatusCode::NOT_FOUND, ("", "/"), error));
    };
    let greeting = fill(common.welcome, &[("name", &user.name)]);
    let least = password::LENGTH_MIN.to_string();
    let page = Welcome {
        chrome: Chrome::new(
            &admin.engine,
            (None, taste),
            Part::Outside,
            greeting.clone(),
        ),
        name: user.name,
        greeting,
        rule: fill(common.password_rule, &[("n", &least)]),
        error,
    };
    Ok(send(status, &page))
}

pub(super) async fn set_password(
    State(admin): State<Admin>,
    At(link): At<String>,
    Opening { head, fields }: Opening,
) -> Result<Response, Problem> {
    let taste = Taste::of(&head.headers);
    let common = taste.language.words().common;
    let link = digest(&link);
    let (chosen, again) = (fields.whole("password"), fields.whole("again"));
    let mistake = if !password::fits(chosen) {
        Some(common.too_short)
    } else if chosen != again {
        Some(common.not_alike)
    } else {
        None
    };
    if let Some(mistake) = mistake {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return greet(&admin, taste, status, &link, Some(mistake.to_owned())).await;
    }
    // A stranger without a link must not make us hash.
    if admin.engine.linked(&link).await?.is_none() {
        return greet(&admin, taste, StatusCode::OK, &link, None).await;
    }
    let hash = password::hash(chosen.to_owned(), admin.engine.ports.entropy.seed()).await;
    match admin.engine.set_password(&link, hash).await {
        Ok(user) => open(&admin, &head, &user.name, "/").await,
        Err(UserError::LinkOver) => greet(&admin, taste, StatusCode::OK, &link, None).await,
        Err(error) => Err(error.into()),
    }
}

/// Keeps which language and look somebody wants.
pub(super) async fn prefer(Opening { head, fields }: Opening) -> Response {
    let from = head.headers.get(header::REFERER);
    let from = from.and_then(|value| value.to_str().ok());
    let back = from.and_then(|from| from.split_once("://")?.1.split_once('/'));
    let back = back.map_or("/".to_owned(), |(_, path)| format!("/{path}"));
    let mut response = go(ours(&back));
    let language = Language::from_tag(fields.whole("language"));
    let look = Look::from_word(fields.whole("look"));
    let cookies: [Option<HeaderValue>; 2] = [
        language.map(|one| taste_cookie(LANGUAGE_COOKIE, one.tag())),
        look.map(|one| taste_cookie(LOOK_COOKIE, one.word())),
    ];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A page for whoever is not signed in and sent something.
pub(super) fn expired(admin: &Admin, taste: Taste) -> Response {
    let text = taste.language.words().common.expired;
    message(
        &admin.engine,
        (None, taste),
        &Problem::new(&problem::UNAUTHORIZED, text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_a_stranger_after_signing_in() {
        for (next, goes) in [
            ("/orders?phase=held", "/orders?phase=held"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nb", "/"),
            ("", "/"),
        ] {
            assert_eq!(ours(next), goes);
        }
        assert_eq!(
            way_in("/orders?a=b&c=d"),
            "/sign-in?next=%2Forders%3Fa%3Db%26c%3Dd"
        );
    }
}
