//! Hooks: signed, doubled, in any order, tampered with.

use channel::{HookRefusal, HookRequest, Verdict};
use domain::{Decimal, snapshot::Observation};
use sandbox::Act;

use super::{found, listing, poll, rig};
use crate::port::{Rig, block_on, sku};

fn verify(rig: &Rig, request: &HookRequest) -> Verdict {
    rig.channel
        .read_hooks()
        .expect("hooks")
        .verify(request, rig.now())
}

fn refusal(rig: &Rig, request: &HookRequest) -> Option<HookRefusal> {
    match verify(rig, request) {
        Verdict::Refused(refusal) => Some(refusal),
        Verdict::Verified(_) => None,
        Verdict::Answer(_) | Verdict::KeyNeeded(_) => panic!("neither a challenge nor a key"),
    }
}

fn observations(rig: &Rig, request: &HookRequest) -> Vec<Observation> {
    match verify(rig, request) {
        Verdict::Verified(hook) => {
            let read = rig.channel.read_hooks().expect("hooks").read(&hook);
            read.expect("a body that can be read")
        }
        Verdict::Refused(refusal) => panic!("{refusal}"),
        Verdict::Answer(_) | Verdict::KeyNeeded(_) => panic!("neither a challenge nor a key"),
    }
}

#[test]
fn a_sale_is_told_as_a_hint_that_leads_to_what_the_poll_sees() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    let id = rig.buy(&[("MUG-1", 2)], true);
    let hooks = rig.hooks();
    let mut topics: Vec<&str> = hooks
        .iter()
        .map(|hook| hook.header("x-shopify-topic").expect("a topic"))
        .collect();
    topics.sort_unstable();
    topics.dedup();
    assert_eq!(
        topics,
        [
            "inventory_levels/update",
            "orders/create",
            "orders/paid",
            "orders/updated"
        ]
    );
    for hook in &hooks {
        for observation in observations(&rig, hook) {
            match observation {
                Observation::LookAtOrder(of) => assert_eq!(of, id),
                Observation::Level(level) => {
                    assert_eq!(level.listing, mug);
                    assert_eq!(level.level, Some(Decimal::whole(8)));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let read = found(&rig, &id);
    rig.advance(2_000);
    assert_eq!(poll(&rig, domain::Time::EPOCH), [read]);
}

#[test]
fn everything_that_happens_to_an_order_is_told() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.hooks();
    for (act, topic) in [
        (Act::Ship(id.clone()), "fulfillments/create"),
        (Act::Refund(id.clone()), "refunds/create"),
    ] {
        rig.act(&act).expect("done");
        let hooks = rig.hooks();
        let told = hooks
            .iter()
            .find(|hook| hook.header("x-shopify-topic") == Some(topic));
        let observation = observations(&rig, told.expect(topic));
        assert_eq!(
            observation,
            [Observation::LookAtOrder(id.clone())],
            "{topic}"
        );
    }
    rig.act(&Act::SetLevel(sku("MUG-2"), 1)).expect("edited");
    let hooks = rig.hooks();
    assert!(matches!(
        observations(&rig, &hooks[0]).as_slice(),
        [Observation::Level(level)] if level.level == Some(Decimal::whole(1))
    ));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    assert_eq!(refusal(&rig, &hook), None);
    for bit in 0..hook.body.len() * 8 {
        let mut flipped = hook.clone();
        flipped.body[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            refusal(&rig, &flipped),
            Some(HookRefusal::Wrong),
            "bit {bit}"
        );
    }
    let at = hook
        .headers
        .iter()
        .position(|(name, _)| name == "x-shopify-hmac-sha256")
        .expect("a signature");
    let signature = hook.headers[at].1.clone();
    for place in 0..signature.len() {
        for other in ["A", "b", "=", " ", "é"] {
            let mut text: Vec<String> = signature.chars().map(String::from).collect();
            if text[place] == other {
                continue;
            }
            other.clone_into(&mut text[place]);
            let mut flipped = hook.clone();
            flipped.headers[at].1 = text.concat();
            // The last characters of base64 may differ in bits that mean nothing; those are refused
            // or mean the same signature, and the body is what was signed either way.
            let refused = refusal(&rig, &flipped);
            assert!(refused.is_some(), "{}", flipped.headers[at].1);
        }
    }
    let mut missing = hook.clone();
    missing.headers.remove(at);
    assert_eq!(refusal(&rig, &missing), Some(HookRefusal::Missing));
    let mut shorter = hook.clone();
    shorter.body.pop();
    assert_eq!(refusal(&rig, &shorter), Some(HookRefusal::Wrong));
    let get = HookRequest {
        method: "GET".to_owned(),
        ..hook
    };
    assert_eq!(refusal(&rig, &get), Some(HookRefusal::Missing));
}

#[test]
fn both_secrets_work_during_a_rotation() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    let secret = rig.twin(|twin, _| twin.settings()["client_secret"].clone());
    let verdict = |settings: &serde_json::Value| {
        let channel = rig.opened_with(settings);
        let hooks = channel.read_hooks().expect("hooks");
        matches!(hooks.verify(&hook, rig.now()), Verdict::Verified(_))
    };
    let rotated = serde_json::json!({ "client_secret": "new", "previous_client_secret": secret });
    assert!(verdict(&rotated));
    assert!(!verdict(&serde_json::json!({ "client_secret": "new" })));
    assert!(!verdict(
        &serde_json::json!({ "client_secret": "new", "previous_client_secret": "" })
    ));
}

#[test]
fn hooks_of_another_shop_with_the_same_app_are_passed_over() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    let other = rig.opened_with(&serde_json::json!({ "shop": "us-shop" }));
    let hooks = other.read_hooks().expect("hooks");
    let Verdict::Verified(hook) = hooks.verify(&hook, rig.now()) else {
        panic!("the signature is right");
    };
    let read = hooks.read(&hook).expect("read");
    assert!(
        matches!(read.as_slice(), [Observation::Nothing(_)]),
        "{read:?}"
    );
}

#[test]
fn some_hooks_come_twice_under_one_id_and_not_in_order() {
    let rig = rig();
    for _ in 0..10 {
        rig.buy(&[("WRAP", 1)], true);
    }
    let hooks = rig.hooks();
    let id = |hook: &HookRequest| hook.header("x-shopify-webhook-id").map(str::to_owned);
    let distinct: std::collections::BTreeSet<_> = hooks.iter().map(id).collect();
    assert_eq!(distinct.len(), 30);
    assert!(hooks.len() > 30, "none was doubled");
    // The shop makes `create` before `paid`; they do not always arrive so.
    let place = |id: &str, topic: &str| {
        hooks.iter().position(|hook| {
            hook.header("x-shopify-event-id") == Some(id)
                && hook.header("x-shopify-topic") == Some(topic)
        })
    };
    let events: std::collections::BTreeSet<&str> = hooks
        .iter()
        .filter_map(|hook| hook.header("x-shopify-event-id"))
        .collect();
    assert_eq!(events.len(), 10, "one event has three topics");
    let overtaken = events
        .iter()
        .filter(|id| place(id, "orders/paid") < place(id, "orders/create"))
        .count();
    assert!((1..10).contains(&overtaken), "{overtaken}");
}

#[test]
fn subscriptions_are_kept_created_and_made_anew_after_the_shop_gave_up() {
    let rig = rig();
    let ensure = || {
        let hooks = rig.channel.register_hooks().expect("subscriptions");
        block_on(hooks.ensure("http://127.0.0.1:8080/hooks/eu-shop")).expect("subscribed")
    };
    let created = |states: &[channel::HookState]| -> Vec<String> {
        let created = states.iter().filter(|state| state.action == "created");
        created.map(|state| state.topic.clone()).collect()
    };
    let first = ensure();
    assert_eq!(created(&first), ["orders/delete"]);
    assert!(first.iter().all(|state| state.active));
    assert_eq!(created(&ensure()), Vec::<String>::new());
    // One order, and nobody answers: nine tries for each hook, and the shop gives up.
    rig.buy(&[("WRAP", 1)], true);
    let start = rig.now();
    let tries = rig.hooks_answered(Some(500));
    assert!(tries.len() >= 27, "{}", tries.len());
    assert_eq!(rig.now().since(start).as_secs() / 3600, 4);
    rig.buy(&[("WRAP", 1)], true);
    assert!(rig.hooks().is_empty(), "the subscriptions were deleted");
    assert_eq!(
        created(&ensure()),
        ["orders/create", "orders/updated", "orders/paid"]
    );
    rig.buy(&[("WRAP", 1)], true);
    assert!(rig.hooks().len() >= 3);
    assert_eq!(rig.truth().writes, 0, "subscribing is no write");
}

#[test]
fn another_address_gets_subscriptions_of_its_own() {
    let rig = rig();
    let hooks = rig.channel.register_hooks().expect("subscriptions");
    let url = "http://127.0.0.1:8080/hooks/eu-shop/second";
    let states = block_on(hooks.ensure(url)).expect("subscribed");
    assert!(states.iter().all(|state| state.action == "created"));
    rig.buy(&[("WRAP", 1)], false);
    let told = rig.hooks();
    assert!(told.iter().any(|hook| hook.topic == "second"));
    assert!(told.iter().any(|hook| hook.topic.is_empty()));
    let error = block_on(hooks.ensure("pubsub://project:topic")).expect_err("not an address");
    assert_eq!(super::kind(&error), "rejected");
}
