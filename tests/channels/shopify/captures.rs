//! Taking money there that is only reserved.

use channel::{Ack, CapturePush, ChannelError};
use domain::{Currency, ExternalId, Money, snapshot::PaymentState};
use sandbox::Act;

use super::{found, kind, rig};
use crate::port::{Fault, Rig, block_on};

fn reserved(rig: &Rig) -> (ExternalId, CapturePush) {
    let id = rig.buy(&[("MUG-1", 2)], false);
    rig.act(&Act::Authorize(id.clone())).expect("reserved");
    let order = found(rig, &id);
    assert_eq!(order.payment, PaymentState::Authorized);
    let push = CapturePush {
        order: id.clone(),
        amount: order.total,
        key: "cap_1".to_owned(),
    };
    (id, push)
}

fn find(rig: &Rig, push: &CapturePush) -> Option<Ack> {
    let payments = rig.channel.capture_payments().expect("captures");
    block_on(payments.find(push)).expect("an answer")
}

fn take(rig: &Rig, push: &CapturePush) -> Result<Ack, ChannelError> {
    let payments = rig.channel.capture_payments().expect("captures");
    block_on(payments.capture(push))
}

fn refusal(ack: Ack) -> String {
    match ack {
        Ack::Rejected { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn reserved_money_is_taken_once_whatever_becomes_of_the_answer() {
    let rig = rig();
    let (id, push) = reserved(&rig);
    assert_eq!(find(&rig, &push), None);
    // The question passes, the money is taken, its answer is lost.
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    let lost = take(&rig, &push).expect_err("no answer");
    assert_eq!(kind(&lost), "ambiguous");
    let first = find(&rig, &push).expect("it is taken");
    assert!(
        matches!(&first, Ack::Applied { reference: Some(_) }),
        "{first:?}"
    );
    assert_eq!(found(&rig, &id).payment, PaymentState::Paid);
    // Even asked without a look it takes nothing more.
    let writes = rig.truth().writes;
    assert_eq!(take(&rig, &push).expect("an answer"), first);
    assert_eq!(rig.truth().writes, writes);
}

#[test]
fn only_what_the_order_costs_now_is_taken() {
    let rig = rig();
    let (id, push) = reserved(&rig);
    let twice = push.amount.plus(push.amount).expect("in range");
    // We may believe that it costs more than it does.
    let ack = take(
        &rig,
        &CapturePush {
            amount: twice,
            ..push.clone()
        },
    );
    assert!(matches!(ack, Ok(Ack::Applied { .. })), "{ack:?}");
    assert_eq!(found(&rig, &id).payment, PaymentState::Paid);
    let refunds = rig.act(&Act::Refund(id.clone()));
    assert!(
        refunds.is_ok(),
        "what was taken can be given back: {refunds:?}"
    );
    let after = found(&rig, &id);
    assert_eq!(
        (after.refunded, after.payment),
        (after.total, PaymentState::Refunded)
    );
    assert!(after.refunded.is_positive());
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_reason() {
    let rig = rig();
    let unpaid = rig.buy(&[("MUG-1", 1)], false);
    let (_, push) = reserved(&rig);
    let nothing = CapturePush {
        order: unpaid,
        ..push.clone()
    };
    let said = refusal(take(&rig, &nothing).expect("an answer"));
    assert!(said.contains("only 0.00 EUR of it are reserved"), "{said}");
    let dollar = Currency::new("USD").expect("a currency");
    let amount = Money::parse("1.00", dollar).expect("an amount");
    let foreign = CapturePush {
        amount,
        ..push.clone()
    };
    let said = refusal(take(&rig, &foreign).expect("an answer"));
    assert!(said.contains("the order is in EUR"), "{said}");
    let gone = CapturePush {
        order: ExternalId::from("17"),
        ..push.clone()
    };
    assert_eq!(kind(&take(&rig, &gone).expect_err("no such order")), "gone");
    // The bank keeps it for a week.
    rig.advance(8 * 24 * 3600 * 1000);
    let said = refusal(take(&rig, &push).expect("an answer"));
    assert!(said.contains("The authorization has expired"), "{said}");
}
