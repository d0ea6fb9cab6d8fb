//! Those outside who are no channels: somebody who sells labels, and a program that is told of orders.
//!
//! They are busy, refuse, and do what was asked while the answer is lost; and they remember what they really did. Our
//! staff buy labels while they pack ([`crate::packer`]), and here they tell, and give up what nobody carries out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use channel::http::{Request, Response};
use domain::{
    Time,
    ids::IntentId,
    intent::{Intent, IntentState, Wish},
    message::{Notice, Way},
    order::{Order, Phase},
    signal::Command,
};
use engine::{
    gateways::{
        Gateways, Webhook,
        labels::LabelProvider,
        messages::{Message, To},
    },
    rows::{self, prefix},
};
use fastrand::Rng;
use sandbox::{
    faults::Handled,
    label_desk::{LabelDesk, LabelFault, SoldLabel},
};

use crate::{
    findings::{Checker, Findings},
    plan::Weather,
    port::{Far, Street, TRAVEL_MS},
    rows::Rows,
    slips::{order_in, pick},
    trace::{Trace, fingerprint},
};

/// What our staff call who sells labels.
pub(crate) const LABELS: &str = "desk";

const LABELS_URL: &str = "http://labels.example.com/v1";
const PROGRAM_URL: &str = "http://program.example.com/orders";
const TOKEN: &str = "token";
/// 24 bytes, all of them 7.
const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
const BY: &str = "office";
/// What our staff tell the program.
const MESSAGE: &str = "program";
/// News, all evening and for the day after it.
const WITHIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// Both of them, with what they did.
pub(crate) struct Neighbors {
    trace: Trace,
    inner: Mutex<Inner>,
}

struct Inner {
    desk: LabelDesk,
    told: BTreeMap<String, u32>,
    chance: Rng,
    /// How many of a thousand requests go wrong.
    per_mille: u32,
}

/// What they really did.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Labels that were sold.
    pub(crate) sold: Vec<SoldLabel>,
    /// How often each message reached the program, by its id.
    pub(crate) messages: BTreeMap<String, u32>,
}

impl Neighbors {
    pub(crate) fn new(seed: u64, weather: Weather, trace: Trace) -> Neighbors {
        let inner = Inner {
            desk: LabelDesk::new(TOKEN),
            told: BTreeMap::new(),
            // What packers do goes by this seed as well.
            chance: Rng::with_seed(seed ^ 0x0005_e11a_1abe_1500),
            per_mille: match weather {
                Weather::Calm => 0,
                Weather::Lively => 150,
                Weather::Harsh => 450,
            },
        };
        Neighbors {
            trace,
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on nothing goes wrong.
    pub(crate) fn quiet(&self) {
        self.lock().per_mille = 0;
    }

    pub(crate) fn told(&self) -> Told {
        let inner = self.lock();
        Told {
            sold: inner.desk.sold().to_vec(),
            messages: inner.told.clone(),
        }
    }

    /// How one process reaches them.
    pub(crate) fn gateways(self: &Arc<Self>, street: &Street) -> Gateways {
        let way = || Arc::new(street.way(Arc::<Neighbors>::clone(self)));
        let webhook = Webhook::new(PROGRAM_URL.to_owned(), SECRET, way());
        let token = channel::Secret::new(TOKEN.to_owned());
        let at = (LABELS_URL.to_owned(), Some(token));
        let provider = LabelProvider::new(LABELS.to_owned(), at, None, way());
        let message = Message {
            name: MESSAGE.to_owned(),
            to: To::Webhook,
            from: None,
            subject: "{{ order.number }}".to_owned(),
            text: "{{ order.total }} {{ order.currency }}".to_owned(),
            html: None,
            within: WITHIN,
        };
        Gateways {
            messages: [(MESSAGE.to_owned(), message)].into(),
            mail: None,
            webhook: webhook.ok().map(Arc::new),
            labels: [(LABELS.to_owned(), Arc::new(provider))].into(),
            pay_links: BTreeMap::new(),
        }
    }
}

impl Inner {
    fn fault(&mut self) -> Option<LabelFault> {
        if self.chance.u32(0..1_000) >= self.per_mille {
            return None;
        }
        let faults = [
            LabelFault::Busy,
            LabelFault::LostAfter,
            LabelFault::FailsAfter,
            LabelFault::Refuses,
            LabelFault::Garbled,
        ];
        pick(&faults, &mut self.chance)
    }

    fn sell(&mut self, request: &Request) -> Option<Response> {
        if let Some(fault) = self.fault() {
            self.desk.fault(fault);
        }
        self.desk.handle(request)
    }

    fn hear(&mut self, request: &Request) -> Option<Response> {
        let fault = self.fault();
        let answer = |status: u16| {
            let mut answer = Response::new(Vec::new());
            *answer.status_mut() = http::StatusCode::from_u16(status).expect("a known status");
            Some(answer)
        };
        match fault {
            Some(LabelFault::Busy) => return answer(503),
            Some(LabelFault::Refuses) => return answer(410),
            Some(LabelFault::LostAfter | LabelFault::FailsAfter | LabelFault::Garbled) | None => {}
        }
        let id = request.headers().get("webhook-id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        *self.told.entry(id.to_owned()).or_default() += 1;
        match fault {
            Some(LabelFault::LostAfter) => None,
            Some(LabelFault::FailsAfter) => answer(502),
            _ => answer(204),
        }
    }
}

impl Far for Neighbors {
    fn name(&self) -> String {
        "a neighbor".to_owned()
    }

    fn is_down(&self) -> bool {
        false
    }

    fn travel(&self) -> Duration {
        Duration::from_millis(self.lock().chance.u64(TRAVEL_MS))
    }

    fn handle(&self, request: &Request, now: Time) -> Handled {
        let mut inner = self.lock();
        let answer = match *request.uri() == PROGRAM_URL {
            true => inner.hear(request),
            false => inner.sell(request),
        };
        let status = answer.as_ref().map(|answer| answer.status().as_u16());
        let body = fingerprint(request.body());
        let line = format!("neighbor {} {body} -> {status:?}", request.uri());
        self.trace.note(now, &line);
        Handled {
            answer,
            delay: Duration::ZERO,
        }
    }
}

/// The program is told of an order, or somebody gives up what is parked.
pub(crate) fn errand(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    if chance.bool() {
        return drop_intent(rows, chance);
    }
    let phases = [
        Phase::AwaitingPayment,
        Phase::Ready,
        Phase::Fulfilling,
        Phase::Shipped,
        Phase::Canceled,
    ];
    let phase = pick(&phases, chance)?;
    Some(Command::Tell {
        order: order_in(rows, chance, phase)?.id,
        notice: Notice {
            message: MESSAGE.to_owned(),
            way: Way::Webhook,
        },
    })
}

/// Mostly what waits for a person, or just waits; now and then what is done, or is a channel's matter.
fn drop_intent(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let keys = match chance.u32(0..4) {
        0 => rows.keys(rows::INTENTS, b""),
        1 => rows.keys(rows::ERRANDS, b""),
        _ => rows.keys(rows::PARKED, &prefix(&["intent"])),
    };
    let chosen = pick(&keys, chance)?;
    Some(Command::DropIntent {
        intent: rows::last_part(&chosen).parse().ok()?,
        by: BY.to_owned(),
    })
}

/// P5: what was bought was asked for by us, once, and is on its parcel, was given back, or waits for a person; and
/// what the program was told was to be told.
pub(crate) fn check(rows: &Rows<'_>, orders: &[Order], told: &Told, found: &mut Findings) {
    let intents: BTreeMap<IntentId, Arc<Intent>> = rows
        .all::<Intent>(rows::INTENTS, b"")
        .into_iter()
        .map(|intent| (intent.id, intent))
        .collect();
    check_labels(&intents, orders, &told.sold, found);
    check_messages(&intents, &told.messages, found);
}

/// Whether a person decides, or has decided, what becomes of it.
fn is_a_persons(intent: &Intent) -> bool {
    match &intent.state {
        IntentState::Parked(_) => true,
        IntentState::Dropped(reason) => reason.starts_with(BY),
        IntentState::Waiting | IntentState::Done(_) => false,
    }
}

fn check_labels(
    intents: &BTreeMap<IntentId, Arc<Intent>>,
    orders: &[Order],
    sold: &[SoldLabel],
    found: &mut Findings,
) {
    let mut add = |sentence: String| found.add(Checker::Errands, sentence);
    let parcels = orders.iter().flat_map(|order| &order.tasks);
    let labels = parcels
        .flat_map(|task| &task.parcels)
        .flat_map(|parcel| &parcel.labels);
    let mut stuck: BTreeMap<&str, u32> = BTreeMap::new();
    for label in labels.filter(|label| label.provider.is_some() && label.voided_at.is_none()) {
        let reference = label.reference.as_deref().unwrap_or_default();
        *stuck.entry(reference).or_default() += 1;
    }
    for (reference, parcels) in &stuck {
        if *parcels != 1 || !sold.iter().any(|label| label.reference == *reference) {
            add(format!(
                "P5: label {reference} is on {parcels} parcels, and may never have been sold"
            ));
        }
    }
    for label in sold {
        let reference = &label.reference;
        let by_key = |intent: &&Arc<Intent>| intent.id.uuid().to_string() == label.key;
        let Some(asked) = intents.values().find(by_key) else {
            add(format!(
                "P5: label {reference} was sold, and nobody wished for it"
            ));
            continue;
        };
        let back = intents.values().find(|intent| {
            matches!(&intent.wish, Wish::VoidLabel { reference: of, .. } if of == reference)
        });
        if is_a_persons(asked) || back.is_some_and(|back| is_a_persons(back)) {
            continue;
        }
        let is_stuck = stuck.contains_key(reference.as_str());
        if is_stuck == label.is_void {
            add(format!(
                "P5: label {reference} is void: {}, and on a parcel: {is_stuck}",
                label.is_void
            ));
        }
    }
    let count = sold.len();
    found.look(Checker::Errands, count);
}

fn check_messages(
    intents: &BTreeMap<IntentId, Arc<Intent>>,
    told: &BTreeMap<String, u32>,
    found: &mut Findings,
) {
    found.look(Checker::Errands, told.len());
    let mut add = |sentence: String| found.add(Checker::Errands, sentence);
    for id in told.keys() {
        let intent = id.parse().ok().and_then(|id: IntentId| intents.get(&id));
        let is_message = intent.is_some_and(|intent| matches!(intent.wish, Wish::Message { .. }));
        if !is_message {
            add(format!(
                "P5: the program was told {id}, which nobody wished"
            ));
        }
    }
    for intent in intents.values() {
        let Wish::Message { .. } = &intent.wish else {
            continue;
        };
        let times = told.get(&intent.id.to_string()).copied().unwrap_or(0);
        let is_done = matches!(intent.state, IntentState::Done(_));
        if is_done && times == 0 {
            add(format!(
                "P5: the program is said to know {}, and was not told",
                intent.id
            ));
        }
        if times > intent.tries + 1 {
            add(format!(
                "P5: the program was told {} {times} times with {} tries",
                intent.id, intent.tries
            ));
        }
    }
}
