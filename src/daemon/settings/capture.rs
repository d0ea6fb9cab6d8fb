//! `capture` of an account: when money is taken that its channel has only reserved.

use domain::payment::CaptureOn;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{keys, tell},
};

/// When, as it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// Never by us: the channel, or somebody there, takes it.
    #[default]
    Never,
    /// All of it, when the first parcel leaves.
    FirstParcel,
    /// When nothing remains to leave.
    LastParcel,
}

impl Capture {
    /// What it means.
    pub(crate) fn meaning(self) -> CaptureOn {
        match self {
            Capture::Never => CaptureOn::Never,
            Capture::FirstParcel => CaptureOn::FirstParcel,
            Capture::LastParcel => CaptureOn::LastParcel,
        }
    }
}

/// Where orders are entered by hand, whoever takes the money notes it.
pub(super) fn check(document: &mut Document, capture: Capture, is_by_hand: bool) {
    if is_by_hand && capture != Capture::Never {
        let help = "leave it out: note what you take with `oneshelf orders pay`";
        let problem = "no channel has money of orders that are entered by hand";
        tell(document, &keys("capture"), problem, Some(help));
    }
}
