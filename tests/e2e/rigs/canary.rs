//! Fifty secrets and fifty persons, made from a seed, are looked for in every byte that the daemon left.
//!
//! Each of their texts has a marker in it that is nowhere else, so a part of one is found as well, however it is
//! cut. That the search sees what lies there, compressed or not, is shown by a text that is no secret.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Share;
use crate::{
    commands::ask,
    kit::{
        SOON,
        bytes::everything_below,
        until,
        world::{END_WITHIN, Plan, World, write_secret},
    },
};

const PERSONS: usize = 50;
/// Accounts whose three secrets no shop knows: every call is refused, so they come where errors are made.
const ACCOUNTS: usize = 17;

/// What is in every canary of its kind, and in nothing else.
struct Markers {
    /// In names, streets, e-mail addresses and notes.
    word: String,
    /// In phone numbers.
    digits: String,
    /// In secrets.
    hex: String,
    /// In what is no secret: it must be found.
    plain: String,
}

impl Markers {
    fn of(seed: u64) -> Markers {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut letters = |many: usize, from: &[u8]| -> String {
            let one = || char::from(from[chance.usize(..from.len())]);
            std::iter::repeat_with(one).take(many).collect()
        };
        Markers {
            word: format!("kanari{}", letters(8, b"abcdefghijklmnopqrstuvwxyz")),
            digits: letters(9, b"123456789"),
            hex: letters(16, b"0123456789abcdef"),
            plain: format!("PAPER{}", letters(8, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
        }
    }

    fn email(&self, number: usize) -> String {
        format!("{}.{number}@example.com", self.word)
    }

    /// An order of the person with a number.
    fn order(&self, number: usize) -> Value {
        let name = format!("Ada{number} {}", self.word);
        let phone = format!("+49{}{number:02}", self.digits);
        let address = json!({
            "name": name, "street": [format!("{} Street {number}", self.word)], "city": "Berlin",
            "postal_code": "10115", "country": "DE", "phone": phone,
        });
        json!({
            "account": "phone", "currency": "EUR", "reference": format!("{}-{number}", self.plain),
            "lines": [{ "sku": "JUG", "units": 1, "price": "1.00" }],
            "buyer": { "name": name, "email": self.email(number), "phone": phone },
            "ship_to": address, "bill_to": address, "note": format!("ring at {}", self.word),
            "payments": [{ "method": "cash", "amount": "1.00" }],
        })
    }

    /// What of the private texts this says, written in any case or as `Authorization` writes it.
    fn told_by(&self, content: &str) -> Option<String> {
        let lower = content.to_ascii_lowercase();
        let private = [&self.word, &self.digits, &self.hex];
        let plainly = private.into_iter().find(|text| lower.contains(*text));
        // Three bytes become four characters, so all but the last of the marker can be told beforehand.
        let encoded = STANDARD.encode(&format!("ck_{}", self.hex)[..18]);
        let encoded = content.contains(&encoded).then_some(encoded);
        plainly.cloned().or(encoded)
    }
}

/// No file says anything private, and the search finds what may be said.
fn expect_silence(markers: &Markers, folder: &Path, says_what_is_plain: bool) {
    let all = everything_below(folder);
    for (path, content) in &all {
        let told = markers.told_by(content);
        assert_eq!(told, None, "{} says it", path.display());
    }
    let is_plain = all
        .iter()
        .any(|(_, content)| content.contains(&markers.plain));
    assert_eq!(is_plain, says_what_is_plain, "{}", folder.display());
}

fn expect_silent_logs(markers: &Markers, world: &World) {
    for name in ["stdout.log", "stderr.log"] {
        let log = fs::read_to_string(world.dir.path().join(name)).expect("a log");
        assert_eq!(markers.told_by(&log), None, "{name} says it");
    }
}

/// Accounts with secrets that no shop knows.
fn add_accounts(markers: &Markers, world: &World) {
    let shop = world.shop("web-shop");
    let Value::Object(known) = shop.settings() else {
        panic!("settings are an object");
    };
    for number in 0..ACCOUNTS {
        let mut text = "kind = \"woocommerce\"\nmode = \"observe\"\n\n[settings]\n".to_owned();
        for (key, value) in &known {
            let secret = match key.as_str() {
                "consumer_key" => format!("ck_{}{number:024x}", markers.hex),
                "consumer_secret" => format!("cs_{}{number:024x}", markers.hex),
                "webhook_secret" => format!("wh_{}{number:024x}", markers.hex),
                _ => {
                    text.push_str(&format!("{key} = {value}\n"));
                    continue;
                }
            };
            let name = format!("other-{number}.{key}");
            let place = write_secret(&world.config(), &name, &secret);
            text.push_str(&format!("{key} = {place}\n"));
        }
        let file = format!("accounts.d/other-{number}.toml");
        fs::write(world.config().join(file), text).expect("it is written");
    }
}

/// What was entered, and once more with each mistake that is answered with what was said.
async fn enter(markers: &Markers, world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..PERSONS {
        let order = markers.order(number);
        let key = format!("canary-{number}");
        let placed = world
            .api
            .try_post("/api/v1/orders", Some(&key), order.clone());
        let placed = placed.await.expect("an answer");
        assert_eq!(placed.status, 201, "{}", placed.body);
        ids.push(placed.body["order"].as_str().expect("an id").to_owned());
        let mut wrong = order.clone();
        match number % 3 {
            0 => wrong["ship_to"]["country"] = json!(markers.word),
            1 => wrong[&markers.word] = json!(markers.email(number)),
            _ => wrong["buyer"] = json!(markers.email(number)),
        }
        let refused = world.api.try_post("/api/v1/orders", None, wrong).await;
        let refused = refused.expect("an answer");
        assert!(refused.status >= 400, "{}", refused.body);
    }
    for id in ids.iter().step_by(5) {
        let note = json!({ "text": format!("{} called", markers.word) });
        world
            .api
            .post(&format!("/api/v1/orders/{id}/notes"), note)
            .await;
    }
    ids
}

/// Half of the orders are sent, half are canceled, and then everybody is forgotten.
async fn forget(markers: &Markers, world: &World, ids: &[String]) {
    for (number, id) in ids.iter().enumerate() {
        let done = match number % 2 {
            0 => ask(world, &["orders", "ship", id]).await,
            _ => ask(world, &["orders", "cancel", id, "--reason", "asked for it"]).await,
        };
        assert_eq!(done.code, Some(0), "{done:?}");
        let email = markers.email(number);
        let erased = ask(world, &["people", "erase", &email, "--yes"]).await;
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert!(erased.stdout.contains("Erased in 1 order"), "{erased:?}");
    }
    for (number, id) in ids.iter().enumerate() {
        let order = world.api.get(&format!("/api/v1/orders/{id}")).await;
        assert!(order["erasure"]["done_at"].is_string(), "{number}: {order}");
        let left = markers.told_by(&order.to_string());
        assert_eq!(left, None, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_is_in_what_is_kept_or_logged() {
    let share = Share::of("canary", 1);
    for round in 0..share.rounds {
        let markers = Markers::of(share.seed + u64::from(round));
        let world = World::open(Plan {
            log_level: "trace",
            ..Plan::default()
        })
        .await;
        let backups = world.keep_backups();
        let daemon = world.adopt().await;
        assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
        add_accounts(&markers, &world);
        let phone = "kind = \"manual\"\nmode = \"live\"\n[settings]\n";
        fs::write(world.config().join("accounts.d/phone.toml"), phone).expect("it is written");

        let daemon = world.start().await;
        let ids = enter(&markers, &world).await;
        expect_refused_calls(&world).await;
        let found = ask(&world, &["people", "find", &markers.email(7)]).await;
        assert!(found.stdout.contains(&ids[7]), "they are known: {found:?}");
        let made = ask(&world, &["backup", "create"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        expect_silent_logs(&markers, &world);
        expect_silence(&markers, &world.state(), true);
        expect_silence(&markers, &backups, true);

        forget(&markers, &world, &ids).await;
        let made = ask(&world, &["backup", "create"]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
        expect_silent_logs(&markers, &world);
        expect_silence(&markers, &world.state(), true);
        expect_silence(&markers, &backups, true);
    }
}

/// Waits until each of the accounts was refused by its shop.
async fn expect_refused_calls(world: &World) {
    until(&world.ports, "the shops refuse", SOON, async || {
        for account in world.api.all("/api/v1/accounts").await? {
            let is_other = account["id"]
                .as_str()
                .is_some_and(|id| id.starts_with("other-"));
            if is_other && account["health"]["last_error"].is_null() {
                return Err(account.to_string());
            }
        }
        Ok(())
    })
    .await;
}

#[test]
fn a_search_finds_what_is_there() {
    let markers = Markers::of(1);
    for text in [
        markers.email(3).to_uppercase(),
        format!("+49{}01", markers.digits),
        format!("Bearer ck_{}", markers.hex),
        STANDARD.encode(format!("ck_{}00:cs_{}00", markers.hex, markers.hex)),
    ] {
        assert!(markers.told_by(&text).is_some(), "{text}");
    }
    assert_eq!(markers.told_by(&markers.plain), None);
}
