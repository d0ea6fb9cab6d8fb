//! Our own staff: they pick what is ready, ship it whole or in parts, cancel, and hold an order now and
//! then. What they do goes through the engine, as from the admin API.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    Decimal, Time,
    ids::OrderId,
    order::{Order, Phase},
    signal::{Command, Signal},
    stock::LocationId,
};
use engine::{
    Engine,
    decider::{DecideError, Decider},
    ports::Task,
    rows::{self, key, prefix},
};
use fastrand::Rng;
use store::Memory;

use crate::{
    disk::lock,
    office,
    packer::{self, Labels},
    phone::Pad,
    rows::Rows,
    slips::{pick, spoil},
    storeroom::{self, Floor},
    trace::Trace,
};

/// How long staff take for one order.
const EVERY_MS: std::ops::Range<u64> = 800..6_000;
/// The same where an office helps.
const EVERY_MS_OF_MANY: std::ops::Range<u64> = 100..1_200;

/// Somebody of our staff.
pub(crate) struct Clerk {
    chance: Rng,
    next_at: Option<Time>,
    is_stopped: bool,
    parcels: u64,
    /// How many of a hundred times there is something to do in the office.
    errands_percent: u32,
    errands: u64,
    /// Where stock can lie; nothing where that is one place without a name.
    places: Vec<LocationId>,
    /// What was entered by hand, where orders are.
    pad: Option<Arc<Mutex<Pad>>>,
}

/// Where commands are decided.
pub(crate) enum Desk {
    /// In the running program, as through its admin API.
    Engine(Arc<Engine>),
    /// In a second one over the same store, which tells the first nothing.
    Second(Arc<Decider>, Arc<Engine>),
}

impl Clerk {
    pub(crate) fn new(
        seed: u64,
        has_office: bool,
        places: Vec<LocationId>,
        pad: Option<Arc<Mutex<Pad>>>,
    ) -> Clerk {
        Clerk {
            chance: Rng::with_seed(seed),
            next_at: None,
            is_stopped: false,
            parcels: 0,
            errands_percent: if has_office { 40 } else { 0 },
            errands: 0,
            places,
            pad,
        }
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.next_at
    }

    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
        self.next_at = None;
    }

    /// What is done next, as a task of the process.
    pub(crate) fn work(
        &mut self,
        now: Time,
        desk: Option<Desk>,
        memory: &Memory,
        trace: &Trace,
    ) -> Option<Task> {
        if self.is_stopped {
            return None;
        }
        let first = self.next_at.is_none();
        let every = match self.errands_percent {
            0 => EVERY_MS,
            _ => EVERY_MS_OF_MANY,
        };
        self.next_at = Some(now.plus(Duration::from_millis(self.chance.u64(every))));
        if first {
            return None;
        }
        let desk = desk?;
        let command = self.choose(memory, now)?;
        let command = match self.errands_percent {
            0 => command,
            _ => spoil(command, &mut self.chance),
        };
        let (trace, pad) = (trace.clone(), self.pad.clone());
        trace.note(now, &format!("clerk {command:?}"));
        Some(Box::pin(async move {
            let signal = Signal::Command(command.clone());
            let (done, clock) = match desk {
                Desk::Engine(engine) => (engine.decide(signal).await, &engine.ports.clock.clone()),
                Desk::Second(decider, engine) => {
                    (decider.decide(signal).await, &engine.ports.clock.clone())
                }
            };
            let what = match done {
                Ok(done) => {
                    if let Some(pad) = pad {
                        lock(&pad).confirm(&command);
                    }
                    format!("{:?}", done.verdict)
                }
                Err(DecideError::Refused(refusal)) => refusal.to_string(),
                Err(DecideError::Store(error)) => error.to_string(),
            };
            trace.note(clock.now(), &format!("clerk: {what}"));
        }))
    }

    fn choose(&mut self, memory: &Memory, now: Time) -> Option<Command> {
        let rows = Rows(memory);
        rows.durable()?;
        if self.errands_percent > 0 && self.chance.u32(0..100) < self.errands_percent {
            self.errands += 1;
            if !self.places.is_empty() && self.chance.bool() {
                let floor = Floor {
                    rows,
                    places: &self.places,
                    now,
                };
                return storeroom::errand(&floor, &mut self.chance, self.errands);
            }
            if let Some(pad) = &self.pad
                && self.chance.u32(0..8) == 0
            {
                return lock(pad).errand(&rows, &mut self.chance, now);
            }
            return office::errand(&rows, &mut self.chance, self.errands);
        }
        let phase = match self.chance.u32(0..20) {
            0 | 1 => Phase::Held,
            2 | 3 => Phase::PartShipped,
            4 | 5 => Phase::AwaitingPayment,
            6..9 => Phase::Fulfilling,
            9 => return packer::stop_sign(&rows, self.labels(), &mut self.chance),
            _ => Phase::Ready,
        };
        let keys = rows.keys(rows::ORDERS_BY_PHASE, &prefix(&[phase.word()]));
        if keys.is_empty() {
            return None;
        }
        let chosen = keys.get(self.chance.usize(0..keys.len()))?;
        let id: OrderId = rows::last_part(chosen).parse().ok()?;
        let order: Order = rows.get(rows::ORDERS, &key(&[&id.to_string()]))?;
        if phase == Phase::Held {
            return Some(Command::Release {
                order: id,
                by: "clerk".to_owned(),
            });
        }
        let is_worked_on = order.tasks.iter().any(|task| task.is_open());
        if is_worked_on || self.chance.u32(0..100) < 15 {
            let place = self.place();
            return packer::step(&order, place, self.labels(), &mut self.chance);
        }
        Some(match self.chance.u32(0..100) {
            0..8 => Command::Cancel {
                lines: Vec::new(),
                order: id,
                reason: "out of stock".to_owned(),
            },
            8..14 => Command::Hold {
                order: id,
                reason: "the address looks odd".to_owned(),
                by: "clerk".to_owned(),
                until: None,
                keeps_claim: self.chance.bool(),
                ask: None,
            },
            14..40 => self.ship(&order, true),
            _ => self.ship(&order, false),
        })
    }

    /// Where there is an office, somebody sells labels to it.
    fn labels(&self) -> Labels {
        match self.errands_percent {
            0 => Labels::Typed,
            _ => Labels::Bought,
        }
    }

    fn ship(&mut self, order: &Order, is_partial: bool) -> Command {
        self.parcels += 1;
        let mut lines = Vec::new();
        if is_partial && let Some(line) = order.lines.first() {
            lines.push((line.number, Decimal::whole(1)));
        }
        Command::Ship {
            order: order.id,
            lines,
            carrier: Some("DHL".to_owned()),
            tracking_number: Some(format!("JD{:010}", self.parcels)),
            tracking_url: None,
            location: self.place(),
        }
    }

    /// Where a parcel leaves from, where that is said: now and then from where it cannot.
    fn place(&mut self) -> Option<LocationId> {
        if self.places.is_empty() || self.chance.u32(0..3) > 0 {
            return None;
        }
        match self.chance.u32(0..16) {
            0 => Some(LocationId::new("the attic")),
            1 | 2 => Some(LocationId::new("hub")),
            _ => pick(&self.places, &mut self.chance),
        }
    }
}
