//! Parcels: what is in them, and what is on them.

use crate::{
    Decimal, Quantity,
    fact::Counter,
    fulfillment::{
        FulfillmentRefusal, LABELS_MAX, Label, NewLabel, PARCELS_MAX, Parcel, TaskLine,
        WEIGHT_MAX_G, Work,
    },
};

use super::{
    super::{
        Desk, Undecided, Verdict, command::refuse, ship::refuse_unless_ready, snapshot::count,
    },
    Named, Parts, find_open, named_or_all, parcel_here, parcel_mut, part_mut, refuse_labeled,
    refuse_nothing, task_mut,
};

pub(super) fn pack(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    weight_g: Option<u32>,
    by: &str,
) -> Result<Verdict, Undecided> {
    find_open(desk, named)?;
    refuse_unless_ready(desk, named.0)?;
    if let Some(weight_g) = weight_g.filter(|g| *g == 0 || *g > WEIGHT_MAX_G) {
        return refuse(FulfillmentRefusal::Weight(weight_g).into());
    }
    let kind: (fn(&TaskLine) -> Quantity, _) = (TaskLine::to_pack, "picked and to be packed");
    let parts = named_or_all(desk, named, asked, kind)?;
    refuse_nothing(&parts, "nothing of it lies loose: pick it first")?;
    put_into_parcel(desk, named, parts, weight_g, by)?;
    Ok(Verdict::New)
}

pub(super) fn put_into_parcel(
    desk: &mut Desk<'_>,
    named: Named,
    parts: Parts,
    weight_g: Option<u32>,
    by: &str,
) -> Result<u32, Undecided> {
    for (line, units) in &parts {
        let part = part_mut(desk, named, *line)?;
        part.packed = part.packed.plus(*units);
        count(desk, named.0, *line, Counter::Packed, *units)?;
    }
    let task = task_mut(desk, named)?;
    if task.parcels.len() >= PARCELS_MAX {
        return refuse(FulfillmentRefusal::TooMany(PARCELS_MAX, "parcels").into());
    }
    task.parcels_made = task.parcels_made.saturating_add(1);
    let parcel = task.parcels_made;
    task.parcels.push(Parcel {
        number: parcel,
        lines: parts,
        weight_g,
        labels: Vec::new(),
        left_as: None,
    });
    let work = Work::Packed { parcel, weight_g };
    desk.record_work(named.0, named.1, work, by);
    Ok(parcel)
}

pub(super) fn unpack(
    desk: &mut Desk<'_>,
    named: Named,
    number: u32,
    by: &str,
) -> Result<Verdict, Undecided> {
    let lines = parcel_here(desk, named, number)?.lines.clone();
    for (line, units) in lines {
        let part = part_mut(desk, named, line)?;
        part.packed = part.packed.minus(units);
        count(desk, named.0, line, Counter::Unpacked, units)?;
    }
    let task = task_mut(desk, named)?;
    task.parcels.retain(|parcel| parcel.number != number);
    let work = Work::Unpacked { parcel: number };
    desk.record_work(named.0, named.1, work, by);
    Ok(Verdict::New)
}

pub(super) fn put_label(
    desk: &mut Desk<'_>,
    named: Named,
    number: u32,
    asked: &NewLabel,
    by: &str,
) -> Result<Verdict, Undecided> {
    let parcel = parcel_here(desk, named, number)?;
    refuse_labeled(parcel)?;
    refuse_unless_ready(desk, named.0)?;
    if asked.carrier.is_empty() || asked.tracking_number.is_empty() {
        return refuse(FulfillmentRefusal::EmptyLabel.into());
    }
    if parcel.labels.len() >= LABELS_MAX {
        return refuse(FulfillmentRefusal::TooMany(LABELS_MAX, "labels").into());
    }
    stick(desk, named, number, (asked, None), by)?;
    Ok(Verdict::New)
}

/// A label is on it now.
pub(super) fn stick(
    desk: &mut Desk<'_>,
    named: Named,
    number: u32,
    (label, provider): (&NewLabel, Option<&str>),
    by: &str,
) -> Result<(), Undecided> {
    let at = desk.now();
    let NewLabel {
        carrier,
        tracking_number,
        tracking_url,
        reference,
        cost,
    } = label.clone();
    let work = Work::Labeled {
        parcel: number,
        carrier: carrier.clone(),
        tracking_number: tracking_number.clone(),
        cost,
    };
    parcel_mut(desk, named, number)?.labels.push(Label {
        carrier,
        tracking_number,
        tracking_url,
        reference,
        cost,
        provider: provider.map(str::to_owned),
        at,
        by: by.to_owned(),
        voided_at: None,
    });
    desk.record_work(named.0, named.1, work, by);
    Ok(())
}

pub(super) fn void_label(
    desk: &mut Desk<'_>,
    named: Named,
    number: u32,
    by: &str,
) -> Result<Verdict, Undecided> {
    parcel_here(desk, named, number)?;
    let now = desk.now();
    let labels = parcel_mut(desk, named, number)?.labels.last_mut();
    let Some(label) = labels.filter(|label| label.voided_at.is_none()) else {
        return refuse(FulfillmentRefusal::NotLabeled(number).into());
    };
    label.voided_at = Some(now);
    let work = Work::LabelVoided {
        parcel: number,
        tracking_number: label.tracking_number.clone(),
    };
    desk.record_work(named.0, named.1, work, by);
    Ok(Verdict::New)
}
