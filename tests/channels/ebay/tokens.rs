//! Tokens: expired, revoked, replaced, and lost on the way.

use channel::{ChannelError, OrderWindow, Port};
use sandbox::ebay::open_rotating;
use serde_json::{Value, json};

use super::{kind, rig};
use crate::port::{Fault, Rig, block_on, shop};

fn rotating() -> Rig {
    let shop = shop("ebay");
    let hook_url = shop.hook_url.clone();
    Rig::over(open_rotating(shop), hook_url)
}

/// Polls with a connector that was opened just now, as after a restart.
fn poll_afresh(rig: &Rig, settings: Value) -> Result<(), ChannelError> {
    let opened = connectors::find("ebay").expect("a connector").open(
        settings,
        Port {
            http: rig.port.clone(),
            vault: rig.vault.clone(),
        },
    );
    let channel = opened.unwrap_or_else(|errors| panic!("{errors:?}"));
    let window = OrderWindow {
        changed_since: rig.now(),
        page: None,
        is_last_kept: false,
    };
    block_on(channel.pull_orders().expect("orders").pull(&window)).map(|_| ())
}

fn poll(rig: &Rig) -> Result<(), ChannelError> {
    let window = OrderWindow {
        changed_since: rig.now(),
        page: None,
        is_last_kept: false,
    };
    block_on(rig.channel.pull_orders().expect("orders").pull(&window)).map(|_| ())
}

fn token_calls(rig: &Rig) -> usize {
    let requests = rig.requests();
    let calls = requests
        .iter()
        .filter(|call| call.ends_with("/oauth2/token"));
    calls.count()
}

#[test]
fn an_expired_token_is_replaced_in_the_same_call() {
    for rig in [rig(), rotating()] {
        poll(&rig).expect("a page");
        assert_eq!(token_calls(&rig), 1);
        for _ in 0..3 {
            rig.twin(|twin, _| twin.expire_tokens());
            poll(&rig).expect("a page");
            assert_eq!(token_calls(&rig), 1);
        }
        // Two hours later it is replaced before eBay refuses it.
        rig.advance(7_200_000);
        poll(&rig).expect("a page");
        assert_eq!(token_calls(&rig), 1);
        poll(&rig).expect("a page");
        assert_eq!(token_calls(&rig), 0);
    }
}

#[test]
fn a_replaced_refresh_token_survives_restarts() {
    let rig = rotating();
    let settings = rig.twin(|twin, _| twin.settings());
    for restart in 0..5 {
        poll_afresh(&rig, settings.clone()).unwrap_or_else(|error| panic!("{restart}: {error}"));
        rig.advance(7_200_000);
    }
    // The configured one died long ago: without the vault nothing would work.
    let bare = rotating();
    let settings = bare.twin(|twin, _| twin.settings());
    poll(&bare).expect("a page");
    bare.twin(|twin, _| twin.expire_tokens());
    poll(&bare).expect("a page");
    let forgetful = Port {
        http: bare.port.clone(),
        vault: std::sync::Arc::new(crate::port::MemoryVault::default()),
    };
    let opened = connectors::find("ebay")
        .expect("a connector")
        .open(settings, forgetful);
    let channel = opened.unwrap_or_else(|errors| panic!("{errors:?}"));
    let error = block_on(channel.probe()).expect_err("the old one is dead");
    assert_eq!(kind(&error), "unauthorized");
}

#[test]
fn an_answer_with_a_new_token_may_get_lost() {
    let rig = rotating();
    let settings = rig.twin(|twin, _| twin.settings());
    for _ in 0..3 {
        rig.faults([Fault::LostAnswer]);
        let error = poll_afresh(&rig, settings.clone()).expect_err("no answer");
        assert_eq!(kind(&error), "retry");
        poll_afresh(&rig, settings.clone()).expect("the old one still lives");
    }
}

#[test]
fn a_wrong_secret_is_a_person_s_task() {
    for (key, value) in [
        ("client_secret", json!("wrong")),
        ("refresh_token", json!("wrong")),
    ] {
        let rig = rig();
        let mut settings = rig.twin(|twin, _| twin.settings());
        settings[key] = value;
        let error = poll_afresh(&rig, settings).expect_err("refused");
        assert_eq!(kind(&error), "unauthorized", "{key}");
    }
}
