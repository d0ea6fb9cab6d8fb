//! The way in: a link for once, a password, a session, and what ends it.

use super::{Browser, PASSWORD, rig};
use crate::{Limits, tests::rig::rig_over};
use engine::users::Role;

#[tokio::test]
async fn a_link_is_good_once_and_the_password_after_that() {
    let rig = rig().await;
    let mut browser = Browser::new(&rig);
    let link = browser.link("ann", Role::Operator).await;
    assert_eq!(browser.get(&link).await.status, 200);
    for (password, again) in [("short", "short"), (PASSWORD, "another one here"), ("", "")] {
        let form = [("password", password), ("again", again)];
        assert_eq!(browser.post(&link, &form).await.status, 422, "{password}");
    }
    let form = [("password", PASSWORD), ("again", PASSWORD)];
    let answer = browser.post(&link, &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap_or_default();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(browser.get("/").await.status, 200);
    let mut other = Browser::new(&rig);
    assert_eq!(other.get(&link).await.status, 404);
    assert_eq!(other.post(&link, &form).await.status, 404);
    let form = [("user", "Ann"), ("password", PASSWORD), ("next", "/orders")];
    let answer = other.post("/sign-in", &form).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/orders"))
    );
}

#[tokio::test]
async fn what_ends_a_session_ends_it_at_once() {
    let rig = rig().await;
    let mut admin = Browser::of(&rig, Role::Admin).await;
    let mut out = Browser::of(&rig, Role::Packer).await;
    let before = out.cookie.clone();
    assert_eq!(out.submit("/", "/sign-out", &[]).await.status, 303);
    before.clone_into(&mut out.cookie);
    assert_eq!(out.get("/").await.status, 303, "signed out");
    let mut gone = Browser::of(&rig, Role::Viewer).await;
    assert_eq!(gone.get("/").await.status, 200);
    rig.engine
        .disable_user("viewer", true, "test")
        .await
        .expect("disabled");
    assert_eq!(gone.get("/").await.status, 303, "disabled");
    let form = [("user", "viewer"), ("password", PASSWORD)];
    assert_eq!(gone.post("/sign-in", &form).await.status, 401);
    // A new password ends what the old one opened.
    let secret = crate::dashboard::secret(&rig.engine);
    let digest = crate::dashboard::digest(&secret);
    rig.engine
        .link_user("admin", &digest, "test")
        .await
        .expect("linked");
    assert_eq!(admin.get("/").await.status, 200);
    let form = [
        ("password", "another long password"),
        ("again", "another long password"),
    ];
    let mut fresh = Browser::new(&rig);
    assert_eq!(
        fresh
            .post(&format!("/welcome/{secret}"), &form)
            .await
            .status,
        303
    );
    assert_eq!(admin.get("/").await.status, 303, "the password changed");
    assert_eq!(fresh.get("/").await.status, 200);
}

#[tokio::test]
async fn a_session_outlives_the_daemon_that_opened_it() {
    let rig = rig().await;
    let browser = Browser::of(&rig, Role::Operator).await;
    let cookie = browser.cookie.clone();
    rig.engine.stop();
    let store = std::sync::Arc::clone(&rig.engine.store);
    let again = rig_over(store, Limits::default()).await;
    let mut browser = Browser::new(&again);
    browser.cookie = cookie;
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn ten_wrong_passwords_lock_the_user_out_and_the_log_says_so() {
    let rig = rig().await;
    Browser::of(&rig, Role::Operator).await;
    let mut browser = Browser::new(&rig);
    let wrong = [("user", "operator"), ("password", "not the password")];
    for attempt in 1..=10 {
        assert_eq!(
            browser.post("/sign-in", &wrong).await.status,
            401,
            "{attempt}"
        );
    }
    let right = [("user", "operator"), ("password", PASSWORD)];
    let answer = browser.post("/sign-in", &right).await;
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert!(answer.text.contains("Too many wrong passwords"));
    let log = rig.get("/api/v1/audit").await;
    assert!(log.text.contains("locked out"), "{}", log.text);
    assert!(!log.text.contains("not the password"));
}

#[tokio::test]
async fn whoever_is_unknown_is_answered_like_whoever_is_wrong() {
    let rig = rig().await;
    Browser::of(&rig, Role::Operator).await;
    let mut browser = Browser::new(&rig);
    let mut texts = Vec::new();
    for name in ["operator", "nobody-at-all"] {
        let form = [("user", name), ("password", "not the password")];
        let answer = browser.post("/sign-in", &form).await;
        assert_eq!(answer.status, 401);
        texts.push(answer.text.replace(name, "NAME"));
    }
    assert_eq!(texts[0], texts[1]);
}
