//! What a plan says of a location, in words that follow a colon.

use std::{collections::BTreeSet, fmt};

use crate::Sku;

use super::{Behind, Criterion, Ground, Out, Standing, Won};

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Chosen(won) => won.fmt(f),
            Standing::Behind(behind) => behind.fmt(f),
            Standing::Out(out) => out.fmt(f),
        }
    }
}

impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Won::Named => f.write_str("it was named"),
            Won::Only => f.write_str("no other location can send any of it"),
            Won::Before { other, ground } => match ground {
                Ground::Joins => {
                    f.write_str("other units of the order leave from there, so they go together")
                }
                Ground::Home => f.write_str("its account hands over there"),
                Ground::By(Criterion::StoresLast) => {
                    write!(f, "it can send all of it, and {other} ships last")
                }
                Ground::By(Criterion::FewestSplits) => {
                    f.write_str("it can send all of it in one parcel")
                }
                Ground::By(Criterion::SameCountry) => write!(
                    f,
                    "it is in the country that the order goes to, and {other} is not"
                ),
                Ground::By(Criterion::Nearest) => {
                    write!(f, "it is nearer to where the order goes than {other}")
                }
                Ground::By(Criterion::Priority) => {
                    write!(f, "its priority comes before that of {other}")
                }
                Ground::Declared => write!(f, "it is declared before {other}"),
            },
            Won::OthersLack => {
                f.write_str("the locations that would come before it cannot send all of it")
            }
            Won::Together { parcels, is_fewest } => {
                if *is_fewest {
                    write!(
                        f,
                        "no location can send all of it, and {parcels} parcels are the fewest"
                    )
                } else {
                    write!(
                        f,
                        "the locations before it cannot send all of it, so there are {parcels} parcels"
                    )
                }
            }
        }
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behind::After { other, ground } => match ground {
                Ground::Joins => write!(f, "other units of the order leave from {other}"),
                Ground::Home => write!(f, "the account hands over at {other}"),
                Ground::By(Criterion::StoresLast) => {
                    f.write_str("it ships only when the others together cannot")
                }
                Ground::By(Criterion::FewestSplits) => {
                    write!(f, "{other} can send all of it in one parcel")
                }
                Ground::By(Criterion::SameCountry) => write!(
                    f,
                    "it is not in the country that the order goes to, and {other} is"
                ),
                Ground::By(Criterion::Nearest) => {
                    write!(f, "{other} is nearer to where the order goes")
                }
                Ground::By(Criterion::Priority) => {
                    write!(f, "the priority of {other} comes before its own")
                }
                Ground::Declared => write!(f, "{other} is declared before it"),
            },
            Behind::TooFew { sku, can, needed } => {
                if can.parts().0 == 0 {
                    write!(f, "it can send none of the {needed} {sku}")
                } else {
                    write!(f, "it can send only {can} of the {needed} {sku}")
                }
            }
            Behind::MoreParcels => f.write_str("with it there would be more parcels"),
        }
    }
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Out::NotServing(account) => write!(f, "it does not serve {account}"),
            Out::RunByChannel => f.write_str("a channel runs it, and ships from it itself"),
            Out::DoesNotShip => f.write_str("orders are not shipped from it"),
            Out::NotFound => f.write_str("something of the order was not found there"),
            Out::NothingFree(skus) if skus.is_empty() => {
                f.write_str("no unit of the order waits for a place")
            }
            Out::NothingFree(skus) => {
                write!(f, "nothing of {} is free there", list(skus))
            }
            Out::NeededByOthers(skus) => write!(
                f,
                "what is free of {} there is needed by other orders, which can leave from nowhere else",
                list(skus)
            ),
        }
    }
}

fn list(skus: &BTreeSet<Sku>) -> String {
    let skus: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    skus.join(", ")
}
