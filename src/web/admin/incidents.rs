//! Incidents: what was sold and is not there, and the way out that a person chooses.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Money,
    ids::{IncidentId, OrderId},
    incident::{Way, WayKind},
    signal::Command,
};
use engine::{
    cases::export::{Hide, NoCase},
    views,
};
use serde::Deserialize;

use super::{Admin, queues::OpenQuery};
use crate::{
    ask::{Ask, At, id},
    paging::Place,
    problem::{self, Problem},
    write::{Write, carry_out, optional_text},
};

/// Who did it when nobody says.
const SOMEBODY: &str = "api";

/// A way out that was chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    way: String,
    from: Option<OrderId>,
    amount: Option<Money>,
    by: Option<String>,
    note: Option<String>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    Ask(ask): Ask<OpenQuery>,
) -> Result<Response, Problem> {
    let place = Place::read(&("incidents", ask.open), ask.cursor.as_deref(), ask.limit)?;
    let after = place.after.clone();
    let page = views::incidents::list(&admin.engine, ask.open, after, place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn detail(
    State(admin): State<Admin>,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let incident: IncidentId = id("incident", &name)?;
    let found = views::incidents::detail(&admin.engine, incident).await?;
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(|| no_incident(incident))
}

/// What else is to be taken out of a case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    hide_skus: Option<bool>,
    hide_accounts: Option<bool>,
}

pub(crate) async fn export(
    State(admin): State<Admin>,
    At(name): At<String>,
    Ask(ask): Ask<ExportQuery>,
) -> Result<Response, Problem> {
    let incident: IncidentId = id("incident", &name)?;
    let hide = Hide {
        skus: ask.hide_skus.unwrap_or_default(),
        accounts: ask.hide_accounts.unwrap_or_default(),
    };
    let case = admin.engine.export_case(incident, hide).await;
    match case {
        Ok(case) => Ok(Json(case).into_response()),
        Err(NoCase::NoIncident(_)) => Err(no_incident(incident)),
        Err(error @ NoCase::NotKept(_)) => Err(Problem::new(&problem::NO_CASE, error.to_string())
            .with("incident", incident.to_string())),
        Err(error @ NoCase::Unplayable(_)) => {
            let problem = Problem::new(&problem::CASE_UNPLAYABLE, error.to_string());
            Err(problem.with("incident", incident.to_string()))
        }
        Err(NoCase::Store(error)) => Err(error.into()),
    }
}

pub(crate) async fn resolve(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write<Resolve>,
) -> Result<Response, Problem> {
    let incident: IncidentId = id("incident", &name)?;
    let asked = write.body;
    let by = optional_text("by", asked.by)?;
    let command = Command::ResolveIncident {
        incident,
        way: way(&asked.way, asked.from, asked.amount)?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
        note: optional_text("note", asked.note)?,
    };
    if views::incidents::detail(&admin.engine, incident)
        .await?
        .is_none()
    {
        return Err(no_incident(incident));
    }
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

/// The way, with exactly what belongs to it.
fn way(word: &str, from: Option<OrderId>, amount: Option<Money>) -> Result<Way, Problem> {
    let bad = |path: &'static str, detail: String| {
        Problem::new(&problem::BAD_BODY, format!("{path}: {detail}")).with("path", path)
    };
    let Some(kind) = WayKind::from_word(word) else {
        let words = WayKind::ALL.map(WayKind::word).join(", ");
        return Err(bad("way", format!("it is none of {words}")));
    };
    match (kind, from, amount) {
        (WayKind::Wait, None, None) => Ok(Way::Wait),
        (WayKind::Transfer, None, None) => Ok(Way::Transfer),
        (WayKind::Sort, None, None) => Ok(Way::Sort),
        (WayKind::Split, None, None) => Ok(Way::Split),
        (WayKind::Substitute, None, None) => Ok(Way::Substitute),
        (WayKind::CancelOrder, None, None) => Ok(Way::CancelOrder),
        (WayKind::TakeFrom, Some(order), None) => Ok(Way::TakeFrom { order }),
        (WayKind::CancelUnits, None, Some(amount)) => Ok(Way::CancelUnits { amount }),
        (WayKind::TakeFrom, None, _) => Err(bad(
            "from",
            "say from which order, as the ways out of the incident name it".to_owned(),
        )),
        (WayKind::CancelUnits, _, None) => Err(bad(
            "amount",
            "say how much money the buyer gets back, with tax".to_owned(),
        )),
        (_, Some(_), _) => Err(bad("from", format!("it does not belong to {word}"))),
        (_, _, Some(_)) => Err(bad("amount", format!("it does not belong to {word}"))),
    }
}

fn no_incident(incident: IncidentId) -> Problem {
    let detail = format!("there is no incident {incident}");
    Problem::new(&problem::NO_INCIDENT, detail).with("incident", incident.to_string())
}
