//! Picking, packing, labels and handing over, task by task.
//!
//! Nothing here takes stock off the shelf but handing over; see `settle` for how tasks follow what
//! becomes of their orders meanwhile.

mod buy;
mod hand_over;
mod open;
mod pack;
mod pick;
mod settle;

use crate::{
    Decimal, Quantity,
    fulfillment::{
        FulfillmentRefusal, FulfillmentStep, PARCELS_MAX, Parcel, TASKS_MAX, Task, TaskLine, Work,
    },
    ids::{OrderId, TaskId},
    order::Order,
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    command::{named_units, refuse},
};

pub(super) use self::buy::{drop_label, reference, refuse_when_any_is_asked, take_label};

use self::{
    hand_over::{Said, hand_over},
    open::{begin, open},
    pack::{pack, put_label, unpack, void_label},
    pick::{pick, put_back, unpick},
};

pub(super) fn carry_out(
    desk: &mut Desk<'_>,
    order: OrderId,
    step: &FulfillmentStep,
    by: &str,
) -> Result<Verdict, Undecided> {
    buy::refuse_when_asked(desk, order, step)?;
    match step {
        FulfillmentStep::Open { location, lines } => {
            open(desk, order, location.as_ref(), lines, by)
        }
        FulfillmentStep::Pick {
            task,
            lines,
            missing,
            is_empty,
        } => pick(desk, (order, *task), lines, (missing, *is_empty), by),
        FulfillmentStep::PutBack { task, lines } => put_back(desk, (order, *task), lines, by),
        FulfillmentStep::Pack {
            task,
            lines,
            weight_g,
        } => pack(desk, (order, *task), lines, *weight_g, by),
        FulfillmentStep::Unpack { task, parcel } => {
            refuse_labeled(parcel_here(desk, (order, *task), *parcel)?)?;
            unpack(desk, (order, *task), *parcel, by)
        }
        FulfillmentStep::Label {
            task,
            parcel,
            label,
        } => put_label(desk, (order, *task), *parcel, label, by),
        FulfillmentStep::BuyLabel {
            task,
            parcel,
            provider,
            service,
        } => buy::buy(
            desk,
            (order, *task),
            *parcel,
            (provider, service.as_deref()),
        ),
        FulfillmentStep::VoidLabel {
            task,
            parcel,
            by_hand,
        } => {
            if !by_hand && let Some(asked) = buy::give_back(desk, (order, *task), *parcel)? {
                return Ok(asked);
            }
            void_label(desk, (order, *task), *parcel, by)
        }
        FulfillmentStep::HandOver {
            task,
            parcels,
            carrier,
            tracking_number,
            tracking_url,
            is_to_buyer,
        } => {
            let said = Said {
                left: (
                    carrier.as_deref(),
                    tracking_number.as_deref(),
                    tracking_url.as_deref(),
                ),
                is_to_buyer: *is_to_buyer,
                by,
            };
            hand_over(desk, (order, *task), parcels, said)
        }
        FulfillmentStep::Split { task, lines } => split(desk, (order, *task), lines, by),
        FulfillmentStep::Merge { task, into } => merge(desk, order, *task, *into, by),
        FulfillmentStep::Close { task, reason } => close(desk, (order, *task), reason, by),
    }
}

impl From<FulfillmentRefusal> for Refusal {
    fn from(refusal: FulfillmentRefusal) -> Refusal {
        Refusal::Fulfillment(refusal)
    }
}

type Named = (OrderId, TaskId);
type Parts = Vec<(u32, Quantity)>;

fn find<'d>(desk: &'d Desk<'_>, (order, task): Named) -> Result<&'d Task, Undecided> {
    let found = desk.order(order)?.task(task);
    found.ok_or(Undecided::Refused(Refusal::NoTask { order, task }))
}

fn find_open<'d>(desk: &'d Desk<'_>, named: Named) -> Result<&'d Task, Undecided> {
    let found = find(desk, named)?;
    match found.is_open() {
        true => Ok(found),
        false => refuse(FulfillmentRefusal::Over.into()),
    }
}

fn task_mut<'d>(desk: &'d mut Desk<'_>, (order, task): Named) -> Result<&'d mut Task, Undecided> {
    let mut tasks = desk.order_mut(order)?.tasks.iter_mut();
    let found = tasks.find(|one| one.id == task);
    found.ok_or(Undecided::Refused(Refusal::NoTask { order, task }))
}

fn part_mut<'d>(
    desk: &'d mut Desk<'_>,
    named: Named,
    line: u32,
) -> Result<&'d mut TaskLine, Undecided> {
    let mut parts = task_mut(desk, named)?.lines.iter_mut();
    let part = parts.find(|part| part.line == line);
    part.ok_or_else(|| Undecided::Refused(FulfillmentRefusal::NotInTask(line).into()))
}

fn parcel_here<'d>(desk: &'d Desk<'_>, named: Named, number: u32) -> Result<&'d Parcel, Undecided> {
    let parcel = find_open(desk, named)?.parcel(number);
    match parcel {
        Some(parcel) if parcel.is_here() => Ok(parcel),
        Some(_) => refuse(FulfillmentRefusal::Gone(number).into()),
        None => refuse(FulfillmentRefusal::NoParcel(number).into()),
    }
}

fn parcel_mut<'d>(
    desk: &'d mut Desk<'_>,
    named: Named,
    number: u32,
) -> Result<&'d mut Parcel, Undecided> {
    let mut parcels = task_mut(desk, named)?.parcels.iter_mut();
    let parcel = parcels.find(|one| one.number == number);
    parcel.ok_or_else(|| Undecided::Refused(FulfillmentRefusal::NoParcel(number).into()))
}

fn refuse_beyond(
    order: &Order,
    line: u32,
    (units, left): (Quantity, Quantity),
    of: &'static str,
) -> Result<(), Undecided> {
    if units <= left {
        return Ok(());
    }
    let scale = order.line(line).map_or(0, |line| line.scale);
    let left = left.or_zero().to_decimal(scale);
    refuse(FulfillmentRefusal::Beyond { line, left, of }.into())
}

/// The lines of a task that are named, or all, with what each has of something.
fn named_or_all(
    desk: &Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    (has, of): (fn(&TaskLine) -> Quantity, &'static str),
) -> Result<Parts, Undecided> {
    let task = find_open(desk, named)?;
    if asked.is_empty() {
        let all = task.lines.iter().map(|part| (part.line, has(part)));
        return Ok(all.filter(|(_, units)| units.is_positive()).collect());
    }
    let order = desk.order(named.0)?;
    let units = named_units(order, asked)?;
    for (line, units) in &units {
        let not_in_task = || Undecided::Refused(FulfillmentRefusal::NotInTask(*line).into());
        let part = task.line(*line).ok_or_else(not_in_task)?;
        refuse_beyond(order, *line, (*units, has(part)), of)?;
    }
    Ok(units)
}

fn refuse_nothing(parts: &Parts, what: &'static str) -> Result<(), Undecided> {
    match parts.is_empty() {
        true => refuse(FulfillmentRefusal::Nothing(what).into()),
        false => Ok(()),
    }
}

fn refuse_labeled(parcel: &Parcel) -> Result<(), Undecided> {
    match parcel.label() {
        Some(label) => {
            let number = label.tracking_number.clone();
            refuse(FulfillmentRefusal::Labeled(parcel.number, number).into())
        }
        None => Ok(()),
    }
}

/// What has a label is as good as gone: it is stopped by hand, and then canceled.
pub(super) fn refuse_when_labeled(order: &Order) -> Result<(), Undecided> {
    let tasks = order.tasks.iter().filter(|task| task.is_open());
    tasks
        .flat_map(Task::parcels_here)
        .try_for_each(refuse_labeled)
}

fn split(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    by: &str,
) -> Result<Verdict, Undecided> {
    let task = find_open(desk, named)?;
    let location = task.location.clone();
    if desk.order(named.0)?.tasks.len() >= TASKS_MAX {
        return refuse(FulfillmentRefusal::TooMany(TASKS_MAX, "tasks").into());
    }
    let kind: (fn(&TaskLine) -> Quantity, _) = (TaskLine::to_pick, "that nobody has picked");
    let parts = match asked.is_empty() {
        true => Vec::new(),
        false => named_or_all(desk, named, asked, kind)?,
    };
    refuse_nothing(
        &parts,
        "nothing is named: say which lines go on by themselves, and how many units",
    )?;
    for (line, units) in &parts {
        let part = part_mut(desk, named, *line)?;
        part.units = part.units.minus(*units);
        let work = Work::Cut {
            line: *line,
            units: *units,
            reason: "it goes on as a task of its own".to_owned(),
        };
        desk.record_work(named.0, named.1, work, by);
    }
    begin(desk, named.0, location, parts, by)?;
    Ok(Verdict::New)
}

fn merge(
    desk: &mut Desk<'_>,
    order: OrderId,
    task: TaskId,
    into: TaskId,
    by: &str,
) -> Result<Verdict, Undecided> {
    let (from, to) = (
        find_open(desk, (order, task))?,
        find_open(desk, (order, into))?,
    );
    let parcels = from.parcels_here().count();
    let refusal = if task == into {
        Some(FulfillmentRefusal::NotMergeable("this is one task"))
    } else if from.location != to.location {
        Some(FulfillmentRefusal::NotMergeable("these are at two"))
    } else if to.parcels.len().saturating_add(parcels) > PARCELS_MAX {
        Some(FulfillmentRefusal::TooMany(PARCELS_MAX, "parcels"))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return refuse(refusal.into());
    }
    let now = desk.now();
    let from = task_mut(desk, (order, task))?;
    let (gone, here): (Vec<Parcel>, Vec<Parcel>) = std::mem::take(&mut from.parcels)
        .into_iter()
        .partition(|parcel| !parcel.is_here());
    from.parcels = gone;
    from.closed_at = Some(now);
    let mut moved = Vec::new();
    for part in &mut from.lines {
        moved.push(TaskLine {
            line: part.line,
            units: part.to_leave(),
            picked: part.in_hand(),
            packed: part.packed.minus(part.left),
            left: Quantity::ZERO,
        });
        let left = part.left;
        (part.units, part.picked, part.packed) = (left, left, left);
    }
    let to = task_mut(desk, (order, into))?;
    for part in moved {
        match to.lines.iter_mut().find(|one| one.line == part.line) {
            Some(one) => {
                one.units = one.units.plus(part.units);
                one.picked = one.picked.plus(part.picked);
                one.packed = one.packed.plus(part.packed);
            }
            None => to.lines.push(part),
        }
    }
    for mut parcel in here {
        to.parcels_made = to.parcels_made.saturating_add(1);
        parcel.number = to.parcels_made;
        to.parcels.push(parcel);
    }
    desk.record_work(order, task, Work::MergedInto { task: into }, by);
    Ok(Verdict::New)
}

fn close(desk: &mut Desk<'_>, named: Named, reason: &str, by: &str) -> Result<Verdict, Undecided> {
    let task = find_open(desk, named)?;
    task.parcels_here().try_for_each(refuse_labeled)?;
    let here: Vec<u32> = task.parcels_here().map(|parcel| parcel.number).collect();
    for parcel in here {
        unpack(desk, named, parcel, by)?;
    }
    let in_hand = find(desk, named)?.lines.iter();
    let in_hand: Parts = in_hand.map(|part| (part.line, part.in_hand())).collect();
    for (line, units) in in_hand {
        if units.is_positive() {
            unpick(desk, named, line, units, by)?;
        }
    }
    let now = desk.now();
    let task = task_mut(desk, named)?;
    for part in &mut task.lines {
        part.units = part.left;
    }
    task.closed_at = Some(now);
    let reason = reason.to_owned();
    desk.record_work(named.0, named.1, Work::Closed { reason }, by);
    Ok(Verdict::New)
}
