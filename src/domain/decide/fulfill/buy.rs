//! Labels that a provider sells: wished, put on the parcel when they are there, and given back.
//!
//! A label that comes when its parcel is not there any more is given back by itself: money that was spent is never
//! forgotten. While one is being bought the parcel stays as it is.

use crate::{
    ExternalId,
    fulfillment::{FulfillmentRefusal, FulfillmentStep, LABELS_MAX, Label, NewLabel, Work},
    ids::{OrderId, TaskId},
    intent::{Intent, IntentState, Wish},
};

use super::{
    super::{
        Desk, Undecided, Verdict,
        command::{refuse, wish},
        ship::refuse_unless_ready,
    },
    Named, find, pack, parcel_here, parcel_mut, refuse_labeled,
};

/// Buys a label for a parcel.
pub(super) fn buy(
    desk: &mut Desk<'_>,
    (order, task): Named,
    number: u32,
    (provider, service): (&str, Option<&str>),
) -> Result<Verdict, Undecided> {
    let parcel = parcel_here(desk, (order, task), number)?;
    refuse_labeled(parcel)?;
    if parcel.labels.len() >= LABELS_MAX {
        return refuse(FulfillmentRefusal::TooMany(LABELS_MAX, "labels").into());
    }
    refuse_unless_ready(desk, order)?;
    let asked = Wish::BuyLabel {
        provider: provider.to_owned(),
        task,
        parcel: number,
        service: service.map(str::to_owned),
    };
    wish(desk, order, asked)?;
    Ok(Verdict::New)
}

/// Gives the label of a parcel back to whoever sold it. Nothing where it was typed in.
pub(super) fn give_back(
    desk: &mut Desk<'_>,
    (order, task): Named,
    number: u32,
) -> Result<Option<Verdict>, Undecided> {
    let label = parcel_here(desk, (order, task), number)?.label();
    let sold = label.and_then(|label| Some((label.provider.clone()?, label.reference.clone()?)));
    let Some((provider, reference)) = sold else {
        return Ok(None);
    };
    let asked = Wish::VoidLabel {
        provider,
        task,
        parcel: number,
        reference,
    };
    wish(desk, order, asked)?;
    Ok(Some(Verdict::New))
}

/// The parcel whose label is being bought or given back, of those that a step would change.
pub(super) fn refuse_when_asked(
    desk: &Desk<'_>,
    order: OrderId,
    step: &FulfillmentStep,
) -> Result<(), Undecided> {
    let (task, parcels): (TaskId, Option<&[u32]>) = match step {
        FulfillmentStep::Unpack { task, parcel }
        | FulfillmentStep::Label { task, parcel, .. }
        | FulfillmentStep::BuyLabel { task, parcel, .. }
        | FulfillmentStep::VoidLabel { task, parcel, .. } => {
            (*task, Some(std::slice::from_ref(parcel)))
        }
        FulfillmentStep::HandOver { task, parcels, .. } if !parcels.is_empty() => {
            (*task, Some(parcels))
        }
        FulfillmentStep::HandOver { task, .. }
        | FulfillmentStep::Merge { task, .. }
        | FulfillmentStep::Close { task, .. } => (*task, None),
        FulfillmentStep::Open { .. }
        | FulfillmentStep::Pick { .. }
        | FulfillmentStep::PutBack { .. }
        | FulfillmentStep::Pack { .. }
        | FulfillmentStep::Split { .. } => return Ok(()),
    };
    let asked = under_way(desk, order)
        .find(|(of, parcel)| *of == task && parcels.is_none_or(|parcels| parcels.contains(parcel)));
    match asked {
        Some((_, parcel)) => refuse(FulfillmentRefusal::LabelUnderWay(parcel).into()),
        None => Ok(()),
    }
}

/// Whether any label of an order is being bought or given back.
pub(in super::super) fn refuse_when_any_is_asked(
    desk: &Desk<'_>,
    order: OrderId,
) -> Result<(), Undecided> {
    match under_way(desk, order).next() {
        Some((_, parcel)) => refuse(FulfillmentRefusal::LabelUnderWay(parcel).into()),
        None => Ok(()),
    }
}

/// Parcels with a wish about their label that is still to be tried, or asked for.
fn under_way(desk: &Desk<'_>, order: OrderId) -> impl Iterator<Item = (TaskId, u32)> {
    let of_order = desk.book.intents.values();
    // What is parked is for a person to settle.
    let open = of_order
        .filter(move |intent| intent.order == order && intent.state == IntentState::Waiting);
    open.filter_map(|intent| match &intent.wish {
        Wish::BuyLabel { task, parcel, .. } | Wish::VoidLabel { task, parcel, .. } => {
            Some((*task, *parcel))
        }
        Wish::PushShipment { .. }
        | Wish::CancelOrder { .. }
        | Wish::Refund { .. }
        | Wish::Capture { .. }
        | Wish::Message { .. } => None,
    })
}

/// A label was bought.
pub(in super::super) fn take_label(
    desk: &mut Desk<'_>,
    intent: &Intent,
    label: &NewLabel,
) -> Result<(), Undecided> {
    let Wish::BuyLabel {
        provider,
        task,
        parcel: number,
        ..
    } = &intent.wish
    else {
        return Ok(());
    };
    let named = (intent.order, *task);
    let parcel = find(desk, named).ok().and_then(|task| task.parcel(*number));
    let is_free = parcel.is_some_and(|parcel| parcel.is_here() && parcel.label().is_none());
    if is_free && !desk.order(intent.order)?.is_withdrawn() {
        let by = format!("labels:{provider}");
        return pack::stick(desk, named, *number, (label, Some(provider)), &by);
    }
    let reference = label.reference.clone().unwrap_or_default();
    let asked = Wish::VoidLabel {
        provider: provider.clone(),
        task: *task,
        parcel: *number,
        reference,
    };
    wish(desk, intent.order, asked).map(|_| ())
}

/// A label was given back.
pub(in super::super) fn drop_label(desk: &mut Desk<'_>, intent: &Intent) -> Result<(), Undecided> {
    let Wish::VoidLabel {
        provider,
        task,
        parcel: number,
        reference,
    } = &intent.wish
    else {
        return Ok(());
    };
    let named = (intent.order, *task);
    let now = desk.now();
    let Ok(parcel) = parcel_mut(desk, named, *number) else {
        return Ok(());
    };
    let label = parcel.labels.last_mut();
    let is_it = |label: &&mut Label| {
        label.voided_at.is_none() && label.reference.as_ref() == Some(reference)
    };
    if let Some(label) = label.filter(is_it) {
        label.voided_at = Some(now);
        let work = Work::LabelVoided {
            parcel: *number,
            tracking_number: label.tracking_number.clone(),
        };
        desk.record_work(intent.order, *task, work, &format!("labels:{provider}"));
    }
    Ok(())
}

/// What a provider calls a label, as a reference of a wish that came true.
pub(in super::super) fn reference(label: &NewLabel) -> Option<ExternalId> {
    label.reference.as_deref().map(ExternalId::new)
}
