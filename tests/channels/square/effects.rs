//! Shipments, cancellations and refunds, ours and those of the shop's own staff.

use channel::{Ack, CancelReason, Cancellation, ErrorKind, RefundPush, ShipmentPush};
use domain::{
    Decimal, ExternalId, Time,
    snapshot::{Observation, OrderSnapshot, PaymentState, Standing},
};
use sandbox::Act;

use super::{applied, euros, read, rig, told};
use crate::port::{Fault, Rig, block_on, sku};

/// An online order that is paid and waits for its shipment.
fn paid_online(rig: &Rig, basket: &[(&str, u32)]) -> ExternalId {
    let id = rig.buy(basket, false);
    rig.act(&Act::Pay(id.clone())).expect("paid");
    id
}

fn parcel(order: &OrderSnapshot, units: i64, number: &str, completes: bool) -> ShipmentPush {
    ShipmentPush {
        order: order.external_id.clone(),
        lines: vec![(order.lines[0].external_id.clone(), Decimal::whole(units))],
        carrier: Some("DHL".to_owned()),
        tracking_number: (!number.is_empty()).then(|| number.to_owned()),
        tracking_url: None,
        shipped_at: Time::from_seconds(1_800_000_000),
        completes,
        key: format!("int_{number}{completes}"),
    }
}

fn ship(rig: &Rig, shipment: &ShipmentPush) -> Ack {
    let shipments = rig.channel.push_shipments().expect("it ships");
    block_on(shipments.push(shipment)).expect("an ack")
}

#[test]
fn a_parcel_of_everything_completes_the_order() {
    let rig = rig();
    let id = paid_online(&rig, &[("MUG-1", 2)]);
    let order = read(&rig, &id);
    let shipment = parcel(&order, 2, "00340434161094000001", true);
    let shipments = rig.channel.push_shipments().expect("it ships");
    assert_eq!(
        block_on(shipments.find(&shipment)).expect("an answer"),
        None
    );
    assert!(matches!(
        ship(&rig, &shipment),
        Ack::Applied { reference: Some(_) }
    ));
    let truth = rig.truth();
    let [left] = truth.orders[0].shipments.as_slice() else {
        panic!("one parcel: {:?}", truth.orders[0].shipments);
    };
    assert_eq!(left.carrier, "DHL");
    assert_eq!(left.tracking_number, "00340434161094000001");
    assert_eq!(left.lines, [(sku("MUG-1"), 2)]);
    let shipped = read(&rig, &id);
    assert_eq!(shipped.lines[0].shipped, Decimal::whole(2));
    assert_eq!(shipped.words["state"], "COMPLETED");
    assert!(
        block_on(shipments.find(&shipment))
            .expect("an answer")
            .is_some()
    );
    assert!(
        matches!(ship(&rig, &shipment), Ack::Applied { .. }),
        "told twice"
    );
    assert_eq!(rig.truth().writes, 1);
}

#[test]
fn a_part_is_prepared_and_the_last_parcel_completes() {
    let rig = rig();
    let id = paid_online(&rig, &[("MUG-1", 3)]);
    let order = read(&rig, &id);
    for number in ["N1", "N2"] {
        ship(&rig, &parcel(&order, 1, number, false));
        let part = read(&rig, &id);
        assert_eq!(part.words["fulfillment"], "SHIPMENT PREPARED");
        assert_eq!(part.lines[0].shipped, Decimal::ZERO);
    }
    ship(&rig, &parcel(&order, 1, "N3", true));
    let truth = rig.truth();
    let numbers = truth.orders[0].shipments.iter();
    let numbers: Vec<&str> = numbers
        .map(|parcel| parcel.tracking_number.as_str())
        .collect();
    assert_eq!(numbers, ["N1", "N2", "N3"]);
    assert_eq!(read(&rig, &id).lines[0].shipped, Decimal::whole(3));
    let shipments = rig.channel.push_shipments().expect("it ships");
    for (number, completes) in [("N1", false), ("N2", false), ("N3", true)] {
        let parcel = ShipmentPush {
            key: "another".to_owned(),
            ..parcel(&order, 1, number, completes)
        };
        let found = block_on(shipments.find(&parcel)).expect("an answer");
        assert!(found.is_some(), "{number}");
    }
}

#[test]
fn a_parcel_without_a_number_is_found_again() {
    let rig = rig();
    let id = paid_online(&rig, &[("MUG-1", 3)]);
    let order = read(&rig, &id);
    let shipments = rig.channel.push_shipments().expect("it ships");
    let shipment = parcel(&order, 1, "", false);
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let error = block_on(shipments.push(&shipment)).expect_err("no answer");
    assert!(matches!(error.kind, ErrorKind::Ambiguous { .. }), "{error}");
    assert!(
        block_on(shipments.find(&shipment))
            .expect("an answer")
            .is_some()
    );
    let other = ShipmentPush {
        key: "another".to_owned(),
        ..shipment
    };
    assert_eq!(block_on(shipments.find(&other)).expect("an answer"), None);
}

#[test]
fn counter_sales_and_canceled_orders_cannot_be_shipped() {
    let rig = rig();
    let counter = rig.buy(&[("MUG-1", 1)], true);
    let canceled = rig.buy(&[("MUG-1", 1)], false);
    rig.act(&Act::Cancel(canceled.clone())).expect("canceled");
    for id in [counter, canceled] {
        let order = read(&rig, &id);
        let ack = ship(&rig, &parcel(&order, 1, "N1", true));
        assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    }
    let gone = ShipmentPush {
        order: "nothing".into(),
        ..parcel(
            &read(&rig, &rig.truth().orders[0].external_id),
            1,
            "N1",
            true,
        )
    };
    let shipments = rig.channel.push_shipments().expect("it ships");
    let error = block_on(shipments.push(&gone)).expect_err("gone");
    assert_eq!(error.kind, ErrorKind::Gone);
}

fn cancellation(id: &ExternalId) -> Cancellation {
    Cancellation {
        order: id.clone(),
        reason: CancelReason::OutOfStock,
        key: format!("int_{id}"),
    }
}

#[test]
fn unpaid_orders_are_canceled_and_paid_ones_are_not() {
    let rig = rig();
    let cancel = |id: &ExternalId| {
        let orders = rig.channel.cancel_orders().expect("it cancels");
        block_on(orders.cancel(&cancellation(id))).expect("an ack")
    };
    let unpaid = rig.buy(&[("MUG-1", 2)], false);
    assert_eq!(cancel(&unpaid), applied());
    let order = read(&rig, &unpaid);
    assert_eq!(order.standing, Standing::Canceled);
    assert_eq!(order.lines[0].canceled, Decimal::whole(2));
    assert_eq!(order.lines[0].subtracted, Decimal::ZERO);
    assert!(rig.truth().orders[0].is_canceled);
    assert_eq!(cancel(&unpaid), applied(), "canceled already");
    let paid = paid_online(&rig, &[("MUG-1", 1)]);
    match cancel(&paid) {
        Ack::Rejected { reason } => assert!(reason.contains("16.80 EUR"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let counter = rig.buy(&[("MUG-1", 1)], true);
    assert!(matches!(cancel(&counter), Ack::Rejected { .. }));
    refund(&rig, &paid, "16.80", "int_r");
    assert_eq!(cancel(&paid), applied(), "refunded first");
}

#[test]
fn a_cancellation_in_the_shop_is_seen() {
    let rig = rig();
    let id = paid_online(&rig, &[("MUG-1", 2)]);
    rig.hooks();
    let before = read(&rig, &id);
    rig.act(&Act::Cancel(id.clone())).expect("canceled");
    let told = told(&rig, &rig.hooks());
    assert!(told["order.updated"].contains(&Observation::LookAtOrder(id.clone())));
    let order = read(&rig, &id);
    assert_eq!(order.standing, Standing::Canceled);
    assert_eq!(order.payment, PaymentState::Refunded);
    assert_eq!(order.lines[0].canceled, Decimal::whole(2));
    assert_eq!(
        order.lines[0].subtracted,
        Decimal::whole(2),
        "nothing was put back"
    );
    assert_eq!(rig.level("MUG-1"), 8);
    assert!(order.version > before.version);
}

#[test]
fn a_shipment_by_staff_is_seen() {
    let rig = rig();
    let id = paid_online(&rig, &[("MUG-1", 2)]);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    let order = read(&rig, &id);
    assert_eq!(order.lines[0].shipped, Decimal::whole(2));
    assert_eq!(rig.truth().orders[0].shipments[0].carrier, "USPS");
    let told = told(&rig, &rig.hooks());
    let look = Observation::LookAtOrder(id);
    assert!(told["order.fulfillment.updated"].contains(&look));
}

fn refund_of(id: &ExternalId, amount: &str, key: &str) -> RefundPush {
    RefundPush {
        order: id.clone(),
        amount: euros(amount),
        lines: vec![],
        restock: false,
        reason: "Broken in transit".to_owned(),
        key: key.to_owned(),
        made_at: Time::from_seconds(0),
        others: vec![],
    }
}

fn refund(rig: &Rig, id: &ExternalId, amount: &str, key: &str) -> Ack {
    let orders = rig.channel.refund_orders().expect("it refunds");
    block_on(orders.refund(&refund_of(id, amount, key))).expect("an ack")
}

#[test]
fn money_is_given_back_once() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    let ack = refund(&rig, &id, "10.00", "int_1");
    assert!(
        matches!(ack, Ack::Applied { reference: Some(_) }),
        "{ack:?}"
    );
    assert_eq!(refund(&rig, &id, "10.00", "int_1"), ack, "asked twice");
    assert_eq!(rig.truth().orders[0].refunded_minor, 1000);
    let part = read(&rig, &id);
    assert_eq!(
        (part.payment, part.refunded),
        (PaymentState::PartRefunded, euros("10.00"))
    );
    rig.hooks();
    let orders = rig.channel.refund_orders().expect("it refunds");
    let found = block_on(orders.find(&refund_of(&id, "10.00", "int_1"))).expect("an answer");
    assert_eq!(found, Some(ack));
    let other = block_on(orders.find(&refund_of(&id, "10.00", "int_2"))).expect("an answer");
    assert_eq!(other, None);
    assert!(
        matches!(refund(&rig, &id, "13.81", "int_3"), Ack::Rejected { .. }),
        "too much"
    );
    assert!(matches!(
        refund(&rig, &id, "0", "int_4"),
        Ack::Rejected { .. }
    ));
    refund(&rig, &id, "13.80", "int_5");
    let whole = read(&rig, &id);
    assert_eq!(
        (whole.payment, whole.refunded),
        (PaymentState::Refunded, euros("23.80"))
    );
    assert_eq!(rig.level("MUG-1"), 8, "nothing is put back");
}

#[test]
fn a_refund_whose_answer_is_lost_is_not_doubled() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    let push = refund_of(&id, "10.00", "int_1");
    let orders = rig.channel.refund_orders().expect("it refunds");
    block_on(rig.channel.probe()).expect("a token");
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let error = block_on(orders.refund(&push)).expect_err("no answer");
    assert!(matches!(error.kind, ErrorKind::Ambiguous { .. }), "{error}");
    let found = block_on(orders.find(&push)).expect("an answer");
    assert_eq!(found, None, "the list of refunds lags behind");
    refund(&rig, &id, "10.00", "int_1");
    assert_eq!(rig.truth().orders[0].refunded_minor, 1000);
}

#[test]
fn a_refund_by_staff_is_seen() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], true);
    rig.hooks();
    rig.act(&Act::Refund(id.clone())).expect("refunded");
    assert_eq!(read(&rig, &id).payment, PaymentState::Refunded);
    let told = told(&rig, &rig.hooks());
    assert_eq!(
        told["refund.created"],
        [Observation::LookAtOrder(id.clone())]
    );
    assert_eq!(told["refund.updated"], [Observation::LookAtOrder(id)]);
}
