//! Input that is wrong, forged or too much, and a disk that is full: each gets its answer, nothing is
//! lost, nothing panics.

use http::Request;
use serde_json::Value;

use crate::kit::{
    SOON,
    api::Api,
    daemon::Daemon,
    hooks::signed,
    until,
    world::{END_WITHIN, Plan, SHOPS, World},
};

/// The status of a hook, sent again where its connection ended first: one on which too much was sent is
/// closed, and may be chosen once more before that is seen.
async fn answered(world: &World, hook: &Request<Vec<u8>>) -> u16 {
    until(&world.ports, "a hook is answered", SOON, async || {
        world.api.hook(hook.clone()).await
    })
    .await
}

fn post_to(api: &Api, path: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    let request = Request::post(format!("{}{path}", api.public_url));
    request.body(body).expect("a request")
}

fn assert_is_well(daemon: &mut Daemon) {
    assert_eq!(daemon.ended(), None, "it lives");
    assert!(!daemon.stderr().contains("panicked"), "nothing panicked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_broken_hooks_get_their_status_and_change_nothing() {
    let world = World::open(Plan::default()).await;
    let mut daemon = world.adopt().await;
    for (account, _) in SHOPS {
        world.buy(account, &[("BOWL", 1)]);
    }
    world.settle().await;
    let orders = world.api.all("/api/v1/orders").await.expect("orders");
    assert_eq!(orders.len(), 4);

    // A genuine hook of each channel, with one bit flipped.
    for (account, _) in SHOPS {
        let genuine = world.post.genuine(account);
        let again = world.api.hook(genuine.clone()).await;
        assert_eq!(again, Ok(200), "{account} takes it as it was");
        let mut forged = genuine;
        let middle = forged.body().len() / 2;
        forged.body_mut()[middle] ^= 1;
        assert_eq!(world.api.hook(forged).await, Ok(401), "{account}");
        let unsigned = post_to(&world.api, &format!("/hooks/{account}"), b"{}".to_vec());
        assert_eq!(world.api.hook(unsigned).await, Ok(401), "{account}");
    }
    let nobody = post_to(&world.api, "/hooks/nobody", b"{}".to_vec());
    assert_eq!(world.api.hook(nobody).await, Ok(404));
    let elsewhere = post_to(&world.api, "/wp-login.php", b"{}".to_vec());
    assert_eq!(world.api.hook(elsewhere).await, Ok(404));
    let large = signed(&world, &vec![b' '; (1 << 20) + 1]);
    assert_eq!(answered(&world, &large).await, 413);

    // Signed, and not to be read: it is kept where a person sees it.
    let broken: [&[u8]; 4] = [
        b"{\"id\": 17, \"status\": \"proc",
        b"[[[[[[[[]]]]]]]]",
        b"{\"id\":\"\\u0000\",\"line_items\":{\"0\":null}}",
        b"\xff\xfe\x00",
    ];
    for body in broken {
        assert_eq!(answered(&world, &signed(&world, body)).await, 200);
    }
    let parked = until(&world.ports, "four signals are parked", SOON, async || {
        let parked = world.api.all("/api/v1/inbox?state=parked").await?;
        if parked.len() == broken.len() {
            Ok(parked)
        } else {
            Err(format!("{parked:?}"))
        }
    })
    .await;
    for signal in &parked {
        assert_eq!(signal["account"], "web-shop", "{signal}");
        let has_reason = signal["reason"]
            .as_str()
            .is_some_and(|text| !text.is_empty());
        assert!(has_reason && signal["body_at"].is_u64(), "{signal}");
    }
    let still = world.api.all("/api/v1/orders").await.expect("orders");
    assert_eq!(still, orders);
    assert_is_well(&mut daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_api_is_closed_to_those_without_the_token() {
    let world = World::open(Plan {
        shops: vec![("web-shop", "woocommerce")],
        ..Plan::default()
    })
    .await;
    let mut daemon = world.start().await;
    for token in ["", "tests-only-00000000000000000000000000000000", "Bearer"] {
        let stranger = Api {
            token: token.to_owned(),
            ..world.api.clone()
        };
        for path in [
            "/api/v1/orders",
            "/api/v1/accounts",
            "/metrics",
            "/api/v1/openapi.json",
        ] {
            let reply = stranger.try_get(path).await.expect("an answer");
            assert_eq!(reply.status, 401, "{path} with `{token}`: {}", reply.body);
        }
        let freeze = "/api/v1/accounts/web-shop/freeze";
        let reply = stranger.try_post(freeze, None, Value::Null).await;
        assert_eq!(reply.expect("an answer").status, 401);
        let alive = stranger.try_get("/livez").await.expect("an answer");
        assert_eq!(alive.status, 200);
    }
    // The public listener has no admin API at all.
    let request = Request::get(format!("{}/api/v1/orders", world.api.public_url))
        .header("authorization", format!("Bearer {}", world.api.token))
        .body(Vec::new())
        .expect("a request");
    assert_eq!(world.api.hook(request).await, Ok(404));
    assert_is_well(&mut daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_space_hooks_are_refused_reads_go_on_and_nothing_is_lost() {
    let world = World::open(Plan {
        shops: vec![("web-shop", "woocommerce")],
        ..Plan::default()
    })
    .await;
    let daemon = world.adopt().await;
    let first = world.buy("web-shop", &[("BOWL", 1)]);
    world.expect_order("web-shop", &first).await;
    world.settle().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));

    world.set_free_min("900000GiB");
    let mut daemon = world.spawn();
    until(&world.ports, "it comes up", SOON, async || {
        assert_eq!(daemon.ended(), None, "it ended:\n{}", daemon.stderr());
        match world.api.try_get("/livez").await {
            Ok(reply) if reply.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let ready = world.api.try_get("/readyz").await.expect("an answer");
    assert_eq!(ready.status, 503, "it is not ready for writes");
    let hook = signed(&world, b"{\"id\": 1}");
    assert_eq!(world.api.hook(hook).await, Ok(503));
    let second = world.buy("web-shop", &[("BOWL", 2)]);
    world.expect_order("web-shop", &first).await;
    let stock = world.api.get("/api/v1/stock/BOWL").await;
    assert_eq!(stock["sellable"], 79, "{stock}");
    let summary = world.api.get("/api/v1/metrics/summary").await;
    assert_eq!(summary["store"]["is_read_only"], true, "{summary}");
    assert_is_well(&mut daemon);
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));

    world.set_free_min("1MiB");
    let mut daemon = world.start().await;
    world.expect_order("web-shop", &second).await;
    assert_is_well(&mut daemon);
}
