//! `[verify]`: what is looked at in each order before it may go on, in general and for an account.

use std::time::Duration;

use domain::verify::Checks;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{inner, tell},
    values::parse_duration,
};

/// `[verify]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct VerifyText {
    /// Whether an order is held when it cannot be sent where it goes: a name, street, town or country is missing,
    /// or the postal code is none of its country.
    pub(super) address: Option<bool>,
    /// Whether an order is held when lines, shipping, discount and tax do not make its total.
    pub(super) arithmetic: Option<bool>,
    /// An order is said to look ordered twice when the same buyer ordered the same, on any account, so shortly
    /// before: `"30m"`, or `"off"`. It is not held by that; a rule may.
    pub(super) duplicates: Option<String>,
    /// Whether an order is held when its channel fears fraud: advises to cancel it or to look at it.
    pub(super) risk: Option<bool>,
}

/// What it means; what is not said is left to what is wider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verify {
    address: Option<bool>,
    arithmetic: Option<bool>,
    duplicates: Option<Option<Duration>>,
    risk: Option<bool>,
}

/// The word for not looking.
const OFF: &str = "off";

/// Checks it, and says what it means.
pub(super) fn read(document: &mut Document, text: VerifyText) -> Verify {
    let path = inner(&["verify".to_owned()], "duplicates");
    let duplicates = match text.duplicates.as_deref() {
        None => None,
        Some(OFF) => Some(None),
        Some(within) => match parse_duration(within) {
            Ok(within) => Some(Some(within)),
            Err(problem) => {
                let help = "or \"off\", so that nobody looks";
                tell(document, &path, &problem, Some(help));
                None
            }
        },
    };
    Verify {
        address: text.address,
        arithmetic: text.arithmetic,
        duplicates,
        risk: text.risk,
    }
}

impl Verify {
    /// What is looked at, where these are the wider checks.
    pub(crate) fn over(self, wider: Checks) -> Checks {
        Checks {
            address: self.address.unwrap_or(wider.address),
            arithmetic: self.arithmetic.unwrap_or(wider.arithmetic),
            duplicates: self.duplicates.unwrap_or(wider.duplicates),
            risk: self.risk.unwrap_or(wider.risk),
        }
    }
}
