//! Buyers whose bank only reserves the money: it is taken when their parcels leave.

use domain::payment::CaptureOn;
use fastrand::Rng;
use sandbox::Act;

/// The channel whose shops reserve money.
const RESERVES: &str = "shopify";

/// When reserved money is taken, in every shop of an evening.
pub(crate) fn capture_on(chance: &mut Rng) -> CaptureOn {
    match chance.u32(0..4) {
        0 => CaptureOn::Never,
        1 => CaptureOn::LastParcel,
        _ => CaptureOn::FirstParcel,
    }
}

/// What somebody does who means to pay: of two, one has a bank that reserves the money, where anybody takes it
/// later.
pub(crate) fn paid_how(act: Act, channel: &str, taken: CaptureOn, fate: &mut Rng) -> Act {
    match act {
        Act::Pay(order) if channel == RESERVES && taken != CaptureOn::Never && fate.bool() => {
            Act::Authorize(order)
        }
        act => act,
    }
}
