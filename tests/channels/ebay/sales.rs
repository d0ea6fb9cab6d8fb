//! What is done to orders: parcels, cancellations, refunds, by us and past us.

use channel::{Ack, CancelReason, Cancellation, RefundPush, ShipmentPush};
use domain::{
    Decimal, ExternalId, Money,
    snapshot::{OrderSnapshot, PaymentState, Standing},
};
use sandbox::{Act, Refused};

use super::{SETTLED_MS, found, kind, orders, rig};
use crate::port::{Fault, Rig, block_on};

fn shipment(
    rig: &Rig,
    order: &OrderSnapshot,
    lines: &[(usize, i64)],
    tracking: Option<&str>,
) -> ShipmentPush {
    ShipmentPush {
        order: order.external_id.clone(),
        lines: lines
            .iter()
            .map(|(line, units)| {
                let line = order.lines[*line].external_id.clone();
                (line, Decimal::whole(*units))
            })
            .collect(),
        carrier: Some("UPS".to_owned()),
        tracking_number: tracking.map(str::to_owned),
        tracking_url: None,
        shipped_at: rig.now(),
        completes: false,
        key: "key".to_owned(),
    }
}

fn ship(rig: &Rig, shipment: &ShipmentPush) -> Ack {
    let shipments = rig.channel.push_shipments().expect("shipments");
    block_on(shipments.push(shipment)).expect("an answer")
}

fn find(rig: &Rig, shipment: &ShipmentPush) -> Option<Ack> {
    let shipments = rig.channel.push_shipments().expect("shipments");
    block_on(shipments.find(shipment)).expect("an answer")
}

fn shipped(order: &OrderSnapshot) -> Vec<i64> {
    let lines = order.lines.iter();
    lines
        .map(|line| line.shipped.to_whole().expect("whole"))
        .collect()
}

#[test]
fn an_order_is_shipped_in_parts_and_then_wholly() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 3), ("MUG-2", 1)], true);
    let order = found(&rig, &id);
    let first = shipment(&rig, &order, &[(0, 2)], Some("1Z 999-AA1"));
    assert_eq!(find(&rig, &first), None);
    let reference = Some(ExternalId::from("1Z999AA1"));
    let applied = Ack::Applied { reference };
    assert_eq!(ship(&rig, &first), applied);
    assert_eq!(find(&rig, &first), Some(applied));
    assert_eq!(shipped(&found(&rig, &id)), [2, 0]);
    assert_eq!(shipped(&orders(&rig)[0]), [2, 0], "the poll tells the same");
    rig.advance(1_000);
    let second = shipment(&rig, &order, &[(0, 1), (1, 1)], None);
    assert!(matches!(ship(&rig, &second), Ack::Applied { .. }));
    let whole = found(&rig, &id);
    assert_eq!(shipped(&whole), [3, 1]);
    assert_eq!(whole.words["orderFulfillmentStatus"], "FULFILLED");
    let truth = rig.truth();
    let parcels = &truth.orders[0].shipments;
    assert_eq!(parcels.len(), 2);
    assert_eq!(parcels[0].carrier, "UPS");
    assert_eq!(parcels[0].tracking_number, "1Z999AA1");
    assert_eq!(parcels[0].lines.len(), 1);
    assert_eq!(parcels[1].tracking_number, "");
    assert_eq!(truth.writes, 2);
    assert_eq!(rig.level("MUG-1"), 7, "shipping changes no level");
}

#[test]
fn a_parcel_whose_answer_was_lost_is_found_and_not_sent_twice() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    let order = found(&rig, &id);
    for tracking in [Some("1Z1"), None] {
        let parcel = shipment(&rig, &order, &[(0, 1)], tracking);
        rig.faults([Fault::LostAnswer]);
        let shipments = rig.channel.push_shipments().expect("shipments");
        let error = block_on(shipments.push(&parcel)).expect_err("no answer");
        assert_eq!(kind(&error), "ambiguous");
        assert!(find(&rig, &parcel).is_some(), "{tracking:?}");
    }
    assert_eq!(rig.truth().orders[0].shipments.len(), 2);
}

#[test]
fn a_parcel_that_ebay_refuses_is_refused() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    let order = found(&rig, &id);
    let too_much = shipment(&rig, &order, &[(0, 3)], Some("1Z1"));
    assert!(matches!(ship(&rig, &too_much), Ack::Rejected { .. }));
    let mut stranger = shipment(&rig, &order, &[(0, 1)], Some("1Z1"));
    stranger.lines[0].0 = ExternalId::from("1");
    let refused = ship(&rig, &stranger);
    assert!(matches!(&refused, Ack::Rejected { reason } if reason.starts_with("32200")));
    let right = shipment(&rig, &order, &[(0, 1)], Some("1Z1"));
    let done = ship(&rig, &right);
    assert_eq!(
        ship(&rig, &right),
        done,
        "a conflict with our own parcel is done"
    );
    assert_eq!(rig.truth().orders[0].shipments.len(), 1);
    let mut gone = right;
    gone.order = ExternalId::from("00-00000-00000");
    let shipments = rig.channel.push_shipments().expect("shipments");
    let error = block_on(shipments.push(&gone)).expect_err("no such order");
    assert_eq!(kind(&error), "gone");
}

#[test]
fn what_staff_ship_is_seen() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.advance(1_000);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    assert_eq!(shipped(&found(&rig, &id)), [2]);
    assert!(matches!(
        rig.act(&Act::Ship(id.clone())),
        Err(Refused::Impossible(_))
    ));
    assert!(matches!(
        rig.act(&Act::Cancel(id)),
        Err(Refused::Impossible(_))
    ));
}

fn cancel(rig: &Rig, order: &ExternalId) -> Ack {
    let cancellation = Cancellation {
        order: order.clone(),
        reason: CancelReason::OutOfStock,
        key: "key".to_owned(),
    };
    let orders = rig.channel.cancel_orders().expect("cancellations");
    block_on(orders.cancel(&cancellation)).expect("an answer")
}

#[test]
fn a_cancellation_takes_its_time_and_gives_back_money_and_goods() {
    for paid in [true, false] {
        let rig = rig();
        let id = rig.buy(&[("MUG-1", 2)], paid);
        rig.advance(1_000);
        let Ack::Applied { reference } = cancel(&rig, &id) else {
            panic!("canceled");
        };
        let going = found(&rig, &id);
        assert_eq!(going.standing, Standing::Placed);
        assert_eq!(going.words["cancelState"], "IN_PROGRESS");
        assert_eq!(
            going.words["cancelReason"],
            "OUT_OF_STOCK_OR_CANNOT_FULFILL"
        );
        assert_eq!(going.lines[0].subtracted, Decimal::whole(2));
        assert_eq!(rig.level("MUG-1"), 8);
        assert!(orders(&rig).contains(&going), "the poll tells the same");
        // Our own is not begun a second time.
        assert_eq!(cancel(&rig, &id), Ack::Applied { reference });
        rig.advance(SETTLED_MS);
        let done = found(&rig, &id);
        assert_eq!(done.standing, Standing::Canceled);
        assert_eq!(done.lines[0].canceled, Decimal::whole(2));
        assert_eq!(done.lines[0].subtracted, Decimal::ZERO);
        assert!(done.version > going.version);
        assert_eq!(rig.level("MUG-1"), 10);
        let refunded = if paid {
            done.total
        } else {
            Money::zero(done.currency)
        };
        assert_eq!(done.refunded, refunded);
        assert_eq!(cancel(&rig, &id), Ack::Applied { reference: None });
        assert_eq!(rig.truth().writes, 1);
    }
}

#[test]
fn a_cancellation_on_the_site_is_seen() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.advance(1_000);
    rig.act(&Act::Cancel(id.clone())).expect("canceled");
    rig.advance(SETTLED_MS);
    let since = rig.now().minus(std::time::Duration::from_secs(600));
    let polled = super::poll(&rig, since);
    assert_eq!(polled[0].standing, Standing::Canceled);
    assert_eq!(polled[0].payment, PaymentState::Refunded);
    assert_eq!(rig.level("MUG-1"), 10);
    assert!(rig.truth().orders[0].is_canceled);
}

#[test]
fn what_has_left_is_not_canceled() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    assert!(matches!(cancel(&rig, &id), Ack::Rejected { .. }));
    assert!(!rig.truth().orders[0].is_canceled);
}

fn refund(order: &OrderSnapshot, minor: i64, lines: &[(usize, i64)]) -> RefundPush {
    let money = |minor| Money::from_minor(minor, order.currency).expect("an amount");
    RefundPush {
        order: order.external_id.clone(),
        amount: money(minor),
        lines: lines
            .iter()
            .map(|(line, minor)| {
                let line = order.lines[*line].external_id.clone();
                (line, Decimal::whole(1), money(*minor))
            })
            .collect(),
        restock: false,
        reason: "A scratch.".to_owned(),
        key: "key".to_owned(),
        made_at: domain::Time::from_seconds(0),
        others: vec![],
    }
}

#[test]
fn money_goes_back_in_parts_and_then_wholly() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1), ("MUG-2", 1)], true);
    let order = found(&rig, &id);
    let refunds = rig.channel.refund_orders().expect("refunds");
    let by_line = refund(&order, 600, &[(0, 500), (1, 100)]);
    assert_eq!(block_on(refunds.find(&by_line)).expect("an answer"), None);
    let ack = block_on(refunds.refund(&by_line)).expect("an answer");
    assert!(matches!(ack, Ack::Applied { reference: Some(_) }));
    assert_eq!(
        block_on(refunds.find(&by_line)).expect("an answer"),
        Some(ack)
    );
    assert_eq!(found(&rig, &id).refunded.minor(), 0, "it is on its way");
    // Another one has to wait for it.
    let rest = refund(&order, order.total.minor() - 600, &[]);
    let error = block_on(refunds.refund(&rest)).expect_err("too early");
    assert_eq!(kind(&error), "retry");
    rig.advance(SETTLED_MS);
    let part = found(&rig, &id);
    assert_eq!(part.refunded.minor(), 600);
    assert_eq!(part.payment, PaymentState::PartRefunded);
    let ack = block_on(refunds.refund(&rest)).expect("an answer");
    assert!(matches!(ack, Ack::Applied { .. }));
    rig.advance(SETTLED_MS);
    assert_eq!(found(&rig, &id).payment, PaymentState::Refunded);
    let ack = block_on(refunds.refund(&rest)).expect("an answer");
    assert!(matches!(&ack, Ack::Rejected { reason } if reason.starts_with("34917")));
    assert_eq!(rig.truth().orders[0].refunded_minor, order.total.minor());
    assert_eq!(rig.level("MUG-1"), 9, "a refund puts nothing back");
}

#[test]
fn a_refund_whose_answer_was_lost_is_found_and_not_given_twice() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    let order = found(&rig, &id);
    let push = refund(&order, 300, &[]);
    let refunds = rig.channel.refund_orders().expect("refunds");
    rig.faults([Fault::LostAnswer]);
    let error = block_on(refunds.refund(&push)).expect_err("no answer");
    assert_eq!(kind(&error), "ambiguous");
    assert!(block_on(refunds.find(&push)).expect("an answer").is_some());
    assert_eq!(rig.truth().orders[0].refunded_minor, 300);
}

#[test]
fn a_refund_that_ebay_refuses_is_refused() {
    let rig = rig();
    let refunds = rig.channel.refund_orders().expect("refunds");
    let unpaid = found(&rig, &rig.buy(&[("MUG-1", 1)], false));
    let error = block_on(refunds.refund(&refund(&unpaid, 100, &[]))).expect_err("not yet paid");
    assert_eq!(kind(&error), "retry");
    let order = found(&rig, &rig.buy(&[("MUG-1", 1)], true));
    for (push, error) in [
        (refund(&order, order.total.minor() + 1, &[]), "34915"),
        (refund(&order, 1_191, &[(0, 1_191)]), "34924"),
    ] {
        let ack = block_on(refunds.refund(&push)).expect("an answer");
        let is_right = matches!(&ack, Ack::Rejected { reason } if reason.starts_with(error));
        assert!(is_right, "{ack:?}");
    }
    assert_eq!(rig.truth().writes, 0);
}

#[test]
fn what_staff_refund_is_seen() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    rig.act(&Act::Refund(id.clone())).expect("refunded");
    rig.advance(SETTLED_MS);
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::Refunded);
    assert_eq!(order.refunded, order.total);
    assert!(matches!(
        rig.act(&Act::Refund(id)),
        Err(Refused::Impossible(_))
    ));
}
