//! Sentences for what was done on tasks.

use domain::{Quantity, fulfillment::Work, ids::TaskId};

use crate::views::Units;

/// What was done, in a sentence.
pub(super) fn work(
    task: TaskId,
    work: &Work,
    by: &str,
    units: &dyn Fn(u32, Quantity) -> Units,
) -> String {
    match work {
        Work::Opened {
            location,
            line,
            units: count,
        } => {
            let count = units(*line, *count);
            format!(
                "Line {line}: {count} are to be picked at {location} with {task}, opened by {by}."
            )
        }
        Work::Picked { line, units: count } => {
            format!("Line {line}: {by} picked {}.", units(*line, *count))
        }
        Work::PutBack { line, units: count } => {
            format!("Line {line}: {by} put {} back.", units(*line, *count))
        }
        Work::NotFound {
            location,
            line,
            units: count,
            sku,
        } => {
            let count = units(*line, *count);
            format!("Line {line}: {by} did not find {sku} at {location} for {count} of it.")
        }
        Work::Cut {
            line,
            units: count,
            reason,
        } => {
            let count = units(*line, *count);
            format!("Line {line}: {count} do not leave with {task}: {reason}.")
        }
        Work::Packed { parcel, weight_g } => {
            let weight = weight_g.map_or_else(String::new, |g| format!(", {g} g"));
            format!("{by} packed parcel {parcel} of {task}{weight}.")
        }
        Work::Unpacked { parcel } => format!("{by} unpacked parcel {parcel} of {task}."),
        Work::Labeled {
            parcel,
            carrier,
            tracking_number,
            cost,
        } => {
            let cost = cost.map_or_else(String::new, |cost| format!(", which cost {cost}"));
            format!(
                "{by} put a label on parcel {parcel} of {task}: {carrier} {tracking_number}{cost}."
            )
        }
        Work::LabelVoided {
            parcel,
            tracking_number,
        } => format!("{by} voided the label of parcel {parcel} of {task}: {tracking_number}."),
        Work::HandedOver { parcel, shipment } => {
            format!("{by} handed parcel {parcel} of {task} over; it is {shipment}.")
        }
        Work::LeftWith {
            shipment,
            line,
            units: count,
            ..
        } => {
            let count = units(*line, *count);
            format!("Line {line}: {count} of {task} left with {shipment}.")
        }
        Work::MergedInto { task: into } => format!("{by} merged {task} into {into}."),
        Work::Closed { reason } => format!("Task {task} was closed by {by}: {reason}."),
    }
}
