//! Messages of the real daemon to a mail server and a program on real sockets: each once, over faults and a kill.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    commands::ask,
    kit::{
        SOON,
        sinks::{self, Call, HookFault, MailFault},
        until,
        world::{END_WITHIN, Plan, World},
    },
};

const ACCOUNT: &str = "kind = \"manual\"\nmode = \"live\"\npay_link = \"https://pay.example.com/{number}?a={amount}\"\n[settings]\n";
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const EMAIL: &str = "zoe@example.com";

/// The part of the configuration that sends.
fn section(mail: u16, hook: u16) -> String {
    format!(
        r#"
[notify.mail]
server = "127.0.0.1"
port = {mail}
tls = "none"
from = "Tea Shop <shop@example.com>"
[notify.webhook]
url = "http://127.0.0.1:{hook}/told"
secret = {{ env = "HOOK_SECRET" }}
[[messages]]
name = "confirmed"
to = ["buyer"]
subject = "Your order {{{{ order.number }}}}"
text = "Hello {{{{ buyer.name }}}}, we got {{{{ order.lines[0].units }}}} x {{{{ order.lines[0].title }}}}."
html = "<p>Hello {{{{ buyer.name }}}}</p>"
[[messages]]
name = "crm"
to = ["webhook"]
text = "{{{{ order.total }}}} {{{{ order.currency }}}}"
[[messages]]
name = "which"
to = ["buyer"]
subject = "Which colour?"
text = "We wait for you: {{{{ order.holds[0] }}}}."
[[rules]]
name = "tell them"
on = "order.accepted"
when = "order.account == 'phone' and order.total < 100"
then = {{ notify = ["confirmed", "crm"] }}
[[rules]]
name = "ask them"
on = "order.accepted"
when = "order.account == 'phone' and order.total >= 100"
then = {{ hold = "no colour was named", ask = "which" }}
"#
    )
}

/// An order of one jug at this price.
async fn order(world: &World, at: &str, price: &str) -> String {
    let entered = world
        .api
        .post(
            "/api/v1/orders",
            json!({
                "account": "phone", "reference": at, "currency": "EUR",
                "lines": [{ "sku": "JUG", "units": 1, "price": price }],
                "pays": "on_invoice",
                "buyer": { "name": "Zoë <Müller>", "email": EMAIL },
                "ship_to": { "name": "Zoë Müller", "street": ["Hauptstraße 5"], "city": "Wien", "postal_code": "1010",
                    "country": "AT" },
            }),
        )
        .await;
    entered["order"].as_str().expect("an order").to_owned()
}

/// The intents of an order: name of the message and state, with why it waits for a person.
async fn states(world: &World, order: &str) -> Vec<(String, String, String)> {
    let found = world.api.get(&format!("/api/v1/orders/{order}")).await;
    let intents = found["intents"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let state = |one: &Value| {
        let why = match one["parked"].as_str() {
            Some(why) => why.to_owned(),
            None => text(&one["last"]),
        };
        (
            text(&one["wish"]["message"]["message"]),
            text(&one["state"]),
            why,
        )
    };
    intents.iter().map(state).collect()
}

/// Waits until a message of an order is so, and says why.
async fn comes_to(world: &World, order: &str, message: &str, state: &str) -> String {
    let what = format!("{message} is {state}");
    until(&world.ports, &what, SOON, async || {
        let states = states(world, order).await;
        let found = states
            .iter()
            .find(|(name, is, _)| name == message && is == state);
        found
            .map(|(.., why)| why.clone())
            .ok_or_else(|| format!("{states:?}"))
    })
    .await
}

/// Whether a call was signed as Standard Webhooks has it.
fn assert_signed(call: &Call) {
    let header = |name: &str| call.headers.get(name).cloned().unwrap_or_default();
    let key = BASE64_STANDARD.decode(SECRET).expect("our own secret");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key does");
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&call.body);
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_goes_once_or_waits_for_a_person() {
    let (mail, hook) = (sinks::mail().await, sinks::hook().await);
    let world = World::open(Plan::default()).await;
    fs::write(world.config().join("accounts.d/phone.toml"), ACCOUNT).expect("it is written");
    let main = world.config().join("oneshelf.toml");
    let text = fs::read_to_string(&main).expect("our own file");
    let sends = section(mail.at.port(), hook.at.port());
    fs::write(&main, format!("{text}{sends}")).expect("it is written");
    let secret = format!("whsec_{SECRET}").into();
    let environment = [("HOOK_SECRET".to_owned(), secret)];
    let daemon = world.start_with(&environment).await;

    // All is well.
    let first = order(&world, "M-1", "20.00").await;
    comes_to(&world, &first, "confirmed", "done").await;
    comes_to(&world, &first, "crm", "done").await;
    let letter = mail.taken().pop().expect("a message");
    for part in [
        "To: zoe@example.com",
        "Tea Shop",
        "Subject: Your order M-1",
        "<p>Hello Zo=C3=AB &lt;M=C3=BCller&gt;</p>",
        "we got 1 x JUG.",
    ] {
        assert!(letter.contains(part), "{part} in {letter}");
    }
    let shown = ask(&world, &["orders", "show", &first]).await;
    let link = "https://pay.example.com/M-1?a=20.00";
    assert!(shown.stdout.contains(link), "{shown:?}");
    let call = hook.taken().pop().expect("a call");
    assert_signed(&call);
    let told: Value = serde_json::from_slice(&call.body).expect("it is JSON");
    assert_eq!(told["data"]["message"], "crm");
    assert_eq!(told["data"]["text"], "20.00 EUR");
    assert_eq!(told["data"]["order"]["number"], "M-1");
    assert!(!told.to_string().contains(EMAIL), "{told}");

    sent_again_under_the_same_id(&world, &mail, &hook).await;
    what_a_person_must_look_at(&world, &mail, &hook).await;
    let asked = order(&world, "M-6", "120.00").await;
    comes_to(&world, &asked, "which", "done").await;
    let letter = mail.taken().pop().expect("a message");
    assert!(
        letter.contains("We wait for you: no colour was named."),
        "{letter}"
    );

    // It dies while the server does not answer: nobody knows, and nothing is sent twice.
    mail.fault(MailFault::Silent);
    let count = mail.taken().len();
    let killed = order(&world, "M-7", "20.00").await;
    until(&world.ports, "the server has it", SOON, async || {
        match mail.taken().len() > count {
            true => Ok(()),
            false => Err("not yet".to_owned()),
        }
    })
    .await;
    daemon.kill();
    let daemon = world.start_with(&environment).await;
    let why = comes_to(&world, &killed, "confirmed", "parked").await;
    assert!(why.contains("may have been sent or not"), "{why}");
    comes_to(&world, &killed, "crm", "done").await;
    assert_eq!(mail.taken().len(), count + 1);

    let said = daemon.stderr();
    assert!(!said.contains(EMAIL), "nobody's address is logged");
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let found = world.doctor(&world.state());
    assert_eq!(found.code, Some(0), "{found:?}");
}

async fn sent_again_under_the_same_id(
    world: &World,
    mail: &sinks::Sink<String, MailFault>,
    hook: &sinks::Sink<Call, HookFault>,
) {
    // Not now, and a program that fails after it was told: again, under the same id.
    mail.fault(MailFault::Later);
    hook.fault(HookFault::FailsAfter);
    let second = order(world, "M-2", "20.00").await;
    comes_to(world, &second, "confirmed", "done").await;
    comes_to(world, &second, "crm", "done").await;
    assert_eq!(mail.taken().len(), 2);
    let ids: Vec<Option<String>> = hook
        .taken()
        .iter()
        .map(|call| call.headers.get("webhook-id").cloned())
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[1], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

/// Refused, broken off, and given up.
async fn what_a_person_must_look_at(
    world: &World,
    mail: &sinks::Sink<String, MailFault>,
    hook: &sinks::Sink<Call, HookFault>,
) {
    mail.fault(MailFault::Never);
    hook.fault(HookFault::Refuses);
    let refused = order(world, "M-3", "20.00").await;
    let why = comes_to(world, &refused, "confirmed", "parked").await;
    assert!(why.contains("nobody here") && !why.contains(EMAIL), "{why}");
    let why = comes_to(world, &refused, "crm", "parked").await;
    assert!(why.contains("422"), "{why}");

    mail.fault(MailFault::BreaksAfter);
    let count = mail.taken().len();
    let broken = order(world, "M-4", "20.00").await;
    let why = comes_to(world, &broken, "confirmed", "parked").await;
    assert!(why.contains("may have been sent or not"), "{why}");
    assert_eq!(mail.taken().len(), count + 1, "it has it once");

    let parked = ask(world, &["outbox", "--state", "parked", "--json"]).await;
    assert!(!parked.stdout.contains(EMAIL), "{parked:?}");
    let entries = parked.stdout.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).expect("it is JSON");
        entry["intent"].as_str().unwrap_or_default().to_owned()
    });
    for intent in entries {
        let told = ask(world, &["outbox", "drop", &intent, "--by", "ann"]).await;
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    comes_to(world, &broken, "confirmed", "dropped").await;
    let shown = ask(world, &["orders", "show", &broken]).await;
    assert!(
        shown.stdout.contains("ann does not want it any more"),
        "{shown:?}"
    );

    let told = ask(world, &["orders", "tell", &refused, "crm"]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    comes_to(world, &refused, "crm", "done").await;
}
