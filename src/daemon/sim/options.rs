//! What `oneshelf sim` can be told, and the line that plays one case again.

use std::time::Duration;

use clap::ValueEnum;
use rehearse::{Scale, Weather};
use sandbox::faults::Fault;

/// Rehearses the engine under virtual time, with sandbox shops, buyers, faults and crashes.
///
/// Each seed is one evening: it decides everything that happens, and gives the same every time. After
/// every commit, and when the world is quiet again, everything is compared with what the shops know to
/// be true. Exit code 0: all is as promised; 1: it is not, and the smallest case that shows it is printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many seeds.
    #[arg(
        long,
        default_value_t = 20,
        conflicts_with = "seed",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub seeds: u64,
    /// The first of them.
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 0,
        conflicts_with = "seed"
    )]
    pub from: u64,
    /// Only this one, with all that happens in it.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print one JSON object for each seed and one with the sums.
    #[arg(long)]
    pub json: bool,
    /// Do not look for a smaller case of what fails.
    #[arg(long)]
    pub no_shrink: bool,
    /// How much there is in one evening.
    #[arg(long, value_enum, default_value_t = Size::Whole)]
    pub scale: Size,
    /// How bad the lines are; harsh for `long` and lively for the others when not given.
    #[arg(long, value_enum)]
    pub weather: Option<Sky>,
    /// How many shops.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub shops: Option<u16>,
    /// How many goods; a kit and a service come on top.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub goods: Option<u16>,
    /// How many of each good there are; some, by the seed, when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub stock: Option<u32>,
    /// How long buyers come, in virtual milliseconds.
    #[arg(long, value_name = "MS")]
    pub busy_ms: Option<u32>,
    /// The time between two baskets on average, in virtual milliseconds.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..))]
    pub basket_every_ms: Option<u32>,
    /// How many orders there are at least; buyers come up to eight times as long for it.
    #[arg(long, value_name = "N")]
    pub orders_min: Option<u64>,
    /// How often the program dies, at most.
    #[arg(long, value_name = "N")]
    pub crashes: Option<u32>,
    /// How often a shop cannot be reached for a while.
    #[arg(long, value_name = "N")]
    pub outages: Option<u32>,
    /// For how long the last shop cannot be reached, from a minute after the beginning, in virtual milliseconds.
    #[arg(long, value_name = "MS")]
    pub dead_ms: Option<u32>,
    /// Whether staff of the shops edit levels and delete orders.
    #[arg(long, value_name = "YES", action = clap::ArgAction::Set)]
    pub meddling: Option<bool>,
    /// Whether our own staff also refund, receive and correct, at a second process over the same store.
    #[arg(long, value_name = "YES", action = clap::ArgAction::Set)]
    pub office: Option<bool>,
    /// Whether stock lies at several locations, and is moved and counted there.
    #[arg(long, value_name = "YES", action = clap::ArgAction::Set)]
    pub places: Option<bool>,
    /// How often something goes wrong that a person must put right, at most: a shop that shows zero
    /// everywhere, a bad file of counts, a locked listing.
    #[arg(long, value_name = "N")]
    pub mishaps: Option<u32>,
    /// Whether the machine is off for a day at the end, and must catch up.
    #[arg(long, value_name = "YES", action = clap::ArgAction::Set)]
    pub rest: Option<bool>,
    /// Only shops on this channel; may be given several times.
    #[arg(long, value_name = "CHANNEL", value_parser = read_channel)]
    pub channel: Vec<&'static str>,
    /// A fault that does not happen; may be given several times.
    #[arg(long, value_name = "FAULT", value_parser = read_fault)]
    pub without: Vec<Fault>,
}

/// How much there is in one evening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// Three shops for three quarters of a minute.
    Small,
    /// Three shops on several channels, at least 200 orders, meddling, crashes, an office.
    Whole,
    /// Five shops for ten minutes, and twelve crashes.
    Long,
}

/// How bad the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sky {
    /// Nothing goes wrong.
    Calm,
    /// Everything goes wrong now and then.
    Lively,
    /// Much goes wrong most of the time.
    Harsh,
}

impl Sky {
    /// The weather.
    pub(crate) fn weather(self) -> Weather {
        match self {
            Sky::Calm => Weather::Calm,
            Sky::Lively => Weather::Lively,
            Sky::Harsh => Weather::Harsh,
        }
    }
}

impl Sky {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        word(self.weather())
    }
}

impl Size {
    fn scale(self, sky: Option<Sky>) -> Scale {
        let weather = sky.unwrap_or(Sky::Lively).weather();
        match self {
            Size::Small => Scale::small(weather),
            Size::Whole => Scale::whole(weather),
            Size::Long => Scale {
                weather: sky.unwrap_or(Sky::Harsh).weather(),
                ..Scale::long()
            },
        }
    }

    fn word(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Whole => "whole",
            Size::Long => "long",
        }
    }
}

impl Args {
    /// The scale that they describe.
    pub(super) fn scale(&self) -> Scale {
        let mut scale = self.scale.scale(self.weather);
        let millis = |millis: u32| Duration::from_millis(millis.into());
        set(&mut scale.shops, self.shops.map(usize::from));
        set(&mut scale.goods, self.goods.map(usize::from));
        let of_each = |units: u32| i64::from(units)..i64::from(units) + 1;
        set(&mut scale.stock, self.stock.map(of_each));
        set(&mut scale.busy_for, self.busy_ms.map(millis));
        set(&mut scale.basket_every, self.basket_every_ms.map(millis));
        set(&mut scale.crashes, self.crashes);
        set(&mut scale.outages, self.outages);
        set(&mut scale.dead_for, self.dead_ms.map(millis));
        set(&mut scale.meddling, self.meddling);
        set(&mut scale.has_office, self.office);
        set(&mut scale.has_places, self.places);
        set(&mut scale.mishaps, self.mishaps);
        set(&mut scale.rests_a_day, self.rest);
        set(&mut scale.orders_min, self.orders_min);
        scale.channels.extend(&self.channel);
        scale.without.extend(&self.without);
        scale
    }

    /// The command that plays one seed again at this scale.
    pub(super) fn replay(&self, seed: u64, scale: &Scale) -> String {
        let usual = self.scale.scale(None);
        let mut line = format!("oneshelf sim --seed {seed} --scale {}", self.scale.word());
        let mut say = |is_usual: bool, name: &str, value: String| {
            if !is_usual {
                line.push_str(&format!(" --{name} {value}"));
            }
        };
        let weather = word(scale.weather).to_owned();
        say(scale.weather == usual.weather, "weather", weather);
        say(scale.shops == usual.shops, "shops", scale.shops.to_string());
        say(scale.goods == usual.goods, "goods", scale.goods.to_string());
        let stock = scale.stock.start.to_string();
        say(scale.stock == usual.stock, "stock", stock);
        let (busy, every) = (scale.busy_for, scale.basket_every);
        let millis = |time: Duration| time.as_millis().to_string();
        say(busy == usual.busy_for, "busy-ms", millis(busy));
        say(
            every == usual.basket_every,
            "basket-every-ms",
            millis(every),
        );
        let (crashes, outages) = (scale.crashes, scale.outages);
        say(crashes == usual.crashes, "crashes", crashes.to_string());
        say(outages == usual.outages, "outages", outages.to_string());
        let dead_for = scale.dead_for;
        say(dead_for == usual.dead_for, "dead-ms", millis(dead_for));
        let (meddling, office) = (scale.meddling, scale.has_office);
        say(meddling == usual.meddling, "meddling", meddling.to_string());
        say(office == usual.has_office, "office", office.to_string());
        let (places, mishaps) = (scale.has_places, scale.mishaps);
        say(places == usual.has_places, "places", places.to_string());
        say(mishaps == usual.mishaps, "mishaps", mishaps.to_string());
        let (rest, orders) = (scale.rests_a_day, scale.orders_min);
        say(rest == usual.rests_a_day, "rest", rest.to_string());
        say(orders == usual.orders_min, "orders-min", orders.to_string());
        for channel in &scale.channels {
            say(false, "channel", (*channel).to_owned());
        }
        for fault in &scale.without {
            say(false, "without", fault.word().to_owned());
        }
        line
    }
}

/// The word for a weather.
pub(super) fn word(weather: Weather) -> &'static str {
    match weather {
        Weather::Calm => "calm",
        Weather::Lively => "lively",
        Weather::Harsh => "harsh",
    }
}

fn set<T>(value: &mut T, told: Option<T>) {
    if let Some(told) = told {
        *value = told;
    }
}

fn read_channel(text: &str) -> Result<&'static str, String> {
    let known = sandbox::TWINS.iter().map(|(id, _)| *id);
    let found = known.clone().find(|id| *id == text);
    found.ok_or_else(|| format!("there is {}", known.collect::<Vec<_>>().join(", ")))
}

fn read_fault(text: &str) -> Result<Fault, String> {
    let found = Fault::ALL.into_iter().find(|fault| fault.word() == text);
    found.ok_or_else(|| format!("there is {}", Fault::ALL.map(Fault::word).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(line: &str) -> Args {
        let words = line.split_whitespace();
        Line::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{error}"))
            .args
    }

    #[test]
    fn a_case_is_played_again_by_the_line_that_is_printed() {
        for line in [
            "sim",
            "sim --scale small --weather calm",
            "sim --scale long --crashes 1 --office true",
            "sim --shops 2 --goods 3 --busy-ms 4000 --basket-every-ms 2000 --outages 0 --meddling false",
            "sim --orders-min 0 --rest true --crashes 0",
            "sim --places false --mishaps 1",
            "sim --scale long --dead-ms 60000 --stock 500",
            "sim --weather harsh --channel ebay --channel square --without slow --without hook_lost",
        ] {
            let args = read(line);
            let scale = args.scale();
            let again = args.replay(17, &scale);
            let again = again
                .strip_prefix("oneshelf ")
                .expect("it names the program");
            let again = read(again);
            assert_eq!(again.seed, Some(17), "{line}");
            assert_eq!(again.scale(), scale, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (line, hint) in [
            ("sim --channel etsy", "ebay, shopify, square, woocommerce"),
            ("sim --without luck", "hook_lost"),
            ("sim --shops 0", "1..=50"),
            ("sim --seed 1 --seeds 2", "cannot be used with"),
            ("sim --basket-every-ms 0", "1.."),
        ] {
            let words = line.split_whitespace();
            let error = Line::try_parse_from(words).err().map(|e| e.to_string());
            let error = error.unwrap_or_default();
            assert!(error.contains(hint), "{line}: {error}");
        }
    }
}
