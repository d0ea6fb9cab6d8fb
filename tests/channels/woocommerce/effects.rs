//! Parcels, cancellations and refunds.

use channel::{Ack, CancelReason, Cancellation, ErrorKind, RefundPush, ShipmentPush};
use domain::{
    Decimal, ExternalId, Money,
    snapshot::{Observation, OrderSnapshot, PaymentState, Standing},
};
use sandbox::{Act, woocommerce::Options};
use serde_json::json;

use crate::port::{Fault, Rig, block_on, sku};

use super::{answer, direct, found, https, name, rig, rig_with, verified};

fn shipment(rig: &Rig, id: &ExternalId, units: &[i64], completes: bool, key: &str) -> ShipmentPush {
    let order = found(rig, id);
    ShipmentPush {
        order: id.clone(),
        lines: order
            .lines
            .iter()
            .zip(units)
            .filter(|(_, units)| **units > 0)
            .map(|(line, units)| (line.external_id.clone(), Decimal::whole(*units)))
            .collect(),
        carrier: Some("DHL".to_owned()),
        tracking_number: Some(format!("0034{key}")),
        tracking_url: Some("https://track.example.com/?a=1&b=2".to_owned()),
        shipped_at: rig.now(),
        completes,
        key: key.to_owned(),
    }
}

#[test]
fn parcels_reach_the_shop_in_part_and_whole() {
    for (options, tracking) in [
        (Options::default(), "note"),
        (
            Options {
                has_shipment_tracking: true,
                ..Options::default()
            },
            "shipment_tracking",
        ),
        (
            Options {
                has_fulfillments: true,
                ..Options::default()
            },
            "fulfillments",
        ),
    ] {
        let rig = rig_with(options).with_settings(&json!({ "tracking": tracking }));
        let shipments = rig.channel.push_shipments().expect("shipments");
        let id = rig.buy(&[("MUG-1", 2), ("SHIRT-S", 1)], true);
        let part = shipment(&rig, &id, &[1, 0], false, "int_1");
        let rest = shipment(&rig, &id, &[1, 1], true, "int_2");
        assert_eq!(
            block_on(shipments.find(&part)).expect("asked"),
            None,
            "{tracking}"
        );
        let ack = block_on(shipments.push(&part)).expect("pushed");
        assert!(
            matches!(ack, Ack::Applied { reference: Some(_) }),
            "{tracking}"
        );
        let order = found(&rig, &id);
        assert_eq!(order.words["status"], "processing");
        assert_eq!(order.lines[0].shipped, Decimal::whole(1), "{tracking}");
        assert!(block_on(shipments.find(&part)).expect("asked").is_some());
        block_on(shipments.push(&rest)).expect("pushed");
        let order = found(&rig, &id);
        assert_eq!(order.words["status"], "completed");
        assert_eq!(order.lines[1].shipped, Decimal::whole(1), "{tracking}");
        // Again, as after a restart: nothing is doubled.
        block_on(shipments.push(&rest)).expect("pushed");
        let parcels = rig.truth().orders[0].shipments.clone();
        let seen: Vec<_> = parcels
            .iter()
            .map(|parcel| (parcel.carrier.as_str(), parcel.tracking_number.as_str()))
            .collect();
        assert_eq!(
            seen,
            vec![("DHL", "0034int_1"), ("DHL", "0034int_2")],
            "{tracking}"
        );
        if tracking != "shipment_tracking" {
            assert_eq!(parcels[0].lines, vec![(sku("MUG-1"), 1)], "{tracking}");
            assert_eq!(
                parcels[1].lines,
                vec![(sku("MUG-1"), 1), (sku("SHIRT-S"), 1)]
            );
        }
    }
}

#[test]
fn a_shipment_that_breaks_off_anywhere_is_finished_and_never_doubled() {
    // The calls of a push: read the order, write it, read the notes, write the note.
    let faults = || {
        [
            Fault::LostAnswer,
            Fault::LostRequest,
            Fault::NotSent,
            Fault::Answer(answer(502, b"")),
            Fault::Answer(answer(200, b"<html>")),
        ]
    };
    for call in 0..4 {
        for (row, fault) in faults().into_iter().enumerate() {
            let rig = rig();
            let shipments = rig.channel.push_shipments().expect("shipments");
            let id = rig.buy(&[("MUG-1", 1)], true);
            let parcel = shipment(&rig, &id, &[1], true, "int_1");
            let mut before: Vec<Fault> = (0..call).map(|_| Fault::Pass).collect();
            before.push(fault);
            rig.faults(before);
            let error = block_on(shipments.push(&parcel)).expect_err("it broke off");
            let is_write = call == 1 || call == 3;
            // Only what never left is simply tried again.
            if is_write && row != 2 {
                assert_eq!(name(&error.kind), "ambiguous", "call {call}, fault {row}");
            }
            // What the engine does next: look, and push again what is not there.
            if block_on(shipments.find(&parcel)).expect("asked").is_none() {
                block_on(shipments.push(&parcel)).expect("pushed");
            }
            assert!(block_on(shipments.find(&parcel)).expect("asked").is_some());
            let parcels = &rig.truth().orders[0].shipments;
            assert_eq!(parcels.len(), 1, "call {call}, fault {row}");
            assert_eq!(parcels[0].tracking_number, "0034int_1");
            assert_eq!(found(&rig, &id).words["status"], "completed");
        }
    }
}

#[test]
fn an_order_that_is_over_is_not_brought_back_to_life() {
    let rig = https();
    let shipments = rig.channel.push_shipments().expect("shipments");
    let cancels = rig.channel.cancel_orders().expect("cancels");
    let canceled = rig.buy(&[("MUG-1", 1)], true);
    let parcel = shipment(&rig, &canceled, &[1], true, "int_1");
    rig.act(&Act::Cancel(canceled.clone())).expect("canceled");
    let ack = block_on(shipments.push(&parcel)).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    assert_eq!(found(&rig, &canceled).standing, Standing::Canceled);

    let trashed = rig.buy(&[("MUG-1", 1)], true);
    direct(
        &rig,
        "DELETE",
        &format!("wc/v3/orders/{trashed}"),
        &json!({}),
    );
    let cancellation = |order: &ExternalId| Cancellation {
        order: order.clone(),
        reason: CancelReason::OutOfStock,
        key: "int_2".to_owned(),
    };
    let ack = block_on(cancels.cancel(&cancellation(&trashed))).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    assert_eq!(found(&rig, &trashed).standing, Standing::Deleted);

    let open = rig.buy(&[("MUG-1", 2)], true);
    assert_eq!(rig.level("MUG-1"), 7);
    for _ in 0..2 {
        let ack = block_on(cancels.cancel(&cancellation(&open))).expect("answered");
        assert_eq!(ack, Ack::Applied { reference: None });
    }
    assert_eq!(found(&rig, &open).standing, Standing::Canceled);
    assert_eq!(rig.level("MUG-1"), 9);
    let shipped = rig.buy(&[("MUG-1", 1)], true);
    rig.act(&Act::Ship(shipped.clone())).expect("shipped");
    let ack = block_on(cancels.cancel(&cancellation(&shipped))).expect("answered");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    let missing = block_on(cancels.cancel(&cancellation(&ExternalId::new("999999"))));
    assert_eq!(missing.expect_err("no such order").kind, ErrorKind::Gone);
}

fn refund(rig: &Rig, id: &ExternalId, units: i64, amount: &str, restock: bool) -> RefundPush {
    let order = found(rig, id);
    let money = Money::parse(amount, order.currency).expect("money");
    RefundPush {
        order: id.clone(),
        amount: money,
        lines: vec![(
            order.lines[0].external_id.clone(),
            Decimal::whole(units),
            money,
        )],
        restock,
        reason: "damaged".to_owned(),
        key: format!("int_{amount}"),
        made_at: domain::Time::from_seconds(0),
        others: vec![],
    }
}

#[test]
fn refunds_are_made_once_and_their_units_are_counted() {
    let rig = rig_with(Options {
        tax_percent: 19,
        ..Options::default()
    });
    let refunds = rig.channel.refund_orders().expect("refunds");
    let id = rig.buy(&[("MUG-1", 4)], true);
    assert_eq!(found(&rig, &id).total.to_string(), "56.64 EUR");
    rig.hooks();

    // The answer is lost: the refund is found, not made again.
    let first = refund(&rig, &id, 1, "14.16", true);
    assert_eq!(block_on(refunds.find(&first)).expect("asked"), None);
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let error = block_on(refunds.refund(&first)).expect_err("no answer");
    assert_eq!(name(&error.kind), "ambiguous");
    let ack = block_on(refunds.find(&first)).expect("asked");
    assert!(
        matches!(ack, Some(Ack::Applied { reference: Some(_) })),
        "{ack:?}"
    );
    assert_eq!(rig.truth().orders[0].refunded_minor, 1416);
    let line = |order: &OrderSnapshot| {
        let line = &order.lines[0];
        [line.canceled, line.shipped, line.returned, line.subtracted]
            .map(|units| units.to_whole().expect("whole"))
    };
    let order = found(&rig, &id);
    assert_eq!(order.payment, PaymentState::PartRefunded);
    assert_eq!(order.refunded.to_string(), "14.16 EUR");
    // It never left: canceled, and the shop has put it back itself.
    assert_eq!(line(&order), [1, 0, 0, 3]);
    assert_eq!(rig.level("MUG-1"), 7);
    // A hook cannot fetch the lines of a refund: it only asks for a look.
    for hook in rig.hooks() {
        if hook.header("x-wc-webhook-topic") == Some("order.updated") {
            assert_eq!(
                verified(&rig, &hook),
                vec![Observation::LookAtOrder(id.clone())]
            );
        }
    }

    // What is refunded after it was shipped came back.
    rig.advance(1_000);
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    rig.advance(1_000);
    let second = refund(&rig, &id, 1, "10.00", false);
    block_on(refunds.refund(&second)).expect("refunded");
    assert_eq!(line(&found(&rig, &id)), [1, 3, 1, 3]);
    assert_eq!(rig.level("MUG-1"), 7);

    // More than is left: the shop says 500, and nothing happened.
    let writes = rig.truth().writes;
    let third = refund(&rig, &id, 1, "99.00", false);
    let error = block_on(refunds.refund(&third)).expect_err("too much");
    assert_eq!(name(&error.kind), "rejected", "{error}");
    assert_eq!(rig.truth().writes, writes);
    // Any other 500 leaves it open.
    rig.faults([
        Fault::Pass,
        Fault::Answer(answer(500, b"<p>Critical error</p>")),
    ]);
    let error = block_on(refunds.refund(&third)).expect_err("unknown");
    assert_eq!(name(&error.kind), "ambiguous");

    rig.act(&Act::Refund(id.clone())).expect("refunded");
    let order = found(&rig, &id);
    assert_eq!(
        (order.standing.clone(), order.payment.clone()),
        (Standing::Placed, PaymentState::Refunded)
    );
    assert_eq!(line(&order), [1, 3, 3, 1]);
    assert_eq!(order.refunded, order.total);
}

#[test]
fn a_refund_goes_through_the_payment_provider_only_if_told_to() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 1)], false);
    let push = refund(&rig, &id, 1, "5.00", false);
    let refunds = rig.channel.refund_orders().expect("refunds");
    block_on(refunds.refund(&push)).expect("recorded");
    // Bank transfers cannot be paid back by the shop.
    let rig = rig.with_settings(&json!({ "refund_through_gateway": true }));
    let push = refund(&rig, &id, 1, "6.00", false);
    let refunds = rig.channel.refund_orders().expect("refunds");
    let error = block_on(refunds.refund(&push)).expect_err("no provider");
    assert_eq!(name(&error.kind), "rejected", "{error}");
}
