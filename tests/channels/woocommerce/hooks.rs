//! Hooks: proofs, pings, topics, registration, and the queue of the shop.

use channel::{HookRequest, Verdict};
use domain::{
    Decimal,
    snapshot::{Observation, Standing},
};
use sandbox::Act;
use serde_json::{Value, json};

use crate::port::{Rig, block_on, sku};

use super::{direct, https, listings, rig, verified};

#[test]
fn a_hook_that_was_changed_anywhere_is_refused() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.channel.read_hooks().expect("hooks");
    let hook = rig.hooks().remove(0);
    let is_refused =
        |hook: &HookRequest| matches!(hooks.verify(hook, rig.now()), Verdict::Refused(_));
    assert!(!is_refused(&hook));
    for byte in 0..hook.body.len() {
        for bit in [0, 7] {
            let mut changed = hook.clone();
            changed.body[byte] ^= 1 << bit;
            assert!(is_refused(&changed), "bit {bit} of byte {byte}");
        }
    }
    let place = hook
        .headers
        .iter()
        .position(|(name, _)| name == "x-wc-webhook-signature")
        .expect("a signature");
    let signature = hook.headers[place].1.clone();
    // The last character before the padding carries two bits that no byte uses; a strict decoder
    // refuses them too.
    for at in 0..signature.len() {
        for other in ["A", "B", "=", "!", ""] {
            let changed_text = format!("{}{other}{}", &signature[..at], &signature[at + 1..]);
            let mut changed = hook.clone();
            changed.headers[place].1.clone_from(&changed_text);
            assert_eq!(
                is_refused(&changed),
                changed_text != signature,
                "{changed_text}"
            );
        }
    }
    for changed in [
        HookRequest {
            body: vec![],
            ..hook.clone()
        },
        HookRequest {
            headers: vec![],
            ..hook.clone()
        },
        HookRequest {
            method: "GET".to_owned(),
            ..hook.clone()
        },
    ] {
        assert!(is_refused(&changed));
    }
}

#[test]
fn a_secret_is_changed_without_losing_a_hook() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    let old = rig.twin(|twin, _| twin.settings())["webhook_secret"].clone();
    let is_verified = |settings: Value| {
        let channel = rig.opened_with(&settings);
        let hooks = channel.read_hooks().expect("hooks");
        matches!(hooks.verify(&hook, rig.now()), Verdict::Verified(_))
    };
    assert!(is_verified(json!({})));
    assert!(!is_verified(json!({ "webhook_secret": "a new secret" })));
    assert!(is_verified(json!({
        "webhook_secret": "a new secret",
        "webhook_secret_previous": old,
    })));
}

#[test]
fn only_the_exact_ping_is_answered_without_a_signature() {
    let rig = rig();
    let hooks = rig.channel.read_hooks().expect("hooks");
    let ping = |content_type: &str, body: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        headers.extend(more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let request = HookRequest {
            method: "POST".to_owned(),
            topic: String::new(),
            query: String::new(),
            headers,
            body: body.as_bytes().to_vec(),
        };
        match hooks.verify(&request, rig.now()) {
            Verdict::Answer(answer) => Some(answer.status),
            Verdict::Refused(_) => None,
            Verdict::Verified(_) | Verdict::KeyNeeded(_) => panic!("believed"),
        }
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(ping(form, "webhook_id=6", &[]), Some(200));
    for (content_type, body, more) in [
        (form, "webhook_id=", &[][..]),
        (form, "webhook_id=x", &[]),
        (form, "webhook_id=6&status=paid", &[]),
        (form, "webhook_id=6\n", &[]),
        (form, "id=6", &[]),
        (form, "", &[]),
        ("application/json", "webhook_id=6", &[]),
        (
            form,
            "webhook_id=6",
            &[("x-wc-webhook-topic", "order.updated")],
        ),
    ] {
        assert_eq!(
            ping(content_type, body, more),
            None,
            "{content_type} {body}"
        );
    }
}

#[test]
fn a_topic_that_was_changed_does_no_harm() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.channel.read_hooks().expect("hooks");
    let sent = rig.hooks();
    for hook in &sent {
        let own = hook
            .header("x-wc-webhook-topic")
            .expect("a topic")
            .to_owned();
        for topic in [
            "order.created",
            "order.deleted",
            "product.updated",
            "product.created",
            "product.deleted",
            "coupon.created",
            "",
            "order.updated\u{0}",
        ] {
            if own.split('.').next() == topic.split('.').next() {
                continue;
            }
            let mut changed = hook.clone();
            for (name, value) in &mut changed.headers {
                if name == "x-wc-webhook-topic" {
                    topic.clone_into(value);
                }
            }
            let Verdict::Verified(verified) = hooks.verify(&changed, rig.now()) else {
                panic!("the topic is not signed");
            };
            match hooks.read(&verified) {
                Err(_) => {}
                Ok(told) => assert!(
                    matches!(
                        told[..],
                        [Observation::LookAtOrder(_)
                            | Observation::LookAtListings
                            | Observation::Nothing(_)]
                    ),
                    "{own} as {topic}: {told:?}"
                ),
            }
        }
    }
}

#[test]
fn hooks_are_registered_once_and_enabled_again() {
    let rig = https();
    let registers = rig.channel.register_hooks().expect("hooks");
    let url = "http://127.0.0.1:8080/hooks/woo";
    let actions = |url: &str| {
        let states = block_on(registers.ensure(url)).expect("registered");
        assert_eq!(states.len(), 8);
        assert!(states.iter().all(|state| state.active), "{states:?}");
        let actions: Vec<String> = states.into_iter().map(|state| state.action).collect();
        actions
    };
    // The shop has them from its setup.
    assert_eq!(actions(url), vec!["kept"; 8]);
    assert_eq!(rig.truth().writes, 0);
    let other = "http://127.0.0.1:8080/hooks/woo/other";
    assert_eq!(actions(other), vec!["created"; 8]);
    assert_eq!(actions(other), vec!["kept"; 8]);
    let pings = rig.hooks();
    assert_eq!(pings.len(), 8);
    let hooks = rig.channel.read_hooks().expect("hooks");
    for ping in &pings {
        assert!(matches!(hooks.verify(ping, rig.now()), Verdict::Answer(_)));
    }
    // Everything is delivered to both, signed with the same secret.
    rig.buy(&[("MUG-1", 1)], true);
    let sent = rig.hooks();
    assert_eq!(sent.len(), 6);
    assert!(sent.iter().all(|hook| !verified(&rig, hook).is_empty()));

    // Six failures in a row are forgiven, the seventh switches the webhook off, silently.
    for round in 0..7 {
        rig.act(&Act::SetLevel(sku("MUG-1"), round)).expect("set");
        assert_eq!(rig.hooks_answered(Some(500)).len(), 2, "{round}");
    }
    rig.act(&Act::SetLevel(sku("MUG-1"), 50)).expect("set");
    assert_eq!(rig.hooks_answered(Some(500)).len(), 0);
    let states = block_on(registers.ensure(url)).expect("registered");
    let enabled: Vec<_> = states.iter().filter(|s| s.action == "enabled").collect();
    assert_eq!(enabled.len(), 1);
    assert_eq!(enabled[0].topic, "product.updated");
    // One more failure is enough now: the counter is forgotten only by a success.
    rig.hooks();
    rig.act(&Act::SetLevel(sku("MUG-1"), 51)).expect("set");
    assert_eq!(rig.hooks_answered(None).len(), 1);
    assert_eq!(actions(url).iter().filter(|a| *a == "enabled").count(), 1);
}

#[test]
fn waiting_hooks_are_merged_and_written_when_they_are_sent() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    rig.advance(100);
    rig.act(&Act::Cancel(id.clone())).expect("canceled");
    let hooks = rig.hooks();
    let orders: Vec<_> = hooks
        .iter()
        .filter_map(|hook| match verified(&rig, hook).remove(0) {
            Observation::Order(order) => Some(order.standing),
            _ => None,
        })
        .collect();
    assert_eq!(orders, vec![Standing::Canceled, Standing::Canceled]);
    // Two orders in one second carry the same delivery id for the same webhook.
    rig.buy(&[("MUG-1", 1)], true);
    rig.buy(&[("MUG-2", 1)], true);
    let ids: Vec<_> = rig
        .hooks()
        .iter()
        .filter(|hook| hook.header("x-wc-webhook-topic") == Some("order.created"))
        .map(|hook| hook.header("x-wc-webhook-delivery-id").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn products_that_come_and_go_are_announced() {
    let rig = https();
    let body = json!({ "name": "Plate", "sku": "PLATE-1", "manage_stock": true, "stock_quantity": 4,
                       "regular_price": "7.00" });
    let (status, product) = direct(&rig, "POST", "wc/v3/products", &body);
    assert_eq!(status, 201);
    let told = |rig: &Rig, topic: &str| {
        let hooks = rig.hooks();
        let hook = hooks
            .iter()
            .find(|hook| hook.header("x-wc-webhook-topic") == Some(topic))
            .expect("a hook");
        verified(rig, hook).remove(0)
    };
    let Observation::Listing(listing) = told(&rig, "product.created") else {
        panic!("no listing");
    };
    assert_eq!(listing.sku.as_deref(), Some("PLATE-1"));
    assert_eq!(listing.level, Some(Decimal::whole(4)));
    let id = product["id"].to_string();
    direct(&rig, "DELETE", &format!("wc/v3/products/{id}"), &json!({}));
    assert_eq!(told(&rig, "product.deleted"), Observation::LookAtListings);
    assert!(
        listings(&rig)
            .iter()
            .all(|l| l.sku.as_deref() != Some("PLATE-1"))
    );
    direct(
        &rig,
        "PUT",
        &format!("wc/v3/products/{id}"),
        &json!({ "status": "publish" }),
    );
    assert!(matches!(
        told(&rig, "product.restored"),
        Observation::Listing(_)
    ));
    let (status, body) = direct(&rig, "POST", "wc/v3/products", &json!({ "sku": "MUG-1" }));
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("product_invalid_sku"))
    );
}
