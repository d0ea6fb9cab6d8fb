//! Notifications: genuine ones, forged ones, lost ones, and subscribing to them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{HookState, Verdict};
use domain::{ExternalId, snapshot::Observation};
use sandbox::Act;
use serde_json::{Value, json};

use super::{direct, found, kind, orders, rig, told, verify};
use crate::port::{Rig, block_on, shop};

const NOTIFICATION: &str = "/commerce/notification/v1";

fn look(id: &ExternalId) -> Vec<Observation> {
    vec![Observation::LookAtOrder(id.clone())]
}

#[test]
fn a_hook_leads_to_the_order_that_the_poll_sees() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1), ("MUG-2", 1)], true);
    let hooks = rig.hooks();
    assert_eq!(hooks.len(), 2, "one for each line");
    for hook in &hooks {
        assert_eq!(told(&rig, hook), look(&id));
    }
    assert_eq!(found(&rig, &id), orders(&rig)[0]);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    for hook in &rig.hooks() {
        assert_eq!(told(&rig, hook), look(&id));
    }
}

/// What a hook's signature header says.
fn signature(hook: &channel::HookRequest) -> Value {
    let header = hook.header("x-ebay-signature").expect("a signature");
    let plain = BASE64_STANDARD.decode(header).expect("base64");
    serde_json::from_slice(&plain).expect("JSON")
}

#[test]
fn every_hook_is_believed_by_the_digest_of_the_key() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1), ("MUG-2", 1)], true);
    let hooks = rig.hooks();
    let digests: Vec<Value> = hooks
        .iter()
        .map(|hook| signature(hook)["digest"].clone())
        .collect();
    assert_eq!(digests, [json!("SHA1"), json!("SHA1")]);
    for hook in &hooks {
        assert!(matches!(verify(&rig, hook), Verdict::Verified(_)));
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    let rig = rig();
    rig.buy(&[("MUG-1", 1)], true);
    let hook = rig.hooks().remove(0);
    assert!(matches!(verify(&rig, &hook), Verdict::Verified(_)));
    // One in every byte, a different one in each of its neighbors.
    for byte in 0..hook.body.len() {
        let mut flipped = hook.clone();
        let bit = byte % 8;
        flipped.body[byte] ^= 1 << bit;
        assert!(
            matches!(verify(&rig, &flipped), Verdict::Refused(_)),
            "bit {bit} of byte {byte}"
        );
    }
    let header = signature(&hook);
    let der = header["signature"].as_str().expect("a text");
    let der = BASE64_STANDARD.decode(der).expect("base64");
    for bit in 0..der.len() * 8 {
        let (mut flipped, mut header) = (der.clone(), header.clone());
        flipped[bit / 8] ^= 1 << (bit % 8);
        header["signature"] = json!(BASE64_STANDARD.encode(flipped));
        let mut forged = hook.clone();
        for (name, value) in &mut forged.headers {
            if name == "x-ebay-signature" {
                *value = BASE64_STANDARD.encode(header.to_string());
            }
        }
        assert!(
            matches!(verify(&rig, &forged), Verdict::Refused(_)),
            "bit {bit}"
        );
    }
}

#[test]
fn two_shops_do_not_believe_each_other_s_hooks() {
    let (one, mut other) = (rig(), shop("other"));
    other.seed = 8;
    let other = Rig::open("ebay", other);
    one.buy(&[("MUG-1", 1)], true);
    let hook = one.hooks().remove(0);
    let hooks = other.channel.read_hooks().expect("hooks");
    let Verdict::KeyNeeded(key) = hooks.verify(&hook, other.now()) else {
        panic!("an unknown key");
    };
    let error = block_on(hooks.fetch_key(&key)).expect_err("not this shop's key");
    assert_eq!(kind(&error), "gone");
    assert!(matches!(
        hooks.verify(&hook, other.now()),
        Verdict::Refused(_)
    ));
}

#[test]
fn what_is_not_taken_comes_again_and_is_given_up_at_last() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    let hooks = rig.hooks_answered(Some(503));
    assert_eq!(hooks.len(), 6, "and five more times");
    let attempts: Vec<Value> = hooks
        .iter()
        .map(|hook| {
            assert_eq!(told(&rig, hook), look(&id));
            let body: Value = serde_json::from_slice(&hook.body).expect("JSON");
            body["notification"]["publishAttemptCount"].clone()
        })
        .collect();
    assert_eq!(attempts, (1..=6).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn the_other_topics_are_understood() {
    let rig = rig();
    for (who, topic, expected) in [
        (
            "application",
            "AUTHORIZATION_REVOCATION",
            Observation::Revoked,
        ),
        (
            "application",
            "MARKETPLACE_ACCOUNT_DELETION",
            Observation::ForgetBuyer("test_user".to_owned()),
        ),
    ] {
        let (_, all) = direct(
            &rig,
            who,
            "GET",
            &format!("{NOTIFICATION}/subscription"),
            &json!({}),
        );
        let all = all["subscriptions"].as_array().expect("subscriptions");
        let found = all.iter().find(|one| one["topicId"] == topic);
        let id = found.expect("subscribed")["subscriptionId"].as_str();
        let path = format!("{NOTIFICATION}/subscription/{}/test", id.expect("an id"));
        let (status, _) = direct(&rig, who, "POST", &path, &json!({}));
        assert_eq!(status, 202);
        let observations = told(&rig, &rig.hooks().remove(0));
        assert_eq!(observations, [expected]);
    }
}

fn ensure(rig: &Rig) -> Vec<HookState> {
    let register = rig.channel.register_hooks().expect("registering");
    let url = shop("ebay").hook_url;
    block_on(register.ensure(&url)).expect("subscriptions")
}

fn actions(states: &[HookState]) -> Vec<(&str, &str, bool)> {
    states
        .iter()
        .map(|state| (state.topic.as_str(), state.action.as_str(), state.active))
        .collect()
}

fn all(action: &str) -> Vec<(&'static str, &str, bool)> {
    [
        "ORDER_CONFIRMATION",
        "ITEM_MARKED_SHIPPED",
        "MARKETPLACE_ACCOUNT_DELETION",
        "AUTHORIZATION_REVOCATION",
    ]
    .map(|topic| (topic, action, true))
    .to_vec()
}

/// The ids of everything of a kind, with who may see it.
fn ids(rig: &Rig, kind: &str) -> Vec<(&'static str, String)> {
    let mut ids = Vec::new();
    for who in ["seller", "application"] {
        let (_, list) = direct(
            rig,
            who,
            "GET",
            &format!("{NOTIFICATION}/{kind}"),
            &json!({}),
        );
        let things = list[format!("{kind}s")].as_array().expect("a list").clone();
        for thing in things {
            let id = thing[format!("{kind}Id")].as_str().expect("an id");
            ids.push((who, id.to_owned()));
        }
    }
    ids
}

#[test]
fn registering_twice_doubles_nothing() {
    let rig = rig();
    assert_eq!(actions(&ensure(&rig)), all("kept"));
    assert_eq!(actions(&ensure(&rig)), all("kept"));
    assert_eq!(ids(&rig, "subscription").len(), 4);
    assert_eq!(rig.truth().writes, 0, "subscriptions are no writes");
    assert!(rig.hooks().is_empty(), "and nothing was challenged");
}

#[test]
fn what_was_switched_off_is_enabled() {
    let rig = rig();
    for (who, id) in ids(&rig, "subscription") {
        let path = format!("{NOTIFICATION}/subscription/{id}/disable");
        assert_eq!(direct(&rig, who, "POST", &path, &json!({})).0, 204);
    }
    rig.buy(&[("MUG-1", 1)], true);
    assert!(rig.hooks().is_empty());
    assert_eq!(actions(&ensure(&rig)), all("enabled"));
    rig.buy(&[("MUG-1", 1)], true);
    assert_eq!(rig.hooks().len(), 1);
}

/// Takes everything away that was set up.
fn tear_down(rig: &Rig) {
    for (who, id) in ids(rig, "subscription") {
        let path = format!("{NOTIFICATION}/subscription/{id}");
        assert_eq!(direct(rig, who, "DELETE", &path, &json!({})).0, 204);
    }
    let (_, destination) = ids(rig, "destination").remove(0);
    let path = format!("{NOTIFICATION}/destination/{destination}");
    let (_, mut body) = direct(rig, "application", "GET", &path, &json!({}));
    assert_eq!(
        direct(rig, "application", "DELETE", &path, &json!({})).0,
        409
    );
    body["status"] = json!("DISABLED");
    assert_eq!(direct(rig, "application", "PUT", &path, &body).0, 204);
    rig.hooks();
    assert_eq!(
        direct(rig, "application", "DELETE", &path, &json!({})).0,
        204
    );
}

#[test]
fn everything_is_made_where_nothing_was_and_the_address_is_proved() {
    let rig = rig();
    tear_down(&rig);
    assert_eq!(actions(&ensure(&rig)), all("created"));
    let challenge = rig.hooks().remove(0);
    assert_eq!(challenge.method, "GET");
    let Verdict::Answer(answer) = verify(&rig, &challenge) else {
        panic!("an answer");
    };
    assert_eq!(
        (answer.status, answer.content_type),
        (200, "application/json")
    );
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["challengeResponse"].as_str().map(str::len), Some(64));
    rig.buy(&[("MUG-1", 1)], true);
    assert_eq!(rig.hooks().len(), 1);
}

#[test]
fn an_address_that_fails_the_challenge_is_marked_down_and_mended() {
    let rig = rig();
    tear_down(&rig);
    ensure(&rig);
    rig.hooks_answered(Some(404));
    rig.buy(&[("MUG-1", 1)], true);
    assert!(rig.hooks().is_empty(), "eBay sends nothing there");
    assert_eq!(actions(&ensure(&rig)), all("kept"));
    assert_eq!(rig.hooks().len(), 1, "the challenge");
    rig.buy(&[("MUG-1", 1)], true);
    assert_eq!(rig.hooks().len(), 1);
}

#[test]
fn other_people_s_subscriptions_are_left_alone() {
    let rig = rig();
    let before = ids(&rig, "subscription");
    let mut settings = rig.twin(|twin, _| twin.settings());
    settings["endpoint_url"] = json!("https://elsewhere.example.com/hooks");
    let opened = connectors::find("ebay").expect("a connector").open(
        settings,
        channel::Port {
            http: rig.port.clone(),
            vault: rig.vault.clone(),
        },
    );
    let channel = opened.unwrap_or_else(|errors| panic!("{errors:?}"));
    let register = channel.register_hooks().expect("registering");
    let states = block_on(register.ensure("https://elsewhere.example.com/hooks"));
    let states = states.expect("a report");
    assert!(states.iter().all(|state| !state.active), "{states:?}");
    assert!(
        states
            .iter()
            .all(|state| state.action.contains("another destination"))
    );
    assert_eq!(ids(&rig, "subscription"), before);
    // An address that is not the one that is registered cannot be proved.
    let error = block_on(register.ensure("https://other.example.com/")).expect_err("no match");
    assert_eq!(kind(&error), "rejected");
}
