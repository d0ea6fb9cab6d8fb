//! Taking in a channel's view of an order.
//!
//! A view is the whole truth of its channel at its version. The difference to what we knew becomes
//! facts and counters; an older view changes nothing; the same version with other content is read
//! again, because the order of arrival proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    AccountId, ExternalId, Quantity, Time,
    fact::{Counter, Event},
    ids::{OrderId, ShipmentId},
    item::Item,
    order::{Counters, Line, LineItem, Order, Shipment},
    payment::Pays,
    person::{Destination, Person},
    signal::Source,
    snapshot::{LineSnapshot, OrderSnapshot, Standing},
};

use super::{
    Desk, FollowUp, Undecided, Verdict,
    claims::Leaving,
    edits, manual, mapping, returns,
    sold::{doubt_what_passed, set_subtracted, take_off_no_more},
    unclear, verify,
};

/// Who places and lifts the holds that a program decides on.
pub(super) const OURSELVES: &str = "oneshelf";

pub(super) fn take_in(
    desk: &mut Desk<'_>,
    account: &AccountId,
    snapshot: &OrderSnapshot,
    source: Source,
) -> Result<Verdict, Undecided> {
    let fingerprint = fingerprint(snapshot);
    let known = desk
        .book
        .orders
        .values()
        .find(|order| order.account == *account && order.external_id == snapshot.external_id);
    let known_at = known.map(|order| order.version.changed_at);
    let could_leave = known.is_some_and(Order::is_payable);
    let id = match known {
        None if snapshot.standing == Standing::Draft => return Ok(Verdict::Nothing),
        None => accept(desk, account, snapshot, fingerprint),
        Some(order) if snapshot.version < order.version => return Ok(Verdict::Stale),
        Some(order) if order.fingerprint == fingerprint => {
            // The same view at a newer version: only the version is news.
            let id = order.id;
            desk.order_mut(id)?.version = snapshot.version;
            return Ok(Verdict::Duplicate);
        }
        Some(order) if snapshot.version == order.version && source != Source::Read => {
            desk.follow_ups.push(FollowUp::ReadOrder {
                account: account.clone(),
                external_id: snapshot.external_id.clone(),
            });
            return Ok(Verdict::Stale);
        }
        Some(order) => {
            let id = order.id;
            edits::take_head(desk, id, snapshot, fingerprint)?;
            id
        }
    };
    let during = (
        known_at.unwrap_or(snapshot.placed_at),
        snapshot.version.changed_at,
    );
    merge_lines(desk, id, snapshot, during)?;
    edits::promise(desk, id, could_leave)?;
    unclear::hold(desk, id)?;
    verify::look_at(desk, id, snapshot, known_at.is_none())?;
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

pub(super) fn take_gone(
    desk: &mut Desk<'_>,
    account: &AccountId,
    external_id: &ExternalId,
) -> Result<Verdict, Undecided> {
    let known = desk
        .book
        .orders
        .values()
        .find(|order| order.account == *account && order.external_id == *external_id);
    let Some(order) = known else {
        return Ok(Verdict::Nothing);
    };
    if order.standing == Standing::Deleted {
        return Ok(Verdict::Duplicate);
    }
    let id = order.id;
    withdraw(desk, id, Standing::Deleted)?;
    Ok(Verdict::New)
}

/// What has not left of an order is not wanted any more.
pub(super) fn withdraw(
    desk: &mut Desk<'_>,
    id: OrderId,
    standing: Standing,
) -> Result<(), Undecided> {
    edits::change(desk, id, "standing", |order| &mut order.standing, standing)?;
    let lines: Vec<u32> = desk
        .order(id)?
        .lines
        .iter()
        .map(|line| line.number)
        .collect();
    for line in lines {
        let shipped = line_mut(desk, id, line)?.counters.shipped_first();
        set_wanted(desk, id, line, shipped)?;
        take_off_no_more(desk, id, line, shipped)?;
    }
    desk.settle_claims(id)
}

fn accept(
    desk: &mut Desk<'_>,
    account: &AccountId,
    snapshot: &OrderSnapshot,
    fingerprint: u64,
) -> OrderId {
    let id = OrderId::next(&mut desk.ids);
    let order = Order {
        id,
        account: account.clone(),
        external_id: snapshot.external_id.clone(),
        number: snapshot.number.clone(),
        version: snapshot.version,
        fingerprint,
        placed_at: snapshot.placed_at,
        accepted_at: desk.now(),
        standing: snapshot.standing.clone(),
        payment: snapshot.payment.clone(),
        words: snapshot.words.clone(),
        currency: snapshot.currency,
        total: snapshot.total,
        refunded: snapshot.refunded,
        amounts: Some(manual::amounts(snapshot)),
        payments: Vec::new(),
        pays: Pays::Before,
        destination: snapshot.ship_to.as_ref().and_then(Destination::of),
        erasure: None,
        bill_country: None,
        alike: Vec::new(),
        tags: BTreeSet::new(),
        priority: 0,
        route: None,
        routed_by: None,
        runs: Vec::new(),
        ship_by: snapshot.ship_by,
        promised_by: None,
        deliver_by: snapshot.deliver_by,
        risk: snapshot.risk.clone(),
        lines: Vec::new(),
        holds: Vec::new(),
        tasks: Vec::new(),
        not_found_at: BTreeSet::new(),
        shipments: Vec::new(),
        returns: Vec::new(),
        documents: Vec::new(),
        expired_at: None,
        closed_at: None,
        unplaced_by: None,
        notes: 0,
        timeline_length: 0,
    };
    desk.book.orders.insert(id, order);
    if let Some(person) = Person::of(snapshot) {
        desk.book.persons.insert(id, person);
    }
    let (external_id, number) = (snapshot.external_id.clone(), snapshot.number.clone());
    desk.record_for(
        id,
        Event::OrderAccepted {
            external_id,
            number,
        },
    );
    id
}

fn merge_lines(
    desk: &mut Desk<'_>,
    id: OrderId,
    snapshot: &OrderSnapshot,
    during: (Time, Time),
) -> Result<(), Undecided> {
    let is_withdrawn = desk.order(id)?.is_withdrawn();
    let (mut left_with_channel, mut came_back) = (Vec::new(), Vec::new());
    for seen in &snapshot.lines {
        let number = find_or_add_line(desk, id, seen)?;
        map_line(desk, id, number, seen)?;
        let Some(units) = read_units(desk, id, number, seen)? else {
            continue;
        };
        let before = line_mut(desk, id, number)?.clone();
        // What did not leave after all can be canceled.
        take_shipment_back(desk, id, number, units.shipped)?;
        let shipped = line_mut(desk, id, number)?.counters.shipped_first();
        let wanted = if is_withdrawn {
            shipped
        } else {
            units.wanted.max(shipped)
        };
        if before.counters.ordered.is_zero() {
            // What was canceled before it was first seen was ordered nevertheless.
            set_wanted(desk, id, number, units.ordered)?;
        }
        set_wanted(desk, id, number, wanted)?;
        let line = line_mut(desk, id, number)?;
        line.priced = (units.ordered != line.counters.ordered).then_some(units.ordered);
        set_subtracted(desk, id, number, units.subtracted, snapshot)?;
        doubt_what_passed(desk, id, &before, during)?;
        let left = set_shipped(desk, id, number, units.shipped, snapshot)?;
        if left.is_positive() {
            left_with_channel.push((number, left));
        }
        set_returned(desk, id, number, units.returned)?;
        came_back.push((number, line_mut(desk, id, number)?.counters.returned));
    }
    let account = desk.order(id)?.account.clone();
    if !manual::is_by_hand(desk, &account) {
        returns::told_by_channel(desk, id, came_back, &account)?;
    }
    cancel_missing_lines(desk, id, snapshot)?;
    if !left_with_channel.is_empty() {
        record_channel_shipment(desk, id, left_with_channel)?;
    }
    Ok(())
}

fn cancel_missing_lines(
    desk: &mut Desk<'_>,
    id: OrderId,
    snapshot: &OrderSnapshot,
) -> Result<(), Undecided> {
    let is_seen = |line: &Line| {
        snapshot
            .lines
            .iter()
            .any(|s| s.external_id == line.external_id)
    };
    let missing: Vec<u32> = desk
        .order(id)?
        .lines
        .iter()
        .filter(|line| !is_seen(line))
        .map(|line| line.number)
        .collect();
    for number in missing {
        let shipped = line_mut(desk, id, number)?.counters.shipped_first();
        set_wanted(desk, id, number, shipped)?;
        set_subtracted(desk, id, number, shipped, snapshot)?;
    }
    Ok(())
}

fn find_or_add_line(
    desk: &mut Desk<'_>,
    id: OrderId,
    seen: &LineSnapshot,
) -> Result<u32, Undecided> {
    let order = desk.order_mut(id)?;
    if let Some(line) = order
        .lines
        .iter_mut()
        .find(|line| line.external_id == seen.external_id)
    {
        line.tax = seen.tax;
        line.title.clone_from(&seen.title);
        let number = line.number;
        edits::reprice(desk, id, number, seen.total)?;
        return Ok(number);
    }
    let number = order
        .lines
        .iter()
        .map(|line| line.number)
        .max()
        .unwrap_or(0)
        .saturating_add(1);
    order.lines.push(Line {
        number,
        external_id: seen.external_id.clone(),
        channel_sku: seen.sku.clone(),
        listing: seen.listing.clone(),
        title: seen.title.clone(),
        item: None,
        scale: 0,
        counters: Counters::default(),
        subtracted: Quantity::ZERO,
        priced: None,
        total: seen.total,
        tax: seen.tax,
        requires_shipping: seen.requires_shipping,
        left_from: BTreeMap::new(),
        owed: None,
        gave_up: Quantity::ZERO,
    });
    let units = seen.ordered.to_quantity(0).unwrap_or_default();
    let channel_sku = seen.sku.clone();
    desk.record_for(
        id,
        Event::LineAdded {
            line: number,
            channel_sku,
            units,
        },
    );
    Ok(number)
}

/// Finds out which item a line is.
fn map_line(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    seen: &LineSnapshot,
) -> Result<(), Undecided> {
    let account = desk.order(id)?.account.clone();
    if line_mut(desk, id, number)?.item.is_some() {
        return Ok(());
    }
    let item = mapping::of_line(desk, &account, seen.into());
    match item {
        Some(item) => set_line_item(desk, id, number, &item),
        None => Ok(()),
    }
}

/// Fixes what a line is. What was counted before, in whole units, is counted in the item's unit.
pub(super) fn set_line_item(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    item: &Item,
) -> Result<(), Undecided> {
    let line = line_mut(desk, id, number)?;
    let factor = 10_i64.checked_pow(u32::from(item.scale)).unwrap_or(1);
    if line.scale != item.scale {
        let counters = &mut line.counters;
        for count in [
            &mut counters.ordered,
            &mut counters.canceled,
            &mut counters.reinstated,
            &mut counters.shipped,
            &mut counters.voided,
            &mut counters.delivered,
            &mut counters.undelivered,
            &mut counters.returned,
            &mut counters.resent,
            &mut counters.resend_dropped,
            &mut line.subtracted,
        ] {
            *count = count.times(factor);
        }
        line.priced = line.priced.map(|units| units.times(factor));
        line.scale = item.scale;
        scale_parts(desk.order_mut(id)?, number, factor);
    }
    let line = line_mut(desk, id, number)?;
    line.item = Some(LineItem {
        sku: item.sku.clone(),
        bill: item.bill(),
    });
    desk.record_for(
        id,
        Event::LineMapped {
            line: number,
            sku: item.sku.clone(),
        },
    );
    take_off_what_left(desk, id, number)
}

/// Counts what parcels and returns have of a line in another unit.
fn scale_parts(order: &mut Order, number: u32, factor: i64) {
    let parcels = order.shipments.iter_mut().flat_map(|one| &mut one.lines);
    for (_, units) in parcels.filter(|(line, _)| *line == number) {
        *units = units.times(factor);
    }
    let returned = order.returns.iter_mut().flat_map(|one| &mut one.lines);
    for part in returned.filter(|part| part.line == number) {
        let counts = [
            &mut part.advised,
            &mut part.received,
            &mut part.restocked,
            &mut part.damaged,
            &mut part.scrapped,
            &mut part.not_returned,
        ];
        for units in counts.into_iter().chain(part.unchecked.values_mut()) {
            *units = units.times(factor);
        }
    }
}

/// Units of a line that left before it was known which item it is leave the shelf now.
fn take_off_what_left(desk: &mut Desk<'_>, id: OrderId, number: u32) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let Some(line) = order.line(number) else {
        return Ok(());
    };
    let left = line.counters.shipped_net();
    if !left.is_positive() {
        return Ok(());
    }
    let parcels = order.shipments.iter().filter(|parcel| {
        let mut lines = parcel.lines.iter();
        lines.any(|(line, _)| *line == number)
    });
    let left_at = match line.requires_shipping {
        false => order.placed_at,
        true => {
            let recorded = parcels.map(|parcel| parcel.shipped_at).max();
            let changed = order.version.changed_at;
            recorded.map_or(changed, |recorded| recorded.min(changed))
        }
    };
    desk.consume(id, number, left, Leaving::ByChannel(left_at))
}

/// A line's numbers in its item's unit.
struct Units {
    ordered: Quantity,
    wanted: Quantity,
    shipped: Quantity,
    returned: Quantity,
    subtracted: Quantity,
}

/// The channel's numbers, exactly; a line with a quantity that its item does not allow holds the
/// order, and nothing is guessed.
fn read_units(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    seen: &LineSnapshot,
) -> Result<Option<Units>, Undecided> {
    let scale = line_mut(desk, id, number)?.scale;
    let read = || {
        let ordered = seen.ordered.to_quantity(scale)?;
        Ok::<Units, crate::quantity::NotAQuantity>(Units {
            ordered: ordered.or_zero(),
            wanted: ordered.minus(seen.canceled.to_quantity(scale)?).or_zero(),
            shipped: seen.shipped.to_quantity(scale)?.or_zero(),
            returned: seen.returned.to_quantity(scale)?.or_zero(),
            subtracted: seen.subtracted.to_quantity(scale)?.or_zero(),
        })
    };
    match read() {
        Ok(units) => Ok(Some(units)),
        Err(error) => {
            unclear::place_hold(
                desk,
                id,
                &format!("line {number} cannot be counted: {error}"),
            )?;
            Ok(None)
        }
    }
}

/// Makes a line want exactly so many units: canceled ones are reinstated first, and none that left
/// is canceled.
pub(super) fn set_wanted(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    target: Quantity,
) -> Result<(), Undecided> {
    let counters = line_mut(desk, id, number)?.counters;
    let wanted = counters.wanted();
    if target > wanted {
        let more = target.minus(wanted);
        let reinstated = more.min(counters.canceled_net());
        count(desk, id, number, Counter::Reinstated, reinstated)?;
        count(desk, id, number, Counter::Ordered, more.minus(reinstated))?;
    } else {
        let canceled = wanted.minus(target.max(counters.shipped_net())).or_zero();
        count(desk, id, number, Counter::Canceled, canceled)?;
    }
    Ok(())
}

/// Less shipped than the channel said itself means that it took a shipment back. Less than we know means
/// that our own news has not reached it.
fn take_shipment_back(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    seen: Quantity,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let Some(line) = order.line(number) else {
        return Ok(());
    };
    let counters = line.counters;
    let by_channel: Quantity = order
        .shipments
        .iter()
        .filter(|shipment| !shipment.is_ours)
        .flat_map(|shipment| &shipment.lines)
        .filter(|(line, _)| *line == number)
        .map(|(_, units)| *units)
        .sum();
    let taken_back = by_channel.minus(counters.voided).minus(seen);
    let taken_back = taken_back.min(counters.shipped_net().minus(seen));
    // What came back had left.
    let taken_back = taken_back.min(counters.shipped_net().minus(counters.returned));
    match taken_back.is_positive() {
        true => void(desk, id, number, taken_back),
        false => Ok(()),
    }
}

/// What has left by the channel's view, beyond what we know.
fn set_shipped(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    seen: Quantity,
    snapshot: &OrderSnapshot,
) -> Result<Quantity, Undecided> {
    let line = line_mut(desk, id, number)?;
    let (counters, is_delivered_at_once) = (line.counters, !line.requires_shipping);
    let left = seen.min(counters.wanted()).minus(counters.shipped_net());
    if !left.is_positive() {
        return Ok(Quantity::ZERO);
    }
    // What is handed over at once left when it was bought, whenever that became known.
    let left_at = if is_delivered_at_once {
        snapshot.placed_at
    } else {
        snapshot.version.changed_at
    };
    desk.consume(id, number, left, Leaving::ByChannel(left_at))?;
    count(desk, id, number, Counter::Shipped, left)?;
    if is_delivered_at_once {
        count(desk, id, number, Counter::Delivered, left)?;
    }
    Ok(left)
}

fn void(desk: &mut Desk<'_>, id: OrderId, number: u32, units: Quantity) -> Result<(), Undecided> {
    let line = line_mut(desk, id, number)?;
    line.counters.voided = line.counters.voided.plus(units);
    let counters = line.counters;
    let too_much = counters.delivered_net().minus(counters.shipped_net());
    count(desk, id, number, Counter::Undelivered, too_much)?;
    desk.bring_back(id, number, units)?;
    let (what, from) = (
        format!("line {number} shipped"),
        "shipped by the channel".to_owned(),
    );
    let to = format!("{units} taken back by the channel");
    desk.record_for(id, Event::OrderChanged { what, from, to });
    Ok(())
}

fn set_returned(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    seen: Quantity,
) -> Result<(), Undecided> {
    let counters = line_mut(desk, id, number)?.counters;
    let more = seen
        .min(counters.shipped_net())
        .minus(counters.returned)
        .or_zero();
    count(desk, id, number, Counter::Returned, more)
}

fn record_channel_shipment(
    desk: &mut Desk<'_>,
    id: OrderId,
    lines: Vec<(u32, Quantity)>,
) -> Result<(), Undecided> {
    let shipment = ShipmentId::next(&mut desk.ids);
    let shipped_at = desk.now();
    desk.order_mut(id)?.shipments.push(Shipment {
        id: shipment,
        carrier: None,
        tracking_number: None,
        tracking_url: None,
        shipped_at,
        lines: lines.clone(),
        is_ours: false,
        is_again: false,
        events: Vec::new(),
        settled: None,
    });
    let event = Event::ShipmentRecorded {
        shipment,
        carrier: None,
        tracking_number: None,
        is_ours: false,
    };
    desk.record_for(id, event);
    desk.take_out_of_tasks(id, &lines, shipment)
}

/// Lets a counter grow, with a fact.
pub(super) fn count(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    counter: Counter,
    units: Quantity,
) -> Result<(), Undecided> {
    if !units.is_positive() {
        return Ok(());
    }
    let counters = &mut line_mut(desk, id, number)?.counters;
    let slot = match counter {
        Counter::Ordered => &mut counters.ordered,
        Counter::Canceled => &mut counters.canceled,
        Counter::Reinstated => &mut counters.reinstated,
        Counter::Picked => &mut counters.picked,
        Counter::Unpicked => &mut counters.unpicked,
        Counter::Packed => &mut counters.packed,
        Counter::Unpacked => &mut counters.unpacked,
        Counter::Shipped => &mut counters.shipped,
        Counter::Delivered => &mut counters.delivered,
        Counter::Undelivered => &mut counters.undelivered,
        Counter::Resent => &mut counters.resent,
        Counter::ResendDropped => &mut counters.resend_dropped,
        Counter::Returned => &mut counters.returned,
    };
    *slot = slot.plus(units);
    desk.record_for(
        id,
        Event::Counted {
            line: number,
            counter,
            units,
        },
    );
    Ok(())
}

pub(super) fn line_mut<'d>(
    desk: &'d mut Desk<'_>,
    id: OrderId,
    number: u32,
) -> Result<&'d mut Line, Undecided> {
    let order = desk.order_mut(id)?;
    let line = order.lines.iter_mut().find(|line| line.number == number);
    line.ok_or(Undecided::Refused(super::Refusal::NoLine {
        order: id,
        line: number,
    }))
}

/// A fingerprint of a view without its version, the same whether or not people were left out of it.
pub fn fingerprint(snapshot: &OrderSnapshot) -> u64 {
    let mut plain = snapshot.without_people();
    // What a newer program makes of the same view is no other view.
    plain.extra = None;
    plain.gist = None;
    plain.version = crate::snapshot::Version {
        revision: 0,
        changed_at: crate::Time::EPOCH,
    };
    plain.print()
}
