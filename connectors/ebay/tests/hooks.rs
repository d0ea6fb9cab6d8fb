//! Notifications: challenges, signatures, keys, and what is read from them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{ErrorKind, HookAnswer, HookRefusal, HookRequest, ReadHooks, Verdict, Verified};
use domain::{ExternalId, Time, snapshot::Observation};
use p256::{
    ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner},
    pkcs8::{EncodePublicKey, LineEnding},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Stage, block_on, reply, settings, with_token};

/// The signing side of a test.
struct Signer {
    key: SigningKey,
}

impl Signer {
    fn new() -> Signer {
        let key = SigningKey::from_slice(&[7; 32]).expect("a scalar");
        Signer { key }
    }

    fn pem(&self) -> String {
        let key = self.key.verifying_key();
        key.to_public_key_pem(LineEnding::LF).expect("a key")
    }

    fn header(&self, key_id: &str, body: &[u8]) -> String {
        let signature: Signature = self
            .key
            .sign_prehash(&Sha256::digest(body))
            .expect("a signature");
        let header = json!({
            "alg": "ecdsa",
            "kid": key_id,
            "signature": BASE64_STANDARD.encode(signature.to_der().as_bytes()),
            "digest": "SHA256",
        });
        BASE64_STANDARD.encode(header.to_string())
    }
}

fn post(header: Option<&str>, body: &[u8]) -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        topic: String::new(),
        query: String::new(),
        headers: header
            .map(|header| ("x-ebay-signature".to_owned(), header.to_owned()))
            .into_iter()
            .collect(),
        body: body.to_vec(),
    }
}

fn now() -> Time {
    Time::parse_utc("2026-11-01T12:00:00Z").expect("a time")
}

/// What a verdict is, in a word.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified(_) => "verified".to_owned(),
        Verdict::Answer(answer) => format!("answer {}", answer.status),
        Verdict::KeyNeeded(key) => format!("key {key}"),
        Verdict::Refused(refusal) => format!("{refusal:?}"),
    }
}

/// A stage that knows one public key under one name.
fn stage_with_key(key_id: &'static str, pem: String) -> std::sync::Arc<Stage> {
    Stage::new(with_token(move |request| {
        let path = format!("/commerce/notification/v1/public_key/{key_id}");
        if request.uri().path() == path {
            let body = json!({ "key": pem, "algorithm": "ECDSA", "digest": "SHA1" });
            return reply(200, &body);
        }
        reply(404, &json!({ "errors": [{ "errorId": 195_001 }] }))
    }))
}

fn fetched(hooks: &dyn ReadHooks, request: &HookRequest, at: Time) -> String {
    let Verdict::KeyNeeded(key) = hooks.verify(request, at) else {
        return word(&hooks.verify(request, at));
    };
    block_on(hooks.fetch_key(&key)).expect("a key");
    word(&hooks.verify(request, at))
}

#[test]
fn a_challenge_is_answered_with_the_documented_hash() {
    let stage = Stage::new(|_| reply(500, &json!({})));
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let ask = |query: &str| {
        let mut request = post(None, b"");
        request.method = "GET".to_owned();
        request.query = query.to_owned();
        hooks.verify(&request, now())
    };
    // Computed with another program: SHA-256 over code, token and address.
    let expected = HookAnswer {
        status: 200,
        content_type: "application/json",
        body: r#"{"challengeResponse":"7c239f1ce268e23abf8407013cf24d7c0e83537620621a1e895b232902ce500c"}"#
            .to_owned(),
    };
    let Verdict::Answer(answer) = ask("challenge_code=challenge-123") else {
        panic!("an answer");
    };
    assert_eq!(answer, expected);
    assert_eq!(
        word(&ask("a=b&challenge_code=challenge%2D123")),
        "answer 200"
    );
    assert_eq!(word(&ask("")), "Missing");
    assert_eq!(word(&ask("challenge_code=")), "Malformed");
    let long = format!("challenge_code={}", "c".repeat(600));
    assert_eq!(word(&ask(&long)), "Malformed");
    assert_eq!(
        stage.events(),
        Vec::<String>::new(),
        "nothing is asked for it"
    );
}

#[test]
fn a_signature_fits_only_its_own_body() {
    let signer = Signer::new();
    let stage = stage_with_key("key-1", signer.pem().replace('\n', ""));
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let body = br#"{"metadata":{"topic":"ORDER_CONFIRMATION"}}"#;
    let header = signer.header("key-1", body);
    let request = post(Some(&header), body);
    assert_eq!(word(&hooks.verify(&request, now())), "key key-1");
    assert_eq!(fetched(hooks, &request, now()), "verified");
    for bit in 0..body.len() * 8 {
        let mut flipped = body.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict = hooks.verify(&post(Some(&header), &flipped), now());
        assert_eq!(word(&verdict), "Wrong", "bit {bit} of the body");
    }
    let plain = BASE64_STANDARD.decode(&header).expect("base64");
    let plain: Value = serde_json::from_slice(&plain).expect("JSON");
    let der = BASE64_STANDARD
        .decode(plain["signature"].as_str().expect("text"))
        .expect("base64");
    for bit in 0..der.len() * 8 {
        let mut flipped = der.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut header = plain.clone();
        header["signature"] = json!(BASE64_STANDARD.encode(flipped));
        let header = BASE64_STANDARD.encode(header.to_string());
        let verdict = word(&hooks.verify(&post(Some(&header), body), now()));
        assert!(
            matches!(verdict.as_str(), "Wrong" | "Malformed"),
            "bit {bit}"
        );
    }
}

#[test]
fn a_body_with_white_space_may_be_signed_without_it() {
    let signer = Signer::new();
    let stage = stage_with_key("key-1", signer.pem());
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let compact = r#"{"z":[1,{"b":null,"a":"é\n"}],"a":true}"#;
    let spaced = "{ \"z\": [1, { \"b\": null,\n \"a\": \"\\u00e9\\n\" } ],\t\"a\": true }";
    let header = signer.header("key-1", compact.as_bytes());
    let spaced = post(Some(&header), spaced.as_bytes());
    assert_eq!(fetched(hooks, &spaced, now()), "verified");
    let other_order = r#"{"a":true,"z":[1,{"b":null,"a":"é\n"}]}"#;
    let verdict = hooks.verify(&post(Some(&header), other_order.as_bytes()), now());
    assert_eq!(word(&verdict), "Wrong");
}

#[test]
fn a_strange_signature_is_refused_before_anything_is_fetched() {
    let stage = Stage::new(|_| reply(500, &json!({})));
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let header = |change: &Value| {
        let mut header =
            json!({ "alg": "ecdsa", "kid": "k", "signature": "AAAA", "digest": "SHA1" });
        for (key, value) in change.as_object().expect("changes") {
            header[key] = value.clone();
        }
        BASE64_STANDARD.encode(header.to_string())
    };
    let many = format!("[{}", "[".repeat(10_000));
    for (header, expected) in [
        (header(&json!({})), "key k"),
        (header(&json!({ "kid": "../config" })), "Malformed"),
        (header(&json!({ "kid": "" })), "Malformed"),
        (header(&json!({ "kid": "k".repeat(65) })), "Malformed"),
        (header(&json!({ "kid": "k?x=1" })), "Malformed"),
        (header(&json!({ "kid": 7 })), "Malformed"),
        (header(&json!({ "alg": "none" })), "Malformed"),
        (header(&json!({ "digest": "MD5" })), "Malformed"),
        (header(&json!({ "signature": "%" })), "Malformed"),
        ("%%%".to_owned(), "Malformed"),
        (String::new(), "Malformed"),
        (BASE64_STANDARD.encode(&many), "Malformed"),
        (BASE64_STANDARD.encode([0xff, 0xfe]), "Malformed"),
    ] {
        let verdict = hooks.verify(&post(Some(&header), b"{}"), now());
        assert_eq!(word(&verdict), expected, "{header}");
    }
    assert_eq!(word(&hooks.verify(&post(None, b"{}"), now())), "Missing");
    assert_eq!(stage.events(), Vec::<String>::new());
}

#[test]
fn a_key_is_believed_for_an_hour() {
    let signer = Signer::new();
    let stage = stage_with_key("key-1", signer.pem());
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let request = post(Some(&signer.header("key-1", b"{}")), b"{}");
    let at = |minutes: u64| now().plus(std::time::Duration::from_secs(60 * minutes));
    assert_eq!(fetched(hooks, &request, at(0)), "verified");
    assert_eq!(word(&hooks.verify(&request, at(59))), "verified");
    assert_eq!(word(&hooks.verify(&request, at(60))), "key key-1");
}

#[test]
fn invented_keys_cost_little() {
    let stage = stage_with_key("key-1", Signer::new().pem());
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let invented = |name: &str| post(Some(&Signer::new().header(name, b"{}")), b"{}");
    let error = block_on(hooks.fetch_key("who")).expect_err("eBay does not know it");
    assert_eq!(error.kind, ErrorKind::Gone);
    let again = hooks.verify(&invented("who"), now());
    assert_eq!(word(&again), "Wrong", "it is not asked for a second time");
    let mut asked = 0;
    for number in 0..1_000 {
        let name = format!("who-{number}");
        let error = block_on(hooks.fetch_key(&name)).expect_err("eBay does not know it");
        asked += usize::from(error.kind == ErrorKind::Gone);
        let is_passing = matches!(error.kind, ErrorKind::Gone | ErrorKind::Retry { .. });
        assert!(is_passing, "{error}");
    }
    assert_eq!(asked, 19, "twenty fetches in ten minutes");
    let hostile = block_on(hooks.fetch_key("../config")).expect_err("no name");
    assert!(matches!(hostile.kind, ErrorKind::Rejected { .. }));
    stage.advance(600);
    block_on(hooks.fetch_key("key-1")).expect("the flood is over");
}

#[test]
fn a_key_that_is_none_is_an_error() {
    for pem in [
        "",
        "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----",
        "ü",
    ] {
        let stage = stage_with_key("key-1", pem.to_owned());
        let channel = stage.open();
        let hooks = channel.read_hooks().expect("hooks");
        let error = block_on(hooks.fetch_key("key-1")).expect_err("no key");
        assert!(matches!(error.kind, ErrorKind::Malformed { .. }), "{pem}");
    }
}

#[test]
fn each_topic_tells_what_to_look_at() {
    let stage = Stage::new(|_| reply(500, &json!({})));
    let channel = stage.open();
    let hooks = channel.read_hooks().expect("hooks");
    let read = |topic: &str, data: Value| {
        let body = json!({
            "metadata": { "topic": topic, "schemaVersion": "1.0" },
            "notification": { "notificationId": "n-1", "data": data },
        });
        let hook = post(None, body.to_string().as_bytes());
        hooks.read(&Verified::from_journal(hook))
    };
    let look = || {
        Ok(vec![Observation::LookAtOrder(ExternalId::from(
            "12-34567-89012",
        ))])
    };
    let at_top = json!({ "orderId": "12-34567-89012" });
    let within = json!({ "order": { "orderId": "12-34567-89012" } });
    for topic in ["ORDER_CONFIRMATION", "ITEM_MARKED_SHIPPED"] {
        assert_eq!(read(topic, at_top.clone()), look(), "{topic}");
        assert_eq!(read(topic, within.clone()), look(), "{topic}");
        for data in [json!({}), Value::Null, json!([7]), json!({ "orderId": 7 })] {
            let told = read(topic, data.clone()).expect("readable");
            assert!(
                matches!(told.as_slice(), [Observation::Nothing(_)]),
                "{topic} {data}"
            );
        }
        assert!(read(topic, json!({ "orderId": "../x" })).is_err());
    }
    let gone = read("AUTHORIZATION_REVOCATION", json!({ "username": "x" }));
    assert_eq!(gone, Ok(vec![Observation::Revoked]));
    let deleted =
        json!({ "username": "buyer7", "userId": "ma8vp1jySJC", "eiasToken": "nY+sHZ2Pr" });
    assert_eq!(
        read("MARKETPLACE_ACCOUNT_DELETION", deleted),
        Ok(vec![Observation::ForgetBuyer("buyer7".to_owned())])
    );
    for topic in ["MARKETPLACE_ACCOUNT_DELETION", "PRIORITY_LISTING_REVISION"] {
        let told = read(topic, json!({})).expect("readable");
        assert!(
            matches!(told.as_slice(), [Observation::Nothing(_)]),
            "{topic}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "{\"metadata\":{}}",
        "\u{0}",
        deep.as_str(),
    ] {
        let hook = Verified::from_journal(post(None, body.as_bytes()));
        assert!(hooks.read(&hook).is_err(), "{:.20}", body);
    }
    let hook = Verified::from_journal(post(None, &[0xff, 0xfe]));
    assert!(hooks.read(&hook).is_err());
}

#[test]
fn the_shared_signatures_verify() {
    let name = "the_shared_signatures_verify";
    let Some(shared) = std::env::var_os("ONESHELF_SHARED") else {
        println!("skipped: {name}: ONESHELF_SHARED is not set");
        return;
    };
    let path = std::path::Path::new(&shared).join("specs/webhook-signature-vectors.json");
    let text = std::fs::read(path).expect("the shared vectors");
    let vectors: Value = serde_json::from_slice(&text).expect("JSON");
    let mut checked = 0;
    for vector in vectors["vectors"].as_array().expect("vectors") {
        if vector["channel"] != "ebay" {
            continue;
        }
        checked += 1;
        if let Some(code) = vector["challenge_code"].as_str() {
            let mut settings = settings();
            settings["verification_token"] = vector["verification_token"].clone();
            settings["endpoint_url"] = vector["endpoint"].clone();
            let stage = Stage::new(|_| reply(500, &json!({})));
            let channel = stage.open_with(settings);
            let mut request = post(None, b"");
            request.method = "GET".to_owned();
            request.query = format!("challenge_code={code}");
            let hooks = channel.read_hooks().expect("hooks");
            let Verdict::Answer(answer) = hooks.verify(&request, now()) else {
                panic!("an answer");
            };
            let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
            assert_eq!(answer["challengeResponse"], vector["challenge_response"]);
            continue;
        }
        let pem = vector["public_key_pem"].as_str().expect("a key").to_owned();
        let stage = stage_with_key("test-kid", pem);
        let channel = stage.open();
        let hooks = channel.read_hooks().expect("hooks");
        let header = vector["headers"]["X-EBAY-SIGNATURE"]
            .as_str()
            .expect("text");
        let body = vector["body"].as_str().expect("text").as_bytes();
        let request = post(Some(header), body);
        assert_eq!(fetched(hooks, &request, now()), "verified");
        // One bit in every byte, a different one in each of its neighbors.
        for byte in 0..body.len() {
            let mut flipped = request.clone();
            flipped.body[byte] ^= 1 << (byte % 8);
            assert_eq!(
                word(&hooks.verify(&flipped, now())),
                format!("{:?}", HookRefusal::Wrong),
                "byte {byte}"
            );
        }
        let other = post(Some(header), b"{}");
        assert_eq!(
            word(&hooks.verify(&other, now())),
            format!("{:?}", HookRefusal::Wrong)
        );
    }
    assert_eq!(checked, 3, "two signatures and a challenge");
}
