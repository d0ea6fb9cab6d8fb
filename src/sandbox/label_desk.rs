//! Somebody who sells labels by the protocol of docs/operating/labels.md, with a truth of its own and faults.
//!
//! It buys once for each key, whatever is asked how often, and says so afterwards: what was bought, what was given
//! back, and what that cost.

use std::collections::{BTreeMap, VecDeque};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelFault {
    /// It has too much to do, and does nothing.
    Busy,
    /// It does what was asked, and the answer is lost.
    LostAfter,
    /// It does what was asked, and says that it failed.
    FailsAfter,
    /// It refuses.
    Refuses,
    /// It does what was asked, and its answer is no JSON.
    Garbled,
}

/// A label that was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoldLabel {
    /// Under which key it was asked for.
    pub key: String,
    /// What it is called here.
    pub reference: String,
    /// The carrier's number.
    pub tracking_number: String,
    /// Where it goes: the name that stands on it.
    pub to: String,
    /// Its cost in cents.
    pub cents: i64,
    /// Whether it was given back.
    pub is_void: bool,
}

/// The seller.
#[derive(Default)]
pub struct LabelDesk {
    token: String,
    sold: Vec<SoldLabel>,
    by_key: BTreeMap<String, usize>,
    faults: VecDeque<LabelFault>,
    asked: u32,
}

impl LabelDesk {
    /// One that wants this token.
    pub fn new(token: &str) -> LabelDesk {
        LabelDesk {
            token: token.to_owned(),
            ..LabelDesk::default()
        }
    }

    /// What goes wrong next, after what was said before.
    pub fn fault(&mut self, fault: LabelFault) {
        self.faults.push_back(fault);
    }

    /// All that was sold, in order.
    pub fn sold(&self) -> &[SoldLabel] {
        &self.sold
    }

    /// How often it was asked for a label or to take one back.
    pub fn asked(&self) -> u32 {
        self.asked
    }

    /// Answers a request; nothing where the answer is lost.
    pub fn handle(&mut self, request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if header("authorization") != Some(format!("Bearer {}", self.token).as_str()) {
            return Some(failed(StatusCode::UNAUTHORIZED, "who are you?"));
        }
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return Some(failed(StatusCode::BAD_REQUEST, "that is no JSON"));
        };
        let key = header("idempotency-key").unwrap_or_default().to_owned();
        match request
            .uri()
            .path()
            .rsplit_once("/v1/")
            .map(|(_, path)| path)
        {
            Some("rates") => Some(answer(&json!({ "rates": [
                { "service": "standard", "carrier": "Example Post", "cost": euros(490), "days": 3 },
                { "service": "express", "carrier": "Example Post", "cost": euros(990), "days": 1 },
            ] }))),
            Some("labels/file") => Some(self.file(&body)),
            Some("labels") => self.with_fault(|desk| desk.sell(&key, &body)),
            Some("labels/void") => self.with_fault(|desk| desk.take_back(&body)),
            Some(_) | None => Some(failed(StatusCode::NOT_FOUND, "there is nothing here")),
        }
    }

    fn with_fault(
        &mut self,
        act: impl FnOnce(&mut LabelDesk) -> Response<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        self.asked += 1;
        match self.faults.pop_front() {
            Some(LabelFault::Busy) => Some(failed(StatusCode::TOO_MANY_REQUESTS, "later")),
            Some(LabelFault::Refuses) => Some(failed(
                StatusCode::UNPROCESSABLE_ENTITY,
                "no such postal code",
            )),
            Some(LabelFault::LostAfter) => {
                act(self);
                None
            }
            Some(LabelFault::FailsAfter) => {
                act(self);
                Some(failed(StatusCode::BAD_GATEWAY, "the line broke"))
            }
            Some(LabelFault::Garbled) => {
                act(self);
                Some(Response::new(b"<html>".to_vec()))
            }
            None => Some(act(self)),
        }
    }

    fn sell(&mut self, key: &str, body: &Value) -> Response<Vec<u8>> {
        if key.is_empty() {
            return failed(StatusCode::BAD_REQUEST, "an idempotency-key is missing");
        }
        let to = body["to"]["name"].as_str().unwrap_or_default().to_owned();
        if to.is_empty() || body["to"]["country"].as_str().unwrap_or_default().len() != 2 {
            return failed(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the address is not complete",
            );
        }
        let is_express = body["service"] == "express";
        let at = *self.by_key.entry(key.to_owned()).or_insert_with(|| {
            let number = self.sold.len() + 1;
            self.sold.push(SoldLabel {
                key: key.to_owned(),
                reference: format!("lbl_{number}"),
                tracking_number: format!("EX{number:06}"),
                to,
                cents: if is_express { 990 } else { 490 },
                is_void: false,
            });
            number - 1
        });
        let label = &self.sold[at];
        answer(&json!({
            "reference": label.reference,
            "carrier": "Example Post",
            "tracking_number": label.tracking_number,
            "tracking_url": format!("https://post.example.com/{}", label.tracking_number),
            "cost": euros(label.cents),
        }))
    }

    fn take_back(&mut self, body: &Value) -> Response<Vec<u8>> {
        let mut sold = self.sold.iter_mut();
        match sold.find(|label| body["reference"] == label.reference) {
            Some(label) => {
                label.is_void = true;
                answer(&json!({ "is_void": true }))
            }
            None => failed(StatusCode::NOT_FOUND, "there is no such label"),
        }
    }

    fn file(&self, body: &Value) -> Response<Vec<u8>> {
        let mut sold = self.sold.iter();
        match sold.find(|label| body["reference"] == label.reference) {
            Some(label) => {
                let pdf = format!("%PDF-1.4\n% {}\n%%EOF\n", label.tracking_number);
                answer(&json!({ "pdf_base64": BASE64_STANDARD.encode(pdf) }))
            }
            None => failed(StatusCode::NOT_FOUND, "there is no such label"),
        }
    }
}

fn euros(cents: i64) -> Value {
    json!({ "amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR" })
}

fn answer(body: &Value) -> Response<Vec<u8>> {
    Response::new(body.to_string().into_bytes())
}

fn failed(status: StatusCode, error: &str) -> Response<Vec<u8>> {
    let mut response = answer(&json!({ "error": error }));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(desk: &mut LabelDesk, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(format!("http://desk.example.com/v1/{path}"))
            .header("authorization", "Bearer token")
            .header("idempotency-key", key)
            .body(body.to_string().into_bytes())
            .expect("a request");
        match desk.handle(&request) {
            Some(answer) => {
                let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
                (answer.status().as_u16(), body)
            }
            None => (0, Value::Null),
        }
    }

    #[test]
    fn a_label_is_sold_once_for_each_key_whatever_becomes_of_the_answer() {
        let mut desk = LabelDesk::new("token");
        let body = json!({ "to": { "name": "Ada", "country": "DE" } });
        desk.fault(LabelFault::LostAfter);
        desk.fault(LabelFault::FailsAfter);
        desk.fault(LabelFault::Garbled);
        desk.fault(LabelFault::Busy);
        let tries: Vec<u16> = (0..5)
            .map(|_| ask(&mut desk, "labels", "a", &body).0)
            .collect();
        assert_eq!(tries, [0, 502, 200, 429, 200]);
        assert_eq!(desk.sold().len(), 1);
        let (status, told) = ask(&mut desk, "labels", "b", &body);
        assert_eq!((status, told["reference"].as_str()), (200, Some("lbl_2")));
        let (_, file) = ask(
            &mut desk,
            "labels/file",
            "",
            &json!({ "reference": "lbl_2" }),
        );
        let pdf = BASE64_STANDARD.decode(file["pdf_base64"].as_str().expect("a text"));
        assert!(pdf.expect("base64").starts_with(b"%PDF-"));
        ask(
            &mut desk,
            "labels/void",
            "c",
            &json!({ "reference": "lbl_1" }),
        );
        let void: Vec<bool> = desk.sold().iter().map(|label| label.is_void).collect();
        assert_eq!(void, [true, false]);
    }

    #[test]
    fn what_cannot_be_sold_is_refused_and_costs_nothing() {
        let mut desk = LabelDesk::new("token");
        let body = json!({ "to": { "name": "Ada", "country": "DE" } });
        desk.fault(LabelFault::Refuses);
        assert_eq!(ask(&mut desk, "labels", "a", &body).0, 422);
        assert_eq!(ask(&mut desk, "labels", "", &body).0, 400);
        assert_eq!(ask(&mut desk, "labels", "a", &json!({ "to": {} })).0, 422);
        let request = Request::post("http://desk.example.com/v1/labels").body(Vec::new());
        let answer = desk.handle(&request.expect("a request"));
        assert_eq!(answer.map(|answer| answer.status().as_u16()), Some(401));
        assert_eq!(desk.sold(), []);
    }
}
