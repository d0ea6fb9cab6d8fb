//! Who may call what.

use crate::{access::Access, routes::routes};

use super::rig::{bearer, rig};

/// An address of a route, with something for everything that varies.
fn example(path: &str) -> String {
    path.split('/')
        .map(|part| match part {
            "{order}" => "ord_0000000000000000000000000000000a",
            "{intent}" => "int_0000000000000000000000000000000a",
            "{line}" => "1",
            part if part.starts_with('{') => "x",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn nothing_is_told_without_a_token_but_what_is_declared_open() {
    let rig = rig().await;
    let wrong = (
        "authorization",
        "Bearer osh_ffffffffffffffffffffffffffffffff",
    );
    for route in routes() {
        let path = example(route.path);
        for headers in [&[][..], &[wrong][..]] {
            let answer = rig.ask(route.method, &path, None, headers).await;
            match route.access {
                Access::Token => {
                    assert_eq!(answer.status, 401, "{} {path}", route.method);
                    assert_eq!(answer.json()["code"], "unauthorized");
                    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                }
                Access::Open => assert_ne!(answer.status, 401, "{} {path}", route.method),
            }
        }
        let answer = rig.ask(route.method, &path, None, &[bearer()]).await;
        assert_ne!(answer.status, 401, "{} {path}", route.method);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_told_apart_without_a_token() {
    let rig = rig().await;
    for (method, path, status, code) in [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/nothing", 404, "not-found"),
        ("PATCH", "/api/v1/orders", 405, "method-not-allowed"),
        ("POST", "/livez", 405, "method-not-allowed"),
    ] {
        let answer = rig.ask(method, path, None, &[]).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        let answer = rig.ask(method, path, None, &[bearer()]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (status, Some(code))
        );
    }
}

#[tokio::test]
async fn what_is_open_tells_nothing() {
    let rig = rig().await;
    for (path, status, text) in [
        ("/livez", 200, "alive\n"),
        ("/readyz", 200, "ready\n"),
        // No account was polled in this test.
        ("/healthz", 503, "degraded\n"),
    ] {
        let answer = rig.ask("GET", path, None, &[]).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{path}"
        );
    }
    let answer = rig.ask("GET", "/errors/no-order", None, &[]).await;
    assert!(answer.text.contains("## What to do"), "{}", answer.text);
    rig.engine.stop();
    assert_eq!(rig.ask("GET", "/readyz", None, &[]).await.status, 503);
}
