//! What each command asks, prints and exits with, against answers that stand here.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use channel::{
    HttpPort,
    http::{Request, Response, SendError},
};
use clap::Parser;
use domain::Time;
use serde_json::{Value, json};

use super::{Client, Out, Verb, settle};
use crate::exit::Exit;

mod aftersales;
mod backup;
mod documents;
mod fulfillment;
mod incidents;
mod overview;
mod partner;
mod pausing;
mod rules;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

/// Gives the answers that it was given, in order, and notes what was asked.
#[derive(Default)]
struct Canned {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<Request>>,
}

#[async_trait]
impl HttpPort for Canned {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.asked.lock().expect("no holder panics").push(request);
        match self.answers.lock().expect("no holder panics").pop_front() {
            Some((status, body)) => Ok(http::Response::builder()
                .status(status)
                .body(body.into_bytes())
                .expect("a response")),
            None => Err(SendError::NotSent("connection refused".to_owned())),
        }
    }

    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn nonce(&self) -> String {
        "0123456789abcdef0123456789abcdef".to_owned()
    }
}

/// What a command did.
struct Ran {
    exit: Exit,
    text: String,
    asked: Vec<Request>,
}

impl Ran {
    /// What was asked, as method and address.
    fn calls(&self) -> Vec<String> {
        let call = |request: &Request| format!("{} {}", request.method(), request.uri());
        self.asked.iter().map(call).collect()
    }

    fn body(&self, at: usize) -> Value {
        serde_json::from_slice(self.asked[at].body()).unwrap_or(Value::Null)
    }
}

async fn run(line: &str, answers: &[(u16, Value)]) -> Ran {
    let mut written = Vec::new();
    let (exit, asked) = run_into(line, answers, &mut written).await;
    Ran {
        exit,
        text: String::from_utf8(written).expect("text"),
        asked,
    }
}

/// A daemon that gives these answers, one after the other.
fn canned(answers: &[(u16, Value)]) -> Arc<Canned> {
    let canned = Canned::default();
    let bodies = answers
        .iter()
        .map(|(status, body)| (*status, body.to_string()));
    let mut waiting = canned.answers.lock().expect("no holder panics");
    waiting.extend(bodies);
    drop(waiting);
    Arc::new(canned)
}

async fn run_into(
    line: &str,
    answers: &[(u16, Value)],
    to: &mut dyn Write,
) -> (Exit, Vec<Request>) {
    let words = std::iter::once("oneshelf").chain(line.split('|'));
    let verb = Line::try_parse_from(words).expect("a command").verb;
    let canned = canned(answers);
    let http = Arc::clone(&canned) as Arc<dyn HttpPort>;
    let client = Client::new(http, "http://daemon:8081/", Some("secret".to_owned()));
    let is_json = verb.connect().is_some_and(|connect| connect.json);
    let mut out = Out::new(to, is_json);
    let result = verb.hand_over(&client, &mut out).await;
    let exit = settle(result).expect("a failure with an exit code");
    let asked = std::mem::take(&mut *canned.asked.lock().expect("no holder panics"));
    (exit, asked)
}

fn page(items: Value, next: Option<&str>) -> (u16, Value) {
    (200, json!({ "items": items, "next": next }))
}

#[test]
fn the_command_line_is_sound() {
    use clap::CommandFactory;
    Line::command().debug_assert();
    for line in [
        &["stock", "adjust", "MUG", "--reason", "r"][..],
        &[
            "stock", "adjust", "MUG", "--delta", "1", "--to", "1", "--reason", "r",
        ][..],
        &["orders", "ship", "17", "--line", "x"][..],
        &["freeze"][..],
        &["freeze", "shop", "--all"][..],
        &["accounts", "mode", "shop", "on"][..],
        &["status", "--token", "t", "--token-file", "f"][..],
    ] {
        let words = std::iter::once("oneshelf").chain(line.iter().copied());
        assert!(Line::try_parse_from(words).is_err(), "{line:?}");
    }
}

#[tokio::test]
async fn lists_are_tables_that_line_up() {
    let order = |id: &str, number: &str, amount: &str| {
        json!({
            "id": id, "number": number, "account": "shop", "phase": "ready",
            "placed_at": "2026-11-21T10:00:00Z", "ship_by": null,
            "total": { "amount": amount, "currency": "EUR" }, "line_count": 1,
        })
    };
    let first = page(json!([order("ord_1", "#1", "9.90")]), Some("c/1"));
    let second = page(json!([order("ord_22", "#22", "119.00")]), None);
    let ran = run(
        "orders|list|--phase|ready|--account|my shop",
        &[first, second],
    )
    .await;
    assert_eq!(
        ran.text,
        "\
ORDER   NUMBER  ACCOUNT  PHASE  PLACED                SHIP BY  TOTAL       LINES  FLAGS
ord_1   #1      shop     ready  2026-11-21T10:00:00Z  -        9.90 EUR    1      -
ord_22  #22     shop     ready  2026-11-21T10:00:00Z  -        119.00 EUR  1      -
"
    );
    assert_eq!(
        ran.calls(),
        [
            "GET http://daemon:8081/api/v1/orders?account=my%20shop&phase=ready&limit=200",
            "GET http://daemon:8081/api/v1/orders?account=my%20shop&phase=ready&limit=200&cursor=c%2F1",
        ]
    );
    assert_eq!(ran.asked[0].headers()["authorization"], "Bearer secret");
    assert_eq!(ran.exit, Exit::Good);
    let ran = run("orders|list|--newest|--limit|1", &[page(json!([]), None)]).await;
    let asked = "GET http://daemon:8081/api/v1/orders?newest_first=true&limit=1";
    assert_eq!(ran.calls(), [asked]);
    assert!(ran.text.ends_with("LINES  FLAGS\n(none)\n"), "{}", ran.text);
}

#[tokio::test]
async fn json_is_one_object_a_line_as_it_came() {
    let items = json!([{ "sku": "A", "on_hand": 1 }, { "sku": "B", "on_hand": null }]);
    let ran = run("stock|--json", &[page(items, None)]).await;
    let lines: Vec<Value> = ran
        .text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(lines[1], json!({ "sku": "B", "on_hand": null }));
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn explanations_are_told_sentence_by_sentence_and_obey_no_buyer() {
    let told = json!({ "sku": "A/B", "sentences": ["One.", "Title \u{1b}[2J\u{7}\nis odd."] });
    let ran = run("stock|explain|A/B", &[(200, told)]).await;
    assert_eq!(ran.text, "One.\nTitle \u{fffd}[2J\u{fffd}\u{fffd}is odd.\n");
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/stock/A%2FB/explain"]
    );
}

#[tokio::test]
async fn writes_say_what_is_wanted_and_carry_a_key() {
    let receipt = json!({
        "effect": "done", "phase": "part_shipped", "shipment": "shp_1",
    });
    let found = page(json!([{ "id": "ord_a" }]), None);
    let line = "orders|ship|17|--line|1=2|--line|3=0.5|--carrier|DHL|--tracking-number|T";
    let ran = run(line, &[found, (201, receipt)]).await;
    assert_eq!(ran.text, "Recorded as shp_1; the order is part_shipped.\n");
    assert_eq!(
        ran.calls(),
        [
            "GET http://daemon:8081/api/v1/orders?external_id=17&limit=10",
            "POST http://daemon:8081/api/v1/orders/ord_a/shipments",
        ]
    );
    let lines = json!([{ "line": 1, "units": "2" }, { "line": 3, "units": "0.5" }]);
    assert_eq!(
        ran.body(1),
        json!({ "lines": lines, "carrier": "DHL", "tracking_number": "T" })
    );
    assert_eq!(
        ran.asked[1].headers()["idempotency-key"],
        "0123456789abcdef0123456789abcdef"
    );

    let stock = json!({ "sku": "MUG", "kind": "good", "on_hand": 3, "sellable": 2.5 });
    let answers = [(201, json!({ "effect": "done" })), (200, stock)];
    let ran = run("stock|adjust|MUG|--delta|-2|--reason|broken", &answers).await;
    assert_eq!(
        ran.body(0),
        json!({ "sku": "MUG", "delta": "-2", "reason": "broken" })
    );
    assert!(ran.text.contains("MUG  good  3 "), "{}", ran.text);

    let order = json!({ "total": { "amount": "9.00", "currency": "SEK" } });
    let answers = [
        (200, order),
        (202, json!({ "effect": "done", "phase": "shipped" })),
    ];
    let ran = run("orders|refund|ord_a|--amount|5.00|--reason|late", &answers).await;
    assert_eq!(
        ran.body(1)["amount"],
        json!({ "amount": "5.00", "currency": "SEK" })
    );
    assert_eq!(
        ran.text,
        "5.00 SEK are to be given back; the order is shipped.\n"
    );
}

#[tokio::test]
async fn nothing_is_frozen_or_armed_before_it_was_shown_and_confirmed() {
    let plan = json!({
        "account": "shop", "pushes_waiting": 2, "intents_waiting": 1, "units_at_risk": 3,
        "writes": [{ "listing": "l-1", "sku": "MUG", "from": null, "to": 4 }],
    });
    let all = page(json!([{ "id": "shop" }]), None);
    let ran = run("freeze|--all", &[all.clone(), (200, plan.clone())]).await;
    assert_eq!(ran.exit, Exit::Finding);
    assert_eq!(
        ran.text,
        "\
shop: 2 levels and 1 intent would be held back; 3 units at risk now.
  SKU  LISTING  FROM  TO
  MUG  l-1      -     4
  and 1 more
Nothing was changed. Add --yes to do it.
"
    );
    let only_shown = "GET http://daemon:8081/api/v1/accounts/shop/freeze-preview";
    assert_eq!(ran.calls()[1..], [only_shown]);

    let frozen = json!({
        "at": "2026-11-21T10:00:00Z", "by": "ann", "accounts": ["shop"], "undone_at": null,
    });
    let line = "freeze|--all|--yes|--by|ann";
    let ran = run(line, &[all, (200, frozen.clone())]).await;
    assert_eq!(
        (ran.exit, ran.text.as_str()),
        (Exit::Good, "Frozen: shop.\n")
    );
    assert_eq!(ran.body(1), json!({ "accounts": ["shop"], "by": "ann" }));

    let answers = [(200, frozen.clone()), (200, plan.clone())];
    let ran = run("freeze|--undo", &answers).await;
    assert_eq!(ran.exit, Exit::Finding);
    assert!(
        ran.text
            .contains("shop: 2 levels and 1 intent would be written"),
        "{}",
        ran.text
    );
    assert!(
        ran.text
            .starts_with("The last freeze was on 2026-11-21T10:00:00Z by ann.\n")
    );
    let ran = run("freeze|--undo|--yes|--by|bob", &[(200, frozen)]).await;
    assert_eq!(ran.calls(), ["POST http://daemon:8081/api/v1/freeze/undo"]);
    assert_eq!(ran.body(0), json!({ "by": "bob" }));
    assert_eq!(ran.text, "Written to again: shop.\n");
    let none = json!({ "at": null, "accounts": [], "undone_at": null });
    let ran = run("freeze|--undo", &[(200, none)]).await;
    assert_eq!(ran.text, "There is no freeze to take back.\n");

    let ran = run("accounts|mode|shop|live", &[(200, plan)]).await;
    assert_eq!(ran.exit, Exit::Finding);
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/accounts/shop/mode?dry_run=true"]
    );
    let live = json!({ "account": "shop", "mode": "live", "is_frozen": false, "may_write": true });
    let ran = run("accounts|mode|shop|configured|--yes", &[(200, live)]).await;
    assert_eq!(ran.body(0), json!({ "mode": null }));
    assert_eq!(ran.text, "shop is live and is written to.\n");
}

#[tokio::test]
async fn a_thaw_is_shown_with_what_the_breaker_would_hold() {
    let plan = json!({
        "account": "shop", "pushes_waiting": 12, "intents_waiting": 0, "units_at_risk": 60,
        "held": 2, "sudden_zeroes": 11, "breaker_would_hold": true, "writes": [],
    });
    let ran = run("unfreeze|shop", &[(200, plan)]).await;
    assert_eq!(
        ran.text,
        "\
shop: 12 levels and 0 intents would be written; 60 units at risk now.
11 zero levels of these no order caused: more than the breaker lets pass, so it would hold them until `oneshelf \
accounts lift shop --writes --yes`.
2 levels besides are held by the breaker and stay so: `oneshelf accounts breaker shop`.
Nothing was changed. Add --yes to do it.
"
    );
    let thawed =
        json!({ "account": "shop", "mode": "live", "is_frozen": false, "may_write": true });
    let ran = run("unfreeze|shop|--yes|--by|ann", &[(200, thawed)]).await;
    assert_eq!(ran.body(0), json!({ "by": "ann" }));
}

#[tokio::test]
async fn drift_is_shown_with_its_evidence_and_settled_either_way() {
    let case = json!({
        "id": "dft_1", "account": "shop", "listing": "l-1", "sku": "MUG", "expected": 5, "observed": 3,
        "difference": -2, "is_held": false, "opened_at": "2026-11-21T10:00:00Z", "closed_at": null,
        "way": null, "settled_by": null, "text": "It should have shown 5 and showed 3.",
        "evidence": {
            "believed": { "quantity": 5, "at": "2026-11-21T09:00:00Z" },
            "shown": { "quantity": 3, "at": "2026-11-21T10:00:00Z" },
            "orders_read_at": "2026-11-21T09:59:59Z", "orders": ["17"], "sent": null,
            "acknowledged": null, "author": null,
        },
    });
    let ran = run("drift", &[page(json!([case]), None)]).await;
    assert_eq!(
        ran.text,
        "\
CASE   ACCOUNT  SKU  SHOULD  SHOWED  SINCE                 STATE
dft_1  shop     MUG  5       3       2026-11-21T10:00:00Z  open
"
    );
    let ran = run("drift|show|dft_1", &[(200, case.clone())]).await;
    for part in [
        "5 on 2026-11-21T09:00:00Z",
        "3 on 2026-11-21T10:00:00Z",
        "one by one 17",
        "the channel does not say",
        "It should have shown 5 and showed 3.",
    ] {
        assert!(ran.text.contains(part), "{part}: {}", ran.text);
    }
    for (flag, right) in [("--take-theirs", "theirs"), ("--keep-ours", "ours")] {
        let answers = [(200, json!({ "effect": "done" })), (200, case.clone())];
        let ran = run(&format!("drift|settle|dft_1|{flag}"), &answers).await;
        assert_eq!(ran.body(0), json!({ "right": right }));
    }
}

#[tokio::test]
async fn a_breaker_is_shown_before_it_is_lifted() {
    let tripped = json!({
        "account": "shop", "writes": null, "held_count": 1,
        "source": { "at": "2026-11-21T10:00:00Z", "listings": 12, "of": 40 },
        "held": [{ "side": "source", "listing": "l-1", "sku": "MUG", "shows": 0, "wanted": 5,
            "since": "2026-11-21T10:00:01Z" }],
    });
    let ran = run("accounts|lift|shop|--source|--keep-ours", &[(200, tripped)]).await;
    assert_eq!(
        (ran.exit, ran.text.as_str()),
        (
            Exit::Finding,
            "\
shop: 12 of 40 listings jumped or went to zero in the shop, and no order explains it; since 2026-11-21T10:00:00Z (source).
SKU  LISTING  SIDE    SHOWS  SHOULD  HELD SINCE
MUG  l-1      source  0      5       2026-11-21T10:00:01Z
Nothing was changed. Add --yes to do it.
"
        )
    );
    let done = json!({ "effect": "done" });
    let ran = run("accounts|lift|shop|--writes|--yes", &[(200, done)]).await;
    assert_eq!(ran.body(0), json!({ "side": "writes", "right": "ours" }));
    assert_eq!(ran.text, "The breaker of shop is lifted (writes).\n");
}

#[tokio::test]
async fn status_says_what_needs_a_person() {
    let summary = json!({
        "orders_by_phase": { "ready": 2, "short": 1 }, "claims_open": 3, "claims_open_units": 5,
        "pushes": 7, "pushes_waiting": 0, "propagation_ms": { "p50": 90, "p99": 400 },
        "inbox_waiting": 0, "intents_waiting": 1, "parked": 2, "incidents_open": 1,
        "drift_open": 0, "breakers_tripped": 1, "store": { "is_read_only": false, "is_bloated": true },
    });
    let accounts = json!([{
        "id": "shop", "channel": "paper", "mode": "live", "is_frozen": false,
        "counts": { "orders": 3, "listings": 4, "pushes_waiting": 0 },
        "comparison": { "compared": 2, "all": 4 },
        "health": {
            "is_unauthorized": false, "last_poll_at": "2026-11-21T10:00:00Z",
            "last_success_at": "2026-11-21T10:00:00Z", "last_error_at": "2026-11-21T10:00:09Z",
            "last_error": "failed to read orders: status 500",
        },
    }]);
    let answers = [
        (200, summary),
        (200, json!({ "units_at_risk": 0 })),
        page(accounts, None),
    ];
    let ran = run("status", &answers).await;
    assert_eq!(
        ran.text,
        "\
orders     2 ready, 1 short
promised   5 units in 3 claims
pushes     7 taken, 0 waiting; half within 90 ms, all but one in a hundred within 400 ms
waiting    0 signals, 1 intent
at risk    0 units now
backup     not configured
attention  2 parked (oneshelf outbox --state parked); 1 sold and not there (oneshelf incidents); 1 too much at once (oneshelf accounts breaker ACCOUNT); the rows take far more of the disk than they need (oneshelf doctor)

ACCOUNT  CHANNEL  MODE  ORDERS  LISTINGS  WAITING  COMPARED  LAST POLL             TROUBLE
shop     paper    live  3       4         0        2/4       2026-11-21T10:00:00Z  failed to read orders: status 500
"
    );
}

#[tokio::test]
async fn the_exit_code_says_how_it_went() {
    let problem = |code: &str, detail: &str| json!({ "code": code, "detail": detail });
    let wrong = [(401, problem("unauthorized", "send a token"))];
    let unknown = [(404, problem("no-item", "there is no item X"))];
    for (answers, exit) in [
        (&[][..], Exit::Unreachable),
        (&[(200, json!("hello"))][..], Exit::Good),
        (&[(404, json!("Not Found"))][..], Exit::Unreachable),
        (&wrong[..], Exit::Permission),
        (&unknown[..], Exit::Finding),
    ] {
        let ran = run("stock|show|X|--json", answers).await;
        assert_eq!(ran.exit, exit, "{answers:?}");
    }
    let failure = super::Failure::Refused {
        url: "http://daemon:8081".to_owned(),
        status: 404,
        code: "no-item".to_owned(),
        detail: "there is no item X".to_owned(),
    };
    assert_eq!(
        failure.to_string(),
        "there is no item X (no-item)\nwhat to do: http://daemon:8081/errors/no-item"
    );
}

/// A reader that has read enough.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whoever_has_read_enough_is_left_in_peace() {
    let items = page(json!([{ "sku": "A" }]), None);
    let (exit, _) = run_into("stock", &[items], &mut Closed).await;
    assert_eq!(exit, Exit::Good);
}

#[tokio::test]
async fn where_an_order_leaves_from_is_told_before_it_is_done() {
    let plan = json!({
        "number": "#17", "account": "shop", "phase": "ready", "unplaced_by": null,
        "bound": [], "freed": [],
        "parts": [{ "line": 1, "sku": "MUG", "location": "berlin", "units": 2 }],
        "unplaced": [{ "line": 2, "sku": "TEA", "units": 0.5 }],
        "places": [
            { "location": "berlin", "standing": "chosen", "reason": "no other has any" },
            { "location": "fba", "standing": "out", "reason": "it does not serve shop" },
        ],
    });
    let ran = run(
        "orders|allocate|ord_a|--at|berlin|--line|1",
        &[(200, plan.clone())],
    )
    .await;
    assert_eq!(
        ran.text,
        "\
Order #17 of shop is ready.

It would leave:
LINE  SKU  UNITS  FROM
1     MUG  2      berlin

No location for:
LINE  SKU  UNITS
2     TEA  0.5

berlin  chosen: no other has any
fba     out: it does not serve shop

Nothing was changed. Add --yes to do it.
"
    );
    assert_eq!(ran.exit, Exit::Finding);
    let asked = "GET http://daemon:8081/api/v1/orders/ord_a/allocation?line=1&location=berlin";
    assert_eq!(ran.calls(), [asked]);
    let ran = run("orders|allocate|ord_a|--json", &[(200, plan.clone())]).await;
    assert_eq!(ran.exit, Exit::Finding);
    let settled = json!({ "number": "#17", "account": "shop", "phase": "ready", "parts": [], "unplaced": [] });
    let ran = run("orders|allocate|ord_a", &[(200, settled)]).await;
    assert_eq!(ran.exit, Exit::Good, "nothing was to be done: {}", ran.text);
    let receipt = json!({ "effect": "done", "phase": "ready" });
    let line = "orders|allocate|ord_a|--yes|--by|ann";
    let ran = run(line, &[(200, plan), (200, receipt.clone())]).await;
    assert!(
        ran.text.ends_with("Chosen; the order is ready.\n"),
        "{}",
        ran.text
    );
    let line = "orders|unallocate|ord_a|--line|1|--by|ann";
    let ran = run(line, &[(200, receipt)]).await;
    assert_eq!(
        ran.text,
        "Taken back, and no location is chosen by itself until you say `orders allocate`; the order is \
         ready.\n"
    );
}

#[tokio::test]
async fn units_at_risk_are_shown_now_and_as_they_developed() {
    let aged = |quantity: i64, age_ms: u64| json!({ "quantity": quantity, "age_ms": age_ms });
    let exposure = json!({
        "units_at_risk": 3, "listings_at_risk": 1, "overhang": 12,
        "accounts": [{ "account": "shop", "units_at_risk": 3, "listings_at_risk": 1, "since": "T" }],
        "items": [{
            "sku": "MUG", "units_at_risk": 3, "shown": 18, "sellable": 6, "overhang": 12,
            "listing_count": 2,
        }],
        "listings": [{
            "account": "shop", "listing": "l-1", "sku": "MUG", "units_at_risk": 3, "shown": 9,
            "wanted": aged(6, 4_200), "sent": aged(6, 1_000), "is_unanswered": true,
            "acknowledged": aged(9, 3_900_000), "read_back": null,
        }],
        "history": { "step_s": 3600, "steps": [
            { "from": "A", "unit_seconds": 0, "max": 0, "known_s": 0, "accounts": {} },
            { "from": "B", "unit_seconds": 2.5, "max": 1, "known_s": 3600,
              "accounts": { "shop": { "max": 1 }, "till": { "max": 0.5 } } },
            { "from": "C", "unit_seconds": 12.6, "max": 3, "known_s": 60,
              "accounts": { "shop": { "max": 3 } } },
        ] },
    });
    let line = "stock|exposure|--since|24h|--step|1h|--sku|A/B";
    let ran = run(line, &[(200, exposure.clone())]).await;
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/exposure?sku=A%2FB&since=24h&step=1h"]
    );
    assert_eq!(
        ran.text,
        "\
3 units at risk now, on 1 listing.
Overhang: 12 units; that is normal where one stock is shown on several accounts.

ACCOUNT  AT RISK  LISTINGS  SINCE
shop     3        1         T

SKU  AT RISK  SHOWN  SELLABLE  OVERHANG  LISTINGS
MUG  3        18     6         12        2

ACCOUNT  SKU  LISTING  AT RISK  SHOWN  WANTED      SENT         TAKEN          READ BACK
shop     MUG  l-1      3        9      6 (4s ago)  6 (1s ago)?  9 (1h 5m ago)  -

FROM  UNIT-SECONDS  MOST                            BY ACCOUNT
A     -             -
B     2.5           1     ########                  shop 1, till 0.5
C     12.6          3     ########################  shop 3
"
    );
    let ran = run("stock|exposure|--json", &[(200, exposure.clone())]).await;
    assert_eq!(ran.text, format!("{exposure}\n"));
}

#[tokio::test]
async fn stock_is_shown_as_it_was() {
    let mug = json!({
        "sku": "MUG", "title": "Mug", "kind": "good", "on_hand": 5, "allocated": 0, "pending": 2,
        "sellable": 3, "locations": [], "components": [], "as_of": "2026-11-21T08:00:00Z",
    });
    let ran = run("stock|show|MUG|--at|2h ago", &[(200, mug)]).await;
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/stock/MUG?at=2h%20ago"]
    );
    assert_eq!(
        ran.text,
        "\
As it was on 2026-11-21T08:00:00Z:
SKU  KIND  ON HAND  ALLOCATED  PENDING  SELLABLE  TITLE
MUG  good  5        0          2        3         Mug
"
    );
}

#[tokio::test]
async fn taking_over_shows_first_and_says_what_comes_next() {
    let opening = json!({
        "account": "shop", "configured": null, "is_under_way": false, "already_counted": 0, "to_count": 1,
        "units": 7, "left": 0, "not_listed": 1, "left_items": [],
        "items": [{ "sku": "MUG", "shows": 5, "sold": 2, "lies": 7, "elsewhere": { "till": 6 } }],
        "not_listed_items": [{ "sku": "CUP", "title": "Cup", "elsewhere": { "till": null } }],
    });
    let ran = run("adopt|opening|shop", &[(200, opening.clone())]).await;
    assert_eq!(ran.exit, Exit::Finding);
    assert_eq!(
        ran.text,
        "\
shop: 1 item would be counted, 7 units in all; 0 items counted before.
SKU  SHOWS  SOLD, NOT LEFT  WOULD LIE THERE  OTHERS SHOW
MUG  5      2               7                till 6

1 item is not listed there; count each with `oneshelf stock adjust SKU --to UNITS --reason counted`:
SKU  TITLE  OTHERS SHOW
CUP  Cup    till -
Nothing was changed. Add --yes to do it.
"
    );
    let preview = json!({
        "account": "shop", "mode": "observe", "listings": 3, "writes_count": 1, "rises": 0, "falls": 0,
        "zeroes": 1, "units_more": 0, "units_less": 4, "agreeing": 2, "unread": 0, "suppressed": 0,
        "intents_waiting": 1, "sudden_zeroes": 1, "breaker_would_hold": true, "held": 0,
        "writes": [{ "sku": "MUG", "listing": "l-1", "shows": 4, "to": 0, "why": "0 can be sold" }],
    });
    let ran = run("adopt|preview|shop", &[(200, preview)]).await;
    assert_eq!(ran.exit, Exit::Good);
    assert_eq!(
        ran.text,
        "\
shop is observe: 1 of 3 levels would be written, 0 to more (0 units), 0 to less, 1 to zero (4 units less).
2 agree already; 0 are told nothing; 0 were never read; 1 intent waits to be told.
1 of the zeroes no order caused: more than the breaker lets pass; arming after this preview confirms them.

SKU  LISTING  SHOWS  WOULD BE  WHY
MUG  l-1      4      0         0 can be sold
Next: `oneshelf adopt arm shop --yes` writes this.
"
    );
    let armed = json!({ "account": "shop", "mode": "live", "is_frozen": false, "may_write": true });
    let ran = run("adopt|arm|shop|--yes", &[(200, armed)]).await;
    assert_eq!(
        ran.calls(),
        ["POST http://daemon:8081/api/v1/adoption/shop/arm"]
    );
    assert!(
        ran.text
            .starts_with("shop is live and is written to.\nNext: "),
        "{}",
        ran.text
    );
}
