//! Who may see and do what.

use engine::users::Role;

use super::{Browser, rig};
use crate::dashboard::screens;

/// An address of a screen, with something for everything that varies.
fn example(path: &str) -> String {
    path.replace("{order}", "ord_0000000000000000000000000000000a")
        .replace("{incident}", "inc_0000000000000000000000000000000a")
        .replace("{sku}", "MUG")
        .replace("{account}", "shop")
        .replace("{link}", "nothing")
        .replace("{name}", "nothing")
}

#[tokio::test]
async fn a_role_reaches_exactly_as_far_as_is_declared() {
    let rig = rig().await;
    for role in Role::ALL {
        let mut browser = Browser::of(&rig, role).await;
        for screen in screens() {
            let (path, Some(least)) = (example(screen.path), screen.least) else {
                continue;
            };
            // One ends the session, the other never ends.
            if path == "/sign-out" || path == "/events" {
                continue;
            }
            let answer = match screen.method {
                "GET" => browser.get(&path).await,
                _ => browser.submit("/", &path, &[]).await,
            };
            let at = format!(
                "{} {} {path}: {}",
                role.word(),
                screen.method,
                answer.status
            );
            assert_ne!(answer.status, 401, "{at}");
            assert_eq!(answer.status == 403, role < least, "{at}");
        }
    }
}

#[tokio::test]
async fn nobody_without_a_session_sees_or_does_anything() {
    let rig = rig().await;
    for cookie in [
        "",
        "oneshelf=",
        "oneshelf=zz",
        &format!("oneshelf={}", "0".repeat(64)),
    ] {
        for screen in screens()
            .into_iter()
            .filter(|screen| screen.least.is_some())
        {
            let mut browser = Browser::new(&rig);
            cookie.clone_into(&mut browser.cookie);
            let path = example(screen.path);
            let answer = match screen.method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, &[]).await,
            };
            if screen.method == "GET" {
                assert_eq!(answer.status, 303, "{path}");
                let to = answer.header("location").unwrap_or_default();
                assert!(to.starts_with("/sign-in"), "{path}: {to}");
            } else {
                assert_eq!(answer.status, 401, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let mut browser = Browser::of(&rig, Role::Admin).await;
    let (token, once) = browser.sealed("/stock/MUG").await;
    let right = [
        ("token", token.as_str()),
        ("once", &once),
        ("to", "9"),
        ("location", "home"),
    ];
    let mut wrong = right;
    wrong[0].1 = "0000";
    for (fields, headers) in [
        (&right[1..], &[][..]),
        (&wrong[..], &[][..]),
        (&right[..], &[("sec-fetch-site", "cross-site")][..]),
        (
            &right[..],
            &[("origin", "https://evil.example"), ("host", "a")][..],
        ),
    ] {
        let answer = browser
            .send("POST", "/stock/MUG/count", Some(fields), headers)
            .await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    let stock = rig.get("/api/v1/stock/MUG").await.json();
    assert_eq!(stock["on_hand"], 5);
}

#[tokio::test]
async fn a_session_may_use_the_api_as_far_as_its_role_goes() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "1", &[("MUG", 1)]).await;
    let detail = format!("/api/v1/orders/{order}");
    let notes = format!("{detail}/notes");
    for (role, method, path, status) in [
        (Role::Viewer, "GET", "/api/v1/orders", 200),
        (Role::Viewer, "GET", detail.as_str(), 403),
        (Role::Packer, "GET", detail.as_str(), 200),
        (Role::Packer, "GET", "/api/v1/users", 403),
        (Role::Admin, "GET", "/api/v1/users", 200),
        (Role::Packer, "POST", notes.as_str(), 403),
        // It lacks the token of the page.
        (Role::Admin, "POST", notes.as_str(), 403),
    ] {
        let mut browser = Browser::new(&rig);
        if rig.engine.user(role.word()).await.expect("read").is_none() {
            browser = Browser::of(&rig, role).await;
        } else {
            let form = [("user", role.word()), ("password", super::PASSWORD)];
            browser.post("/sign-in", &form).await;
        }
        let cookie = browser.cookie.clone();
        let body = (method == "POST").then(|| serde_json::json!({ "text": "hi" }));
        let answer = rig.ask(method, path, body, &[("cookie", &cookie)]).await;
        assert_eq!(answer.status, status, "{} {method} {path}", role.word());
        if role == Role::Admin && method == "POST" {
            let (token, _) = browser.sealed("/").await;
            let headers = [
                ("cookie", cookie.as_str()),
                ("x-csrf-token", token.as_str()),
            ];
            let body = serde_json::json!({ "text": "hi" });
            let answer = rig.ask(method, path, Some(body), &headers).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
    }
}
