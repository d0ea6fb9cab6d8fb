//! What sold and how long it took: charts over days with a table behind each, and rankings of items.

use std::{collections::BTreeMap, time::Duration};

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{Currency, Money, Time, insight::DAY};
use engine::views::{
    exposure::{self, Span},
    insight::{Asked as Wanted, Insight, RankedView, SPANS, TimesView, insight},
};
use serde::Deserialize;

use super::{
    charts::{self, Chart, HEIGHT, Numbers},
    page::{Choice, Chrome, Part, send},
    stock::href,
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::{Admin, insight::days},
    ask::Ask,
    problem::Problem,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    account: String,
    days: Option<u16>,
}

struct TimesRow {
    title: &'static str,
    orders: String,
    p50: String,
    p95: String,
}

pub(super) struct ItemRow {
    pub(super) href: String,
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) units: String,
    pub(super) orders: String,
    pub(super) on_hand: String,
    pub(super) days_left: String,
}

#[derive(Template)]
#[template(path = "insight.html")]
struct Page {
    chrome: Chrome,
    spans: Vec<Choice>,
    accounts: Vec<Choice>,
    csv: String,
    is_summing: bool,
    takings: Vec<(String, String, String)>,
    charts: Vec<Chart>,
    times: Vec<TimesRow>,
    best: Vec<ItemRow>,
    slow: Vec<ItemRow>,
    is_of_all: bool,
}

impl Page {
    /// How high a chart is, with its days.
    fn height(&self) -> u64 {
        HEIGHT + 44
    }

    fn of_orders(&self, orders: &str) -> String {
        fill(self.chrome.t.insight.of_orders, &[("orders", orders)])
    }

    fn given_back(&self, amount: &str) -> String {
        fill(self.chrome.t.insight.given_back, &[("amount", amount)])
    }

    /// Where its days stand.
    fn below(&self) -> u64 {
        HEIGHT + 34
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.insight;
    let chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Insight, title);
    let account = Some(asked.account.as_str()).filter(|text| !text.is_empty());
    let wanted = Wanted {
        account: admin.narrowed_to(account).await?,
        days: days(asked.days)?,
    };
    let found = insight(&admin.engine, &wanted).await?;
    let span = Span {
        since: found.from,
        step: DAY,
    };
    let at_risk = exposure::over(&admin.engine, span).await?;
    let mut charts = vec![orders_chart(&chrome, &found)];
    charts.extend(takings_charts(&chrome, &found));
    charts.push(risk_chart(&chrome, &at_risk, wanted.account.as_ref()));
    let mut csv = url::form_urlencoded::Serializer::new(String::new());
    csv.append_pair("days", &wanted.days.to_string());
    if let Some(account) = account {
        csv.append_pair("account", account);
    }
    let spans = SPANS.into_iter();
    let chosen = wanted.days.to_string();
    let row = |one: &RankedView| item_row(&chrome, one);
    let page = Page {
        spans: spans
            .map(|span| {
                let days = span.to_string();
                let text = fill(chrome.t.insight.last_days, &[("days", &days)]);
                Choice::new(&days, &text, Some(chosen.as_str()))
            })
            .collect(),
        accounts: admin
            .engine
            .accounts
            .keys()
            .map(|id| Choice::new(id.as_str(), id.as_str(), account))
            .collect(),
        csv: format!("/api/v1/insight/days?{}", csv.finish()),
        is_summing: found.is_summing,
        takings: found
            .takings
            .iter()
            .map(|one| {
                let orders = chrome
                    .language
                    .count(usize::try_from(one.orders).unwrap_or(0));
                (chrome.money(one.total), orders, chrome.money(one.refunded))
            })
            .collect(),
        times: found
            .times
            .iter()
            .map(|one| times_row(&chrome, one))
            .collect(),
        best: found.best.iter().map(row).collect(),
        slow: found.slow.iter().map(row).collect(),
        is_of_all: wanted.account.is_none(),
        charts,
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// All days of a span, with those of them on which nothing happened.
fn every_day(found: &Insight) -> Vec<Time> {
    let mut days = Vec::new();
    let mut day = found.from;
    while day <= found.at {
        days.push(day);
        day = day.plus(DAY);
    }
    days
}

/// A number of each account on each day.
fn by_account(
    chrome: &Chrome,
    found: &Insight,
    (id, title): (String, String),
    number: impl Fn(&engine::views::insight::DayView) -> u64,
) -> Numbers {
    let mut series: Vec<String> = Vec::new();
    let mut sums: BTreeMap<Time, BTreeMap<usize, u64>> = BTreeMap::new();
    for day in &found.days {
        let (name, number) = (day.account.as_str(), number(day));
        if number == 0 {
            continue;
        }
        let at = series.iter().position(|known| known == name);
        let at = at.unwrap_or_else(|| {
            series.push(name.to_owned());
            series.len() - 1
        });
        *sums.entry(day.day).or_default().entry(at).or_default() += number;
    }
    let days = every_day(found).into_iter().map(|day| {
        let of_day = sums.get(&day);
        let values = (0..series.len()).map(|at| {
            let value = of_day.and_then(|of_day| of_day.get(&at));
            value.copied().unwrap_or_default()
        });
        (chrome.language.day(day), values.collect())
    });
    Numbers {
        id,
        title,
        day: chrome.t.insight.day.to_owned(),
        days: days.collect(),
        series,
    }
}

fn orders_chart(chrome: &Chrome, found: &Insight) -> Chart {
    let title = chrome.t.insight.orders_by_day.to_owned();
    let what = ("orders".to_owned(), title);
    let numbers = by_account(chrome, found, what, |day| day.orders);
    charts::draw(numbers, |value| {
        chrome
            .language
            .count(usize::try_from(value).unwrap_or(usize::MAX))
    })
}

/// A chart of each currency: amounts of two are never added.
fn takings_charts(chrome: &Chrome, found: &Insight) -> Vec<Chart> {
    let chart = |currency: Currency| {
        let title = format!("{} ({})", chrome.t.insight.takings_by_day, currency.code());
        let what = (format!("takings-{}", currency.code()), title);
        let numbers = by_account(chrome, found, what, |day| {
            let mut takings = day.takings.iter();
            let takings = takings.find(|one| one.total.currency() == currency);
            takings.map_or(0, |one| u64::try_from(one.total.minor()).unwrap_or(0))
        });
        charts::draw(numbers, |value| {
            let minor = i64::try_from(value).unwrap_or(i64::MAX);
            let money = Money::from_minor(minor, currency).unwrap_or(Money::zero(currency));
            chrome.money(money)
        })
    };
    let currencies = found.takings.iter().map(|one| one.total.currency());
    currencies.map(chart).collect()
}

/// The most units at risk on each day.
fn risk_chart(
    chrome: &Chrome,
    history: &exposure::History,
    account: Option<&domain::AccountId>,
) -> Chart {
    const UNIT: i128 = 1_000_000;
    let most = |step: &exposure::Step| match account {
        None => step.max,
        Some(account) => step
            .accounts
            .get(account)
            .map(|risk| risk.max)
            .unwrap_or_default(),
    };
    // A part of a unit at risk is a unit at risk.
    let whole = |millionths: i128| u64::try_from((millionths + UNIT - 1) / UNIT).unwrap_or(0);
    let days = history.steps.iter().map(|step| {
        let value = whole(most(step).millionths());
        (chrome.language.day(step.from), vec![value])
    });
    let numbers = Numbers {
        id: "risk".to_owned(),
        title: chrome.t.insight.risk_by_day.to_owned(),
        day: chrome.t.insight.day.to_owned(),
        series: vec![chrome.t.desk.at_risk.to_owned()],
        days: days.collect(),
    };
    charts::draw(numbers, |value| {
        chrome
            .language
            .count(usize::try_from(value).unwrap_or(usize::MAX))
    })
}

fn times_row(chrome: &Chrome, one: &TimesView) -> TimesRow {
    let words = chrome.t.insight;
    let took = |seconds: Option<u64>| match seconds {
        Some(seconds) => format!("≤ {}", took(chrome, Duration::from_secs(seconds))),
        None => "–".to_owned(),
    };
    TimesRow {
        title: match one.stretch {
            "known" => words.until_known,
            "begun" => words.until_begun,
            "left" => words.until_left,
            _ => words.until_arrived,
        },
        orders: chrome
            .language
            .count(usize::try_from(one.orders).unwrap_or(0)),
        p50: took(one.p50_s),
        p95: took(one.p95_s),
    }
}

/// How long something took, in the largest unit that is whole.
fn took(chrome: &Chrome, took: Duration) -> String {
    let words = chrome.t.insight;
    let minutes = took.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} {}", words.minutes),
        120..2880 => format!("{} {}", minutes / 60, words.hours),
        _ => format!("{} {}", minutes / 60 / 24, words.days),
    }
}

pub(super) fn item_row(chrome: &Chrome, one: &RankedView) -> ItemRow {
    let count = |count: u64| {
        chrome
            .language
            .count(usize::try_from(count).unwrap_or(usize::MAX))
    };
    ItemRow {
        href: href(one.sku.as_str()),
        sku: one.sku.to_string(),
        title: one.title.clone(),
        units: chrome.units(one.units),
        orders: count(one.orders),
        on_hand: one
            .on_hand
            .map_or("–".to_owned(), |units| chrome.units(units)),
        days_left: one.days_left.map_or("–".to_owned(), count),
    }
}
