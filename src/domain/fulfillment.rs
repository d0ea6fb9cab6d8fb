//! Fulfillment tasks: what is picked, packed and handed over at one location for one order.
//!
//! A task binds units of an order to the place where somebody works on them. Tasks and parcels are split and
//! merged as the floor needs it; the order never is. Stock leaves only when a parcel is handed over, so until
//! then everything here can be undone. [`crate::decide`] holds tasks to what the order still needs: what is
//! in hand beyond that is to be put back, and nothing of it leaves.

use serde::{Deserialize, Serialize};

use crate::{
    Decimal, Money, Quantity, Sku, Time,
    ids::{ShipmentId, TaskId},
    stock::LocationId,
};

/// The most tasks of an order: each stands in its row.
pub const TASKS_MAX: usize = 100;
/// The most parcels of a task.
pub const PARCELS_MAX: usize = 100;
/// The most labels that a parcel can have had.
pub const LABELS_MAX: usize = 20;
/// Why units are written off that a picker did not find.
pub const NOT_FOUND: &str = "not found at picking";
/// The heaviest parcel that is believed, in grams: what is heavier was typed wrongly.
pub const WEIGHT_MAX_G: u32 = 2_000_000;

/// Work on one order at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Ours.
    pub id: TaskId,
    /// Where.
    pub location: LocationId,
    /// When it was opened.
    pub opened_at: Time,
    /// Who opened it.
    pub by: String,
    /// What is to be done.
    pub lines: Vec<TaskLine>,
    /// What was packed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
    /// How many parcels were ever packed.
    #[serde(default, skip_serializing_if = "is_none_made")]
    pub parcels_made: u32,
    /// When nothing more was to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none_made(made: &u32) -> bool {
    *made == 0
}

/// Units of a line within a task: `left <= packed <= picked`, and what is picked beyond the units is to be put
/// back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLine {
    /// Of which line.
    pub line: u32,
    /// How many are to leave with it, those that left among them.
    pub units: Quantity,
    /// In hand, or left.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub picked: Quantity,
    /// In a parcel, or left.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub packed: Quantity,
    /// Handed over.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub left: Quantity,
}

impl TaskLine {
    /// Units that nobody has fetched.
    pub fn to_pick(&self) -> Quantity {
        self.units.minus(self.picked).or_zero()
    }

    /// Units in hand that lie in no parcel.
    pub fn loose(&self) -> Quantity {
        self.picked.minus(self.packed)
    }

    /// Units in hand that must not leave any more.
    pub fn to_put_back(&self) -> Quantity {
        self.picked.minus(self.units).or_zero()
    }

    /// Units that may be packed.
    pub fn to_pack(&self) -> Quantity {
        self.units.min(self.picked).minus(self.packed).or_zero()
    }

    /// Units that are still to leave with it.
    pub fn to_leave(&self) -> Quantity {
        self.units.minus(self.left)
    }

    /// Units in hand: picked, and still here.
    pub fn in_hand(&self) -> Quantity {
        self.picked.minus(self.left)
    }

    /// The laws of its numbers.
    pub fn is_lawful(&self) -> bool {
        Quantity::ZERO <= self.left
            && self.left <= self.packed
            && self.packed <= self.picked
            && self.left <= self.units
    }
}

/// What was packed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Its number within the task, from 1, never given twice.
    pub number: u32,
    /// What is in it.
    pub lines: Vec<(u32, Quantity)>,
    /// What it weighs, in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Its labels, the last of which counts unless it is void.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What it left as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_as: Option<ShipmentId>,
}

impl Parcel {
    /// The label that is on it.
    pub fn label(&self) -> Option<&Label> {
        self.labels.last().filter(|one| one.voided_at.is_none())
    }

    /// Whether it is still here.
    pub fn is_here(&self) -> bool {
        self.left_as.is_none()
    }
}

/// A label of a carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Who carries it.
    pub carrier: String,
    /// Its number there.
    pub tracking_number: String,
    /// Where to follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
    /// What whoever sold the label calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Which provider sold it to us, so that it can be given back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When it was noted.
    pub at: Time,
    /// Who noted it.
    pub by: String,
    /// When it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided_at: Option<Time>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nobody has fetched anything.
    Open,
    /// Some of it was fetched.
    Picking,
    /// All of it was fetched.
    Picked,
    /// All of it is in parcels.
    Packed,
    /// All parcels have labels.
    Labeled,
    /// Something in hand must not leave any more: it is to be put back.
    Stopped,
    /// Nothing more is to be done.
    Closed,
}

impl TaskState {
    /// All of them, in the order of work.
    pub const ALL: [TaskState; 7] = [
        TaskState::Open,
        TaskState::Picking,
        TaskState::Picked,
        TaskState::Packed,
        TaskState::Labeled,
        TaskState::Stopped,
        TaskState::Closed,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            TaskState::Open => "open",
            TaskState::Picking => "picking",
            TaskState::Picked => "picked",
            TaskState::Packed => "packed",
            TaskState::Labeled => "labeled",
            TaskState::Stopped => "stopped",
            TaskState::Closed => "closed",
        }
    }

    /// The state that a word names.
    pub fn from_word(word: &str) -> Option<TaskState> {
        TaskState::ALL
            .into_iter()
            .find(|state| state.word() == word)
    }
}

impl Task {
    /// Whether somebody still has something to do with it.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// A part of it.
    pub fn line(&self, number: u32) -> Option<&TaskLine> {
        self.lines.iter().find(|part| part.line == number)
    }

    /// A parcel of it.
    pub fn parcel(&self, number: u32) -> Option<&Parcel> {
        self.parcels.iter().find(|one| one.number == number)
    }

    /// Parcels that are still here.
    pub fn parcels_here(&self) -> impl Iterator<Item = &Parcel> {
        self.parcels.iter().filter(|parcel| parcel.is_here())
    }

    /// Whether a parcel that is still here has a label.
    pub fn is_labeled(&self) -> bool {
        self.parcels_here().any(|parcel| parcel.label().is_some())
    }

    /// Whether it is over: all that was to leave left, and nothing is in anybody's hands.
    pub fn is_done(&self) -> bool {
        let is_over = |part: &TaskLine| part.to_leave().is_zero() && part.in_hand().is_zero();
        self.lines.iter().all(is_over) && self.parcels_here().next().is_none()
    }

    /// How far it is.
    pub fn state(&self) -> TaskState {
        let all = |holds: fn(&TaskLine) -> bool| self.lines.iter().all(holds);
        let is_any = |holds: fn(&TaskLine) -> bool| self.lines.iter().any(holds);
        if self.closed_at.is_some() {
            return TaskState::Closed;
        }
        if is_any(|part| part.to_put_back().is_positive()) {
            return TaskState::Stopped;
        }
        if all(|part| part.packed >= part.units) {
            let has_label = |parcel: &Parcel| parcel.label().is_some();
            return match self.parcels_here().all(has_label) {
                true => TaskState::Labeled,
                false => TaskState::Packed,
            };
        }
        if all(|part| part.to_pick().is_zero()) {
            return TaskState::Picked;
        }
        match is_any(|part| part.picked.is_positive()) {
            true => TaskState::Picking,
            false => TaskState::Open,
        }
    }
}

/// What a person says of fulfillment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfillmentStep {
    /// Work begins: at one location, or at each that units are bound to.
    Open {
        /// Where; wherever units are to leave from when nobody says.
        location: Option<LocationId>,
        /// Line numbers and units; empty for all that no task has yet.
        lines: Vec<(u32, Decimal)>,
    },
    /// Units were fetched.
    Pick {
        /// For which task.
        task: TaskId,
        /// Line numbers and units; empty for all that is left, less what was not found.
        lines: Vec<(u32, Decimal)>,
        /// What was not found where it should lie.
        missing: Vec<Missing>,
        /// Whether nothing more of it lies there.
        is_empty: bool,
    },
    /// Units that were fetched lie again where they lay.
    PutBack {
        /// Of which task.
        task: TaskId,
        /// Line numbers and units; empty for all that must not leave any more.
        lines: Vec<(u32, Decimal)>,
    },
    /// Units were put into a parcel.
    Pack {
        /// Of which task.
        task: TaskId,
        /// Line numbers and units; empty for all that lies loose.
        lines: Vec<(u32, Decimal)>,
        /// What the parcel weighs, in grams.
        weight_g: Option<u32>,
    },
    /// A parcel was opened again.
    Unpack {
        /// Of which task.
        task: TaskId,
        /// Which.
        parcel: u32,
    },
    /// A parcel has a label.
    Label {
        /// Of which task.
        task: TaskId,
        /// Which.
        parcel: u32,
        /// What is on it.
        label: NewLabel,
    },
    /// A label is to be bought for a parcel.
    BuyLabel {
        /// Of which task.
        task: TaskId,
        /// Which.
        parcel: u32,
        /// Of whom.
        provider: String,
        /// The provider's word for how it goes.
        service: Option<String>,
    },
    /// The label of a parcel was given back; one that a provider sold is given back to it.
    VoidLabel {
        /// Of which task.
        task: TaskId,
        /// Which.
        parcel: u32,
        /// Whether that was seen to at the provider already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
    },
    /// Parcels were given to whoever carries them.
    HandOver {
        /// Of which task.
        task: TaskId,
        /// Which; empty for all that are still here, or, where nothing is packed, all of the task as one.
        parcels: Vec<u32>,
        /// Who carries it; as on the label when nobody says.
        carrier: Option<String>,
        /// Its number there.
        tracking_number: Option<String>,
        /// Where to follow it.
        tracking_url: Option<String>,
        /// Whether the buyer has it: it was picked up, brought, or done.
        is_to_buyer: bool,
    },
    /// Units that nobody has fetched go on as a task of their own.
    Split {
        /// Of which task.
        task: TaskId,
        /// Line numbers and units.
        lines: Vec<(u32, Decimal)>,
    },
    /// A task goes on as part of another at the same location.
    Merge {
        /// Which.
        task: TaskId,
        /// Into which.
        into: TaskId,
    },
    /// Nothing more is done: what was packed is unpacked, what was picked is put back.
    Close {
        /// Which.
        task: TaskId,
        /// Why.
        reason: String,
    },
}

/// Units that were not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Of which line.
    pub line: u32,
    /// How many units of the line.
    pub units: Decimal,
    /// Which item is not there; needed where the line is a kit of several.
    pub sku: Option<Sku>,
}

/// A label as somebody notes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLabel {
    /// Who carries it.
    pub carrier: String,
    /// Its number there.
    pub tracking_number: String,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// What whoever sold the label calls it.
    pub reference: Option<String>,
    /// What it cost.
    pub cost: Option<Money>,
}

/// What was done on a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Units are to be picked.
    Opened {
        /// Where.
        location: LocationId,
        /// Of which line.
        line: u32,
        /// How many.
        units: Quantity,
    },
    /// Units were fetched.
    Picked {
        /// Of which line.
        line: u32,
        /// How many.
        units: Quantity,
    },
    /// Units that were fetched lie again where they lay.
    PutBack {
        /// Of which line.
        line: u32,
        /// How many.
        units: Quantity,
    },
    /// Units of an item were not found where they should lie.
    NotFound {
        /// Where.
        location: LocationId,
        /// Of which line.
        line: u32,
        /// How many of the line.
        units: Quantity,
        /// Which item.
        sku: Sku,
    },
    /// Units are not to leave with it any more.
    Cut {
        /// Of which line.
        line: u32,
        /// How many.
        units: Quantity,
        /// Why.
        reason: String,
    },
    /// A parcel was packed.
    Packed {
        /// Its number.
        parcel: u32,
        /// What it weighs, in grams.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight_g: Option<u32>,
    },
    /// A parcel was opened again.
    Unpacked {
        /// Its number.
        parcel: u32,
    },
    /// A parcel has a label.
    Labeled {
        /// Its number.
        parcel: u32,
        /// Who carries it.
        carrier: String,
        /// Its number there.
        tracking_number: String,
        /// What the label cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Money>,
    },
    /// The label of a parcel was given back.
    LabelVoided {
        /// Its number.
        parcel: u32,
        /// The carrier's number of it.
        tracking_number: String,
    },
    /// A parcel was given to whoever carries it.
    HandedOver {
        /// Its number.
        parcel: u32,
        /// What it left as.
        shipment: ShipmentId,
    },
    /// Units of it left without it being asked: a person or the channel says so.
    LeftWith {
        /// What they left as.
        shipment: ShipmentId,
        /// Of which line.
        line: u32,
        /// How many.
        units: Quantity,
        /// How many of these nobody had fetched, as far as was known.
        #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
        unpicked: Quantity,
    },
    /// It goes on as part of another.
    MergedInto {
        /// Which.
        task: TaskId,
    },
    /// Nothing more is to be done.
    Closed {
        /// Why.
        reason: String,
    },
}

/// Why a step of fulfillment cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FulfillmentRefusal {
    /// All that is promised is in a task.
    #[error(
        "nothing of it waits to be picked{0}: see `oneshelf orders show` for what it waits for"
    )]
    NothingToOpen(String),
    /// Components of a kit are bound to different places.
    #[error(
        "the components of line {0} are bound to different locations: choose one with `oneshelf orders allocate --location`"
    )]
    ComponentsApart(u32),
    /// It has more than a row can hold.
    #[error("it has {0} {1}: that is as many as there can be")]
    TooMany(usize, &'static str),
    /// It is over.
    #[error("that task is closed: open another one for what is still to leave")]
    Over,
    /// More than there is.
    #[error("line {line} has {left} {of}: name at most so many")]
    Beyond {
        /// Which line.
        line: u32,
        /// How many there are.
        left: Decimal,
        /// Of what.
        of: &'static str,
    },
    /// A line is not part of it.
    #[error("line {0} is no part of that task: name one that it shows")]
    NotInTask(u32),
    /// There is nothing for this step.
    #[error("{0}")]
    Nothing(&'static str),
    /// Which item is not there must be said.
    #[error("line {0} is a kit: say which of its items ({1}) was not found")]
    WhichItem(u32, String),
    /// The item is not part of the line.
    #[error("line {0} has no {1} in it: name one of its items")]
    NotOfLine(u32, Sku),
    /// There is no such parcel.
    #[error("the task has no parcel {0}: name one that it shows")]
    NoParcel(u32),
    /// The parcel is gone.
    #[error("parcel {0} was handed over: follow it as a shipment")]
    Gone(u32),
    /// The parcel holds what must not leave.
    #[error("parcel {0} holds units that must not leave any more: unpack it and put them back")]
    HoldsStopped(u32),
    /// It has a label.
    #[error("parcel {0} has a label ({1}): void it at the carrier, then with `void-label`")]
    Labeled(u32, String),
    /// Its label is being bought or given back.
    #[error(
        "the label of parcel {0} is being bought or given back: wait for it, or see `oneshelf outbox`"
    )]
    LabelUnderWay(u32),
    /// It has no label.
    #[error("parcel {0} has no label: nothing is to be voided")]
    NotLabeled(u32),
    /// No parcel is that heavy.
    #[error("a parcel weighs from 1 g to {WEIGHT_MAX_G} g, not {0} g: give its weight in grams")]
    Weight(u32),
    /// A label says nothing.
    #[error("a label needs its carrier and its number: give both")]
    EmptyLabel,
    /// Several parcels have one number.
    #[error(
        "{0} parcels cannot have one tracking number: label each, or hand them over one by one"
    )]
    OneNumber(usize),
    /// Tasks at different places, or one and the same.
    #[error("tasks are merged at one location, each into another: {0}")]
    NotMergeable(&'static str),
    /// Units are being worked on.
    #[error(
        "units of it are being picked at {0}: close that task first (`oneshelf orders task close`)"
    )]
    UnderWork(LocationId),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units, picked, packed, left → to pick, loose, to pack, to put back.
    #[test]
    fn the_numbers_of_a_part_follow_from_four() {
        let table: [([i32; 4], [i64; 4]); 6] = [
            ([5, 0, 0, 0], [5, 0, 0, 0]),
            ([5, 3, 0, 0], [2, 3, 3, 0]),
            ([5, 5, 2, 0], [0, 3, 3, 0]),
            ([5, 5, 5, 5], [0, 0, 0, 0]),
            ([2, 3, 1, 0], [0, 2, 1, 1]),
            ([0, 2, 2, 0], [0, 0, 0, 2]),
        ];
        for ([units, picked, packed, left], expected) in table {
            let part = TaskLine {
                line: 1,
                units: Quantity::of(units),
                picked: Quantity::of(picked),
                packed: Quantity::of(packed),
                left: Quantity::of(left),
            };
            let found = [
                part.to_pick(),
                part.loose(),
                part.to_pack(),
                part.to_put_back(),
            ];
            assert_eq!(found.map(Quantity::units), expected, "{part:?}");
            assert!(part.is_lawful());
        }
    }

    #[test]
    fn each_state_has_a_word_of_its_own() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_word(state.word()), Some(state));
        }
        assert_eq!(TaskState::from_word("pickled"), None);
    }
}
