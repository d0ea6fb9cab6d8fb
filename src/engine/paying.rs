//! Where an order that was taken by phone is paid: an address of the admin's, filled in for the order.

use domain::{
    Money,
    order::Order,
    payment::{Pays, Sums},
    snapshot::PaymentState,
};

/// What an address may name.
pub const NAMES: [&str; 5] = ["number", "order", "external_id", "amount", "currency"];

/// What is wrong with such an address, if anything is.
pub fn check(template: &str) -> Result<(), String> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err("a `{` is not closed".to_owned());
        };
        if !NAMES.contains(&name) {
            return Err(format!(
                "there is no `{{{name}}}`; there are {}",
                NAMES.map(|name| format!("{{{name}}}")).join(", ")
            ));
        }
        rest = after;
    }
    match template.contains("{number}") || template.contains("{order}") {
        true => Ok(()),
        false => Err("it says nothing of the order: name {number} or {order}".to_owned()),
    }
}

/// Where the rest of an order is paid; nothing where nothing is to be paid.
pub fn link(template: &str, order: &Order) -> Option<String> {
    let is_open = match order.payment {
        PaymentState::Pending | PaymentState::PartPaid | PaymentState::Voided => true,
        PaymentState::Authorized
        | PaymentState::Paid
        | PaymentState::PartRefunded
        | PaymentState::Refunded
        | PaymentState::Unmapped(_) => false,
    };
    let taken = Sums::of(&order.payments).taken;
    let left = order.total.minor().saturating_sub(taken);
    let left = Money::from_minor(left.max(0), order.currency).ok()?;
    if !is_open || order.is_withdrawn() || left.minor() == 0 || order.pays == Pays::OnDelivery {
        return None;
    }
    let values = [
        ("number", order.number.clone()),
        ("order", order.id.to_string()),
        ("external_id", order.external_id.as_str().to_owned()),
        ("amount", left.amount()),
        ("currency", order.currency.code().to_owned()),
    ];
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let (_, value) = values.iter().find(|(known, _)| *known == name)?;
        filled.push_str(before);
        filled.push_str(&escaped(value));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// A value as a part of an address (RFC 3986): what is not plain is written as its bytes.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_an_address_is_told() {
        for (template, said) in [
            ("https://pay.example.com/{numbr}", "there is no `{numbr}`"),
            ("https://pay.example.com/{number", "is not closed"),
            (
                "https://pay.example.com/?a={amount}",
                "says nothing of the order",
            ),
        ] {
            let error = check(template).expect_err(template);
            assert!(error.contains(said), "{template}: {error}");
        }
        assert_eq!(
            check("https://pay.example.com/{number}?a={amount}{currency}"),
            Ok(())
        );
    }

    #[test]
    fn what_an_address_is_filled_with_stays_within_its_part() {
        assert_eq!(escaped("A-1/2 &x=é"), "A-1%2F2%20%26x%3D%C3%A9");
    }
}
