//! Tasks as they were: folded from what was done on them.

use crate::{
    Quantity, Time,
    fulfillment::{Parcel, Task, TaskLine, Work},
    ids::TaskId,
    order::Order,
};

/// Takes in what was done on a task. Gives what cannot be known of then, in a sentence.
pub(super) fn take_in(
    (now, then): (&Order, &mut Order),
    id: TaskId,
    work: &Work,
    when: Time,
) -> Option<String> {
    if let Work::MergedInto { task: into } = work {
        merge(then, id, *into, when);
        return None;
    }
    if let Work::Opened { .. } = work
        && then.task(id).is_none()
        && let Some(known) = now.task(id)
    {
        then.tasks.push(Task {
            lines: Vec::new(),
            parcels: Vec::new(),
            closed_at: None,
            ..known.clone()
        });
    }
    let known = now.task(id)?;
    let task = then.tasks.iter_mut().find(|task| task.id == id)?;
    match work {
        Work::Packed { .. }
        | Work::Unpacked { .. }
        | Work::Labeled { .. }
        | Work::LabelVoided { .. }
        | Work::HandedOver { .. } => of_parcel(known, task, work, when),
        Work::Opened { .. }
        | Work::Picked { .. }
        | Work::PutBack { .. }
        | Work::NotFound { .. }
        | Work::Cut { .. }
        | Work::LeftWith { .. } => of_line(known, task, work),
        Work::Closed { .. } => {
            task.closed_at = Some(when);
            for part in &mut task.lines {
                part.units = part.left;
            }
            None
        }
        Work::MergedInto { .. } => None,
    }
}

/// What was done with units of a line.
fn of_line(known: &Task, task: &mut Task, work: &Work) -> Option<String> {
    match work {
        Work::Opened { line, units, .. } => match part(task, *line) {
            Some(part) => part.units = part.units.plus(*units),
            None => task.lines.push(TaskLine {
                line: *line,
                units: *units,
                ..TaskLine::default()
            }),
        },
        Work::Picked { line, units } => {
            let part = part(task, *line)?;
            part.picked = part.picked.plus(*units);
        }
        Work::PutBack { line, units } => {
            let part = part(task, *line)?;
            part.picked = part.picked.minus(*units);
        }
        Work::NotFound { line, units, .. } | Work::Cut { line, units, .. } => {
            let part = part(task, *line)?;
            part.units = part.units.minus(*units);
        }
        Work::LeftWith {
            shipment,
            line,
            units,
            unpicked,
        } => {
            for parcel in &mut task.parcels {
                let known = known.parcel(parcel.number);
                let left_as = known.and_then(|known| known.left_as);
                parcel.left_as = parcel.left_as.or(left_as.filter(|id| id == shipment));
            }
            let part = part(task, *line)?;
            part.picked = part.picked.plus(*unpicked);
            part.left = part.left.plus(*units);
            part.packed = part.packed.max(part.left);
        }
        Work::Packed { .. }
        | Work::Unpacked { .. }
        | Work::Labeled { .. }
        | Work::LabelVoided { .. }
        | Work::HandedOver { .. }
        | Work::MergedInto { .. }
        | Work::Closed { .. } => {}
    }
    None
}

/// What was done with a parcel.
fn of_parcel(known: &Task, task: &mut Task, work: &Work, when: Time) -> Option<String> {
    match work {
        Work::Packed { parcel, weight_g } => return pack(known, task, *parcel, *weight_g),
        Work::Unpacked { parcel } => {
            let gone = task.parcels.iter().find(|one| one.number == *parcel);
            for (line, units) in gone.map(|gone| gone.lines.clone()).unwrap_or_default() {
                let part = part(task, line)?;
                part.packed = part.packed.minus(units);
            }
            task.parcels.retain(|one| one.number != *parcel);
        }
        Work::Labeled {
            parcel,
            tracking_number,
            ..
        } => {
            let labels = &known.parcel(*parcel)?.labels;
            let label = labels
                .iter()
                .find(|label| label.tracking_number == *tracking_number && label.at == when);
            let mut label = label?.clone();
            label.voided_at = None;
            parcel_of(task, *parcel)?.labels.push(label);
        }
        Work::LabelVoided { parcel, .. } => {
            parcel_of(task, *parcel)?.labels.last_mut()?.voided_at = Some(when);
        }
        Work::HandedOver { parcel, shipment } => {
            let parcel = parcel_of(task, *parcel)?;
            parcel.left_as = Some(*shipment);
            for (line, units) in parcel.lines.clone() {
                let part = part(task, line)?;
                part.left = part.left.plus(units);
            }
        }
        Work::Opened { .. }
        | Work::Picked { .. }
        | Work::PutBack { .. }
        | Work::NotFound { .. }
        | Work::Cut { .. }
        | Work::LeftWith { .. }
        | Work::MergedInto { .. }
        | Work::Closed { .. } => {}
    }
    None
}

fn part(task: &mut Task, line: u32) -> Option<&mut TaskLine> {
    task.lines.iter_mut().find(|part| part.line == line)
}

fn parcel_of(task: &mut Task, number: u32) -> Option<&mut Parcel> {
    task.parcels.iter_mut().find(|one| one.number == number)
}

/// What was in a parcel is known as long as the parcel is.
fn pack(known: &Task, task: &mut Task, number: u32, weight_g: Option<u32>) -> Option<String> {
    let Some(parcel) = known.parcel(number) else {
        return Some(format!(
            "What was in parcel {number} of {} is not known: it was unpacked later, or went into another task.",
            known.id
        ));
    };
    for (line, units) in &parcel.lines {
        let part = part(task, *line)?;
        part.packed = part.packed.plus(*units);
    }
    task.parcels.push(Parcel {
        weight_g,
        labels: Vec::new(),
        left_as: None,
        ..parcel.clone()
    });
    None
}

/// The units of one go on as part of another.
fn merge(then: &mut Order, id: TaskId, into: TaskId, when: Time) {
    let Some(from) = then.tasks.iter_mut().find(|task| task.id == id) else {
        return;
    };
    from.closed_at = Some(when);
    let mut moved = Vec::new();
    for part in &mut from.lines {
        moved.push(TaskLine {
            units: part.to_leave(),
            picked: part.in_hand(),
            packed: part.packed.minus(part.left),
            left: Quantity::ZERO,
            ..*part
        });
        let left = part.left;
        (part.units, part.picked, part.packed) = (left, left, left);
    }
    let Some(task) = then.tasks.iter_mut().find(|task| task.id == into) else {
        return;
    };
    for more in moved {
        match part(task, more.line) {
            Some(part) => {
                part.units = part.units.plus(more.units);
                part.picked = part.picked.plus(more.picked);
                part.packed = part.packed.plus(more.packed);
            }
            None => task.lines.push(more),
        }
    }
}
