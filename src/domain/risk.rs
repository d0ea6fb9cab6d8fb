//! How likely a channel takes an order to be fraud. It is the channel's word, never ours.

use serde::{Deserialize, Serialize};

/// What a channel says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// It is still looking.
    Pending,
    /// It sees nothing against it.
    Low,
    /// Somebody should look at it.
    Medium,
    /// It would cancel it.
    High,
    /// A word that the connector does not know.
    Unmapped(String),
}

/// The words of a risk, as conditions see them; empty where the channel says none.
pub const RISKS: [&str; 5] = ["pending", "low", "medium", "high", "unmapped"];

impl Risk {
    /// In a word.
    pub fn word(&self) -> &'static str {
        let [pending, low, medium, high, unmapped] = RISKS;
        match self {
            Risk::Pending => pending,
            Risk::Low => low,
            Risk::Medium => medium,
            Risk::High => high,
            Risk::Unmapped(_) => unmapped,
        }
    }

    /// The worst of several. A word that nobody knows is worse than all but the highest, and looking is none yet.
    pub fn worst(told: impl IntoIterator<Item = Risk>) -> Option<Risk> {
        let rank = |risk: &Risk| match risk {
            Risk::Pending => 0,
            Risk::Low => 1,
            Risk::Medium => 2,
            Risk::Unmapped(_) => 3,
            Risk::High => 4,
        };
        told.into_iter().max_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_what_was_told_counts() {
        let unknown = || Risk::Unmapped("ODD".to_owned());
        for (told, expected) in [
            (vec![], None),
            (vec![Risk::Pending], Some(Risk::Pending)),
            (vec![Risk::Pending, Risk::Low], Some(Risk::Low)),
            (vec![Risk::Medium, Risk::Low], Some(Risk::Medium)),
            (vec![unknown(), Risk::Medium], Some(unknown())),
            (vec![unknown(), Risk::High, Risk::Low], Some(Risk::High)),
        ] {
            assert_eq!(Risk::worst(told.clone()), expected, "{told:?}");
        }
    }
}
