//! Handing over: the one step of fulfillment that takes stock off the shelf.

use crate::{
    Quantity,
    fact::Counter,
    fulfillment::{FulfillmentRefusal, TaskLine, Work},
    ids::ShipmentId,
};

use super::{
    super::{
        Desk, Refusal, Undecided, Verdict,
        claims::Leaving,
        command::refuse,
        delivery,
        ship::{self, refuse_unless_ready},
        snapshot::count,
    },
    Named, Parts, find, find_open,
    pack::put_into_parcel,
    parcel_here, parcel_mut, part_mut, refuse_nothing,
};

/// What is said of parcels that leave.
#[derive(Clone, Copy)]
pub(super) struct Said<'s> {
    pub(super) left: ship::Left<'s>,
    pub(super) is_to_buyer: bool,
    pub(super) by: &'s str,
}

pub(super) fn hand_over(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[u32],
    said: Said<'_>,
) -> Result<Verdict, Undecided> {
    find_open(desk, named)?;
    refuse_unless_ready(desk, named.0)?;
    let parcels = leaving_parcels(desk, named, asked, said.by)?;
    if parcels.len() > 1 && said.left.1.is_some() {
        return refuse(FulfillmentRefusal::OneNumber(parcels.len()).into());
    }
    for number in parcels {
        hand_over_one(desk, named, number, said)?;
    }
    desk.settle_claims(named.0)?;
    Ok(Verdict::New)
}

/// The parcels that are named, or all; where nothing is packed, all of the task becomes one.
fn leaving_parcels(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[u32],
    by: &str,
) -> Result<Vec<u32>, Undecided> {
    for number in asked {
        parcel_here(desk, named, *number)?;
    }
    if !asked.is_empty() {
        let mut asked = asked.to_vec();
        asked.sort_unstable();
        asked.dedup();
        return Ok(asked);
    }
    let task = find_open(desk, named)?;
    let here: Vec<u32> = task.parcels_here().map(|parcel| parcel.number).collect();
    if !here.is_empty() {
        return Ok(here);
    }
    let rest = task.lines.iter().map(|part| (part.line, part.to_pick()));
    let rest: Parts = rest.filter(|(_, units)| units.is_positive()).collect();
    for (line, units) in rest {
        let part = part_mut(desk, named, line)?;
        part.picked = part.picked.plus(units);
        count(desk, named.0, line, Counter::Picked, units)?;
        desk.record_work(named.0, named.1, Work::Picked { line, units }, by);
    }
    let loose = find(desk, named)?.lines.iter();
    let loose: Parts = loose.map(|part| (part.line, part.to_pack())).collect();
    let loose: Parts = loose
        .into_iter()
        .filter(|(_, units)| units.is_positive())
        .collect();
    refuse_nothing(&loose, "nothing of it may leave: put back what is in hand")?;
    Ok(vec![put_into_parcel(desk, named, loose, None, by)?])
}

fn hand_over_one(
    desk: &mut Desk<'_>,
    named: Named,
    number: u32,
    said: Said<'_>,
) -> Result<(), Undecided> {
    let (id, task) = named;
    let parcel = parcel_here(desk, named, number)?.clone();
    let row = find(desk, named)?;
    let location = row.location.clone();
    let may_leave = |(line, units): &(u32, Quantity)| {
        let left = row.line(*line).map(TaskLine::to_leave);
        left.is_some_and(|left| *units <= left)
    };
    if !parcel.lines.iter().all(may_leave) {
        return refuse(FulfillmentRefusal::HoldsStopped(number).into());
    }
    ship::refuse_unless_shippable(desk, id, &parcel.lines, &location)?;
    let label = parcel.label();
    let (carrier, tracking_number, tracking_url) = said.left;
    let left = (
        carrier.or(label.map(|label| label.carrier.as_str())),
        tracking_number.or(label.map(|label| label.tracking_number.as_str())),
        tracking_url.or(label.and_then(|label| label.tracking_url.as_deref())),
    );
    let sent = ship::send(desk, id, &parcel.lines, Leaving::From(&location), left)?;
    let Some((shipment, _)) = sent.first() else {
        return refuse(Refusal::NothingToShip);
    };
    parcel_mut(desk, named, number)?.left_as = Some(*shipment);
    for (line, units) in &parcel.lines {
        let part = part_mut(desk, named, *line)?;
        part.left = part.left.plus(*units);
    }
    let work = Work::HandedOver {
        parcel: number,
        shipment: *shipment,
    };
    desk.record_work(id, task, work, said.by);
    if said.is_to_buyer {
        let shipments: Vec<ShipmentId> = sent.iter().map(|(shipment, _)| *shipment).collect();
        for shipment in shipments {
            delivery::arrive(desk, id, shipment, said.by)?;
        }
    }
    Ok(())
}
