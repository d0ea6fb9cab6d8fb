//! Shipping, canceling and refunding there.

use channel::{Ack, CancelReason, Cancellation, RefundPush, ShipmentPush};
use domain::{
    Decimal, ExternalId, Money,
    snapshot::{OrderSnapshot, PaymentState, Standing},
};
use sandbox::{Act, TrueOrder};

use super::{answer, fault, found, kind, rig};
use crate::port::{Fault, Rig, block_on};

/// A parcel with units of some lines of an order, by SKU.
fn parcel(rig: &Rig, order: &OrderSnapshot, units: &[(&str, i64)], number: &str) -> ShipmentPush {
    let line = |code: &str| {
        let mut lines = order.lines.iter();
        let line = lines.find(|line| line.sku.as_deref() == Some(code));
        line.expect("a line").external_id.clone()
    };
    ShipmentPush {
        order: order.external_id.clone(),
        lines: units
            .iter()
            .map(|(code, count)| (line(code), Decimal::whole(*count)))
            .collect(),
        carrier: Some("UPS".to_owned()),
        tracking_number: (!number.is_empty()).then(|| number.to_owned()),
        tracking_url: Some(format!("https://example.com/{number}")),
        shipped_at: rig.now(),
        completes: false,
        key: format!("shp-{number}"),
    }
}

fn push(rig: &Rig, shipment: &ShipmentPush) -> Result<Ack, channel::ChannelError> {
    block_on(
        rig.channel
            .push_shipments()
            .expect("shipments")
            .push(shipment),
    )
}

fn find(rig: &Rig, shipment: &ShipmentPush) -> Option<Ack> {
    let shipments = rig.channel.push_shipments().expect("shipments");
    block_on(shipments.find(shipment)).expect("an answer")
}

fn is_applied(ack: &Ack) -> bool {
    matches!(ack, Ack::Applied { reference: Some(_) })
}

fn true_order(rig: &Rig, id: &ExternalId) -> TrueOrder {
    let mut orders = rig.truth().orders.into_iter();
    orders
        .find(|order| order.external_id == *id)
        .expect("the order")
}

/// Every basket of two goods is routed as one or two fulfillment orders; enough of them are both.
fn baskets(rig: &Rig) -> Vec<OrderSnapshot> {
    let baskets = (0..5).map(|_| rig.buy(&[("MUG-1", 2), ("MUG-2", 1)], true));
    baskets.map(|id| found(rig, &id)).collect()
}

#[test]
fn an_order_is_shipped_in_two_parcels_with_their_tracking() {
    let rig = rig();
    for (at, order) in baskets(&rig).iter().enumerate() {
        let first = parcel(&rig, order, &[("MUG-1", 1)], &format!("A{at}"));
        assert_eq!(find(&rig, &first), None);
        assert!(is_applied(&push(&rig, &first).expect("told")));
        let after = found(&rig, &order.external_id);
        assert_eq!(after.words["fulfillment_status"], "PARTIALLY_FULFILLED");
        let second = parcel(
            &rig,
            order,
            &[("MUG-1", 1), ("MUG-2", 1)],
            &format!("B{at}"),
        );
        assert!(is_applied(&push(&rig, &second).expect("told")));
        let after = found(&rig, &order.external_id);
        assert_eq!(after.words["fulfillment_status"], "FULFILLED");
        assert_eq!(after.standing, Standing::Placed);
        let shipped = after.lines.iter().map(|line| line.shipped);
        assert_eq!(
            shipped.collect::<Vec<_>>(),
            [Decimal::whole(2), Decimal::whole(1)]
        );
        let parcels = true_order(&rig, &order.external_id).shipments;
        let told: Vec<(&str, &str, u32)> = parcels
            .iter()
            .map(|parcel| {
                let units = parcel.lines.iter().map(|(_, units)| units).sum();
                (
                    parcel.carrier.as_str(),
                    parcel.tracking_number.as_str(),
                    units,
                )
            })
            .collect();
        let numbers = (format!("A{at}"), format!("B{at}"));
        assert_eq!(
            told,
            [
                ("UPS", numbers.0.as_str(), 1),
                ("UPS", numbers.1.as_str(), 2)
            ]
        );
        assert!(find(&rig, &first).is_some_and(|ack| is_applied(&ack)));
        assert!(find(&rig, &second).is_some_and(|ack| is_applied(&ack)));
    }
    assert_eq!(
        rig.level("MUG-1"),
        0,
        "shipping takes from what was committed"
    );
}

#[test]
fn a_parcel_is_never_told_twice() {
    let rig = rig();
    let order = baskets(&rig).remove(0);
    let shipment = parcel(&rig, &order, &[("MUG-1", 1)], "A");
    // The question passes, the telling is carried out, its answer is lost.
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let error = push(&rig, &shipment).expect_err("no answer");
    assert_eq!(kind(&error), "ambiguous");
    assert!(find(&rig, &shipment).is_some_and(|ack| is_applied(&ack)));
    // Even if it is told again, the shop has one parcel.
    assert!(is_applied(&push(&rig, &shipment).expect("told")));
    assert_eq!(true_order(&rig, &order.external_id).shipments.len(), 1);
    // Lost on the way there: nothing is found, and it is told again.
    let other = parcel(&rig, &order, &[("MUG-1", 1)], "B");
    rig.faults([Fault::Pass, Fault::LostRequest]);
    assert_eq!(
        kind(&push(&rig, &other).expect_err("no answer")),
        "ambiguous"
    );
    assert_eq!(find(&rig, &other), None);
    assert!(is_applied(&push(&rig, &other).expect("told")));
    assert_eq!(true_order(&rig, &order.external_id).shipments.len(), 2);
}

#[test]
fn a_parcel_without_a_number_is_found_by_what_is_in_it() {
    let rig = rig();
    let order = baskets(&rig).remove(0);
    let first = parcel(&rig, &order, &[("MUG-1", 1)], "");
    let untracked = ShipmentPush {
        carrier: None,
        tracking_url: None,
        ..first
    };
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    assert_eq!(
        kind(&push(&rig, &untracked).expect_err("no answer")),
        "ambiguous"
    );
    assert!(find(&rig, &untracked).is_some_and(|ack| is_applied(&ack)));
    rig.advance(3_600_000);
    let later = ShipmentPush {
        shipped_at: rig.now(),
        ..untracked.clone()
    };
    assert_eq!(
        find(&rig, &later),
        None,
        "that parcel was made before this one left"
    );
    let more = parcel(&rig, &order, &[("MUG-1", 2)], "");
    assert_eq!(find(&rig, &more), None);
}

#[test]
fn what_cannot_be_shipped_is_refused() {
    let rig = rig();
    let order = baskets(&rig).remove(0);
    let rejected = |shipment: &ShipmentPush| match push(&rig, shipment).expect("an answer") {
        Ack::Rejected { reason } => reason,
        other => panic!("{other:?}"),
    };
    let more = parcel(&rig, &order, &[("MUG-1", 3)], "A");
    assert!(rejected(&more).contains("1 of line"), "{}", rejected(&more));
    let mut foreign = parcel(&rig, &order, &[("MUG-1", 1)], "B");
    foreign.lines[0].0 = ExternalId::from("17");
    assert!(rejected(&foreign).contains("1 of line 17"));
    let mut split = parcel(&rig, &order, &[("MUG-1", 1)], "C");
    split.lines[0].1 = "0.5".parse().expect("a decimal");
    assert_eq!(
        kind(&push(&rig, &split).expect_err("half a mug")),
        "rejected"
    );
    let mut gone = parcel(&rig, &order, &[("MUG-1", 1)], "D");
    gone.order = ExternalId::from("17");
    assert_eq!(kind(&push(&rig, &gone).expect_err("no such order")), "gone");
    rig.act(&Act::Cancel(order.external_id.clone()))
        .expect("canceled");
    assert!(rejected(&parcel(&rig, &order, &[("MUG-1", 1)], "E")).contains("nothing open"));
    assert_eq!(true_order(&rig, &order.external_id).shipments, vec![]);
}

#[test]
fn an_order_in_very_many_parcels_is_counted_whole() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 10), ("MUG-2", 5)], true);
    let order = found(&rig, &id);
    for (code, count) in [("MUG-1", 9), ("MUG-2", 5)] {
        for number in 0..count {
            let shipment = parcel(&rig, &order, &[(code, 1)], &format!("{code}-{number}"));
            assert!(is_applied(&push(&rig, &shipment).expect("told")));
            rig.advance(10_000);
        }
    }
    for number in 0..12 {
        let refund = refund(&order, "1.00", 0, &format!("rfd_{number}"));
        assert!(is_applied(&give_back(&rig, &refund).expect("given back")));
        rig.advance(10_000);
    }
    let after = found(&rig, &id);
    let shipped = after.lines.iter().map(|line| line.shipped);
    assert_eq!(
        shipped.collect::<Vec<_>>(),
        [Decimal::whole(9), Decimal::whole(5)]
    );
    assert_eq!(after.refunded.to_string(), "12.00 EUR");
    let seventh = parcel(&rig, &order, &[("MUG-1", 1)], "MUG-1-7");
    assert!(find(&rig, &seventh).is_some_and(|ack| is_applied(&ack)));
}

fn cancel(rig: &Rig, id: &ExternalId, reason: CancelReason) -> Result<Ack, channel::ChannelError> {
    let cancellation = Cancellation {
        order: id.clone(),
        reason,
        key: "int-1".to_owned(),
    };
    block_on(
        rig.channel
            .cancel_orders()
            .expect("cancellations")
            .cancel(&cancellation),
    )
}

#[test]
fn canceling_is_accepted_first_and_seen_later() {
    for (reason, word) in [
        (CancelReason::BuyerRequest, "CUSTOMER"),
        (CancelReason::OutOfStock, "INVENTORY"),
        (CancelReason::Fraud, "FRAUD"),
        (CancelReason::Address, "OTHER"),
        (CancelReason::Other, "OTHER"),
    ] {
        let rig = rig();
        let id = rig.buy(&[("MUG-1", 2)], true);
        assert!(is_applied(&cancel(&rig, &id, reason).expect("accepted")));
        assert_eq!(
            found(&rig, &id).standing,
            Standing::Placed,
            "the job is not done yet"
        );
        rig.advance(1_000);
        let order = found(&rig, &id);
        assert_eq!(order.standing, Standing::Canceled);
        assert_eq!(order.words["cancel_reason"], word);
        assert_eq!(
            order.payment,
            PaymentState::Paid,
            "the money is a step of its own"
        );
        assert_eq!(order.lines[0].canceled, Decimal::whole(2));
        assert_eq!(
            order.lines[0].subtracted,
            Decimal::whole(2),
            "nothing was put back"
        );
        assert_eq!(rig.level("MUG-1"), 8);
        assert!(true_order(&rig, &id).is_canceled);
        let again = cancel(&rig, &id, reason).expect("an answer");
        assert!(matches!(again, Ack::Rejected { .. }), "{again:?}");
    }
}

#[test]
fn canceling_gives_money_back_where_that_is_set() {
    let rig = rig().with_settings(&serde_json::json!({ "refund_on_cancel": true }));
    let id = rig.buy(&[("MUG-1", 2)], true);
    cancel(&rig, &id, CancelReason::Other).expect("accepted");
    rig.advance(1_000);
    assert_eq!(found(&rig, &id).payment, PaymentState::Refunded);
}

#[test]
fn what_cannot_be_canceled_says_why() {
    let rig = rig();
    let gone = cancel(&rig, &ExternalId::from("17"), CancelReason::Other);
    assert_eq!(kind(&gone.expect_err("no such order")), "gone");
    let id = rig.buy(&[("MUG-1", 2)], true);
    rig.faults([Fault::Answer(fault("INTERNAL_SERVER_ERROR"))]);
    let error = cancel(&rig, &id, CancelReason::Other).expect_err("nobody knows");
    assert_eq!(kind(&error), "ambiguous");
    rig.act(&Act::Ship(id.clone())).expect("shipped");
    let ack = cancel(&rig, &id, CancelReason::Other).expect("an answer");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
}

fn refund(order: &OrderSnapshot, amount: &str, units: i64, key: &str) -> RefundPush {
    let money = |text: &str| Money::parse(text, order.currency).expect("an amount");
    let line = order.lines[0].external_id.clone();
    RefundPush {
        order: order.external_id.clone(),
        amount: money(amount),
        lines: vec![(line, Decimal::whole(units), money(amount))],
        restock: false,
        reason: "A handle was broken.".to_owned(),
        key: key.to_owned(),
        made_at: domain::Time::from_seconds(0),
        others: vec![],
    }
}

fn give_back(rig: &Rig, refund: &RefundPush) -> Result<Ack, channel::ChannelError> {
    block_on(rig.channel.refund_orders().expect("refunds").refund(refund))
}

fn find_refund(rig: &Rig, refund: &RefundPush) -> Option<Ack> {
    let refunds = rig.channel.refund_orders().expect("refunds");
    block_on(refunds.find(refund)).expect("an answer")
}

#[test]
fn money_is_given_back_once_and_found_by_its_key() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 2)], true);
    let order = found(&rig, &id);
    let first = refund(&order, "11.90", 1, "rfd_1");
    assert_eq!(find_refund(&rig, &first), None);
    // The question passes, the refund is made, its answer is lost.
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    assert_eq!(
        kind(&give_back(&rig, &first).expect_err("no answer")),
        "ambiguous"
    );
    assert!(find_refund(&rig, &first).is_some_and(|ack| is_applied(&ack)));
    let second = refund(&order, "16.80", 1, "rfd_10");
    assert_eq!(find_refund(&rig, &second), None, "rfd_1 is not rfd_10");
    assert!(is_applied(&give_back(&rig, &second).expect("given back")));
    assert_eq!(true_order(&rig, &id).refunded_minor, 2870);
    let after = found(&rig, &id);
    assert_eq!(after.payment, PaymentState::Refunded);
    assert_eq!(after.refunded, order.total);
    assert_eq!(rig.level("MUG-1"), 8, "no unit was put back");
}

#[test]
fn a_refund_can_put_units_back_where_they_are() {
    let rig = rig();
    let id = rig.buy(&[("MUG-1", 3)], true);
    let order = found(&rig, &id);
    let shipment = parcel(&rig, &order, &[("MUG-1", 1)], "A");
    push(&rig, &shipment).expect("told");
    // Two units: one never left, one comes back.
    let refund = RefundPush {
        restock: true,
        ..refund(&order, "35.70", 3, "rfd_1")
    };
    assert!(is_applied(&give_back(&rig, &refund).expect("given back")));
    let after = found(&rig, &id);
    let line = &after.lines[0];
    assert_eq!(line.canceled, Decimal::whole(2));
    assert_eq!(line.returned, Decimal::whole(1));
    assert_eq!(line.subtracted, Decimal::ZERO);
    assert_eq!(rig.level("MUG-1"), 10);
    assert_eq!(
        after.payment,
        PaymentState::PartRefunded,
        "shipping was not given back"
    );
}

#[test]
fn what_cannot_be_given_back_is_refused() {
    let rig = rig();
    let paid = found(&rig, &rig.buy(&[("MUG-1", 2)], true));
    let unpaid = found(&rig, &rig.buy(&[("MUG-1", 2)], false));
    for refund in [
        refund(&paid, "28.71", 1, "more than was paid"),
        refund(&paid, "1.00", 3, "more than was bought"),
        refund(&unpaid, "1.00", 1, "nothing was paid"),
    ] {
        let ack = give_back(&rig, &refund).expect("an answer");
        assert!(
            matches!(ack, Ack::Rejected { .. }),
            "{}: {ack:?}",
            refund.key
        );
    }
    let mut foreign = refund(&paid, "1.00", 1, "other money");
    let dollar = domain::Currency::new("USD").expect("a currency");
    foreign.amount = Money::parse("1.00", dollar).expect("an amount");
    let ack = give_back(&rig, &foreign).expect("an answer");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    let gone = RefundPush {
        order: ExternalId::from("17"),
        ..refund(&paid, "1.00", 1, "gone")
    };
    assert_eq!(
        kind(&give_back(&rig, &gone).expect_err("no such order")),
        "gone"
    );
}

#[test]
fn a_spent_key_is_replaced_and_a_running_one_is_waited_for() {
    let rig = rig();
    let order = found(&rig, &rig.buy(&[("MUG-1", 2)], true));
    let refund = refund(&order, "1.00", 1, "rfd_1");
    let refused = |message: &str| {
        let errors = serde_json::json!([{ "field": null, "message": message }]);
        let payload = serde_json::json!({ "refund": null, "userErrors": errors });
        Fault::Answer(answer(
            &serde_json::json!({ "data": { "refundCreate": payload } }),
        ))
    };
    let failed = "A previous request with this idempotency key failed. Retry with a new \
                  idempotency key.";
    let running = "This request is currently in progress, please try again.";
    rig.faults([Fault::Pass, refused(running)]);
    assert_eq!(
        kind(&give_back(&rig, &refund).expect_err("it is running")),
        "ambiguous"
    );
    rig.faults([Fault::Pass, refused(failed), refused(failed)]);
    let ack = give_back(&rig, &refund).expect("an answer");
    assert!(matches!(ack, Ack::Rejected { .. }), "{ack:?}");
    rig.faults([Fault::Pass, refused(failed)]);
    assert!(is_applied(&give_back(&rig, &refund).expect("given back")));
    assert_eq!(true_order(&rig, &order.external_id).refunded_minor, 100);
    // An answer without a refund and without a reason says nothing.
    let nothing = serde_json::json!({ "data": { "refundCreate": null } });
    rig.faults([Fault::Pass, Fault::Answer(answer(&nothing))]);
    assert_eq!(
        kind(&give_back(&rig, &refund).expect_err("nothing is said")),
        "ambiguous"
    );
}
