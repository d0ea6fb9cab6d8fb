//! The rules of orders: which there are, and what they would say of past orders.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    Time,
    decide::Refusal,
    ids::OrderId,
    message::{Notice, Way},
    order_rules::{Moment, OrderRule, RULES_MAX, RuleHold, Then},
    stock::LocationId,
};
use engine::{
    ports::condition,
    views::rules::{self, Past, RuleView, TESTED, TESTED_MAX},
};
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::{
    problem::{self, Problem},
    write::Write,
};

/// All rules.
#[derive(Serialize)]
struct Rules {
    rules: Vec<RuleView>,
}

/// What is to be tried out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTrial {
    /// Other rules than those in force.
    rules: Option<Vec<NewRule>>,
    /// Only this one.
    rule: Option<String>,
    order: Option<OrderId>,
    since: Option<Time>,
    limit: Option<usize>,
}

/// A rule that is not in force.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRule {
    name: String,
    on: String,
    when: Option<String>,
    hold: Option<String>,
    hold_for_s: Option<u64>,
    #[serde(default = "keeps")]
    keeps_claim: bool,
    #[serde(default)]
    tag: Vec<String>,
    route: Option<String>,
    priority: Option<i32>,
    ask: Option<String>,
    #[serde(default)]
    notify: Vec<String>,
}

fn keeps() -> bool {
    true
}

pub(crate) async fn list(State(admin): State<Admin>) -> Response {
    let rules = rules::list(&admin.engine);
    Json(Rules { rules }).into_response()
}

pub(crate) async fn test(
    State(admin): State<Admin>,
    write: Write<NewTrial>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let mut rules = match asked.rules {
        None => admin.engine.decider.policy().order_rules.clone(),
        Some(others) if others.len() > RULES_MAX => {
            return Err(bad("rules", format!("there are at most {RULES_MAX} rules")));
        }
        Some(others) => {
            let numbered = others.into_iter().enumerate();
            let read = numbered.map(|(at, rule)| read_rule(rule, at));
            read.collect::<Result<Vec<OrderRule>, Problem>>()?
        }
    };
    if let Some(name) = &asked.rule {
        let known: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
        rules.retain(|rule| rule.name == *name);
        if rules.is_empty() {
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(bad(
                "rule",
                format!("there is no rule `{name}`; there are: {known}"),
            ));
        }
    }
    let past = Past {
        order: asked.order,
        since: asked.since,
        limit: asked.limit.unwrap_or(TESTED).clamp(1, TESTED_MAX),
    };
    let trial = rules::try_out(&admin.engine, &rules, past).await?;
    match (trial, asked.order) {
        (Some(trial), _) => Ok(Json(trial).into_response()),
        (None, Some(order)) => Err(Refusal::NoOrder(order).into()),
        (None, None) => Err(bad("order", "there is none".to_owned())),
    }
}

fn read_rule(rule: NewRule, at: usize) -> Result<OrderRule, Problem> {
    let path = |key: &str| format!("rules[{at}].{key}");
    let on = Moment::from_word(&rule.on).ok_or_else(|| {
        let words = Moment::ALL.map(Moment::word).join(", ");
        bad(&path("on"), format!("it is none of {words}"))
    })?;
    let when = match rule.when.as_deref().map(condition::compile) {
        None => None,
        Some(Ok(read)) => Some(read.condition),
        Some(Err(error)) => return Err(bad(&path("when"), error.problem)),
    };
    let hold = rule.hold.map(|reason| RuleHold {
        reason,
        settle_within: rule.hold_for_s.map(Duration::from_secs),
        keeps_claim: rule.keeps_claim,
        ask: rule.ask.map(notice),
    });
    Ok(OrderRule {
        name: rule.name,
        on,
        when,
        then: Then {
            hold,
            tag: rule.tag,
            route: rule.route.map(LocationId::new),
            priority: rule.priority,
            notify: rule.notify.into_iter().map(notice).collect(),
        },
    })
}

/// A message that a rule which is only tried would send: nothing asks which way.
fn notice(message: String) -> Notice {
    Notice {
        message,
        way: Way::Mail,
    }
}

fn bad(path: &str, detail: String) -> Problem {
    Problem::new(&problem::BAD_BODY, format!("{path}: {detail}")).with("path", path)
}
