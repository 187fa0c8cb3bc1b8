//! The first page: projects and their environments.

use console::{EnvironmentOverview, EnvironmentState, ProjectOverview};
use leptos::prelude::*;

use super::page;
use crate::{
    availability::{away, noun},
    components::{ConsolePage, Moment, Place, Production, Size, SizeTrend},
    context::viewer,
    format,
    icons::{Icon, Spinner, WARNING},
    paths,
};

/// How every environment stands.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    page(async move {
        let viewer = viewer().await?;
        let overview = viewer.console.overview(&viewer.access).await;
        let shown = overview
            .iter()
            .flat_map(|project| &project.environments)
            .map(|environment| {
                let id = &environment.environment.id;
                match &environment.state {
                    EnvironmentState::Reached(summary) => {
                        let holder = summary.operation.as_ref();
                        (id.to_string(), holder.map(|operation| operation.id.to_string()))
                    }
                    EnvironmentState::Failed { .. } => away(id),
                }
            })
            .collect();
        let cards = overview
            .into_iter()
            .map(|project| view! { <ProjectCard project /> })
            .collect_view();
        Ok(view! {
            <ConsolePage viewer place=Place::Projects shown title="Projects">
                <div class="page-head">
                    <div>
                        <h1>"Projects"</h1>
                        <p class="quiet">"The environments of your projects and their backups."</p>
                    </div>
                </div>
                <div class="project-cards" data-live="projects">{cards}</div>
            </ConsolePage>
        }
        .into_any())
    })
}

#[component]
fn ProjectCard(project: ProjectOverview) -> impl IntoView {
    let name = project.project.to_string();
    let title_id = format!("project-{name}");
    let rows = project
        .environments
        .into_iter()
        .map(|environment| view! { <Row environment /> })
        .collect_view();
    view! {
        <section class="card" aria-labelledby=title_id.clone()>
            <div class="card-head">
                <h2 id=title_id.clone()>{name.clone()}</h2>
            </div>
            <table class="data-table" role="table">
                <caption class="visually-hidden">"Environments of " {name}</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">
                            "Environment"
                        </th>
                        <th role="columnheader" scope="col">
                            "Latest backup"
                        </th>
                        <th role="columnheader" scope="col" class="number">
                            "Backups"
                        </th>
                        <th role="columnheader" scope="col" class="number">
                            "Total size"
                        </th>
                        <th role="columnheader" scope="col">
                            "State"
                        </th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </section>
    }
}

#[component]
fn Row(environment: EnvironmentOverview) -> impl IntoView {
    let EnvironmentOverview { environment, state } = environment;
    let cells = match state {
        EnvironmentState::Reached(summary) => {
            let latest = match summary.history.latest {
                Some(backup) => view! { <Moment time=backup.created_at /> }.into_any(),
                None => view! { <span class="quiet">"No backups yet."</span> }.into_any(),
            };
            let state = match summary.operation {
                Some(operation) => view! {
                    <span class="state state-busy">
                        <Spinner />
                        <span>
                            "Locked: " {noun(operation.kind)} " by " {operation.started_by}
                        </span>
                    </span>
                }
                .into_any(),
                None => view! { <span class="state state-ready">"Ready"</span> }.into_any(),
            };
            view! {
                <td role="cell" data-label="Latest backup">
                    {latest}
                </td>
                <td role="cell" class="number" data-label="Backups">
                    {format::grouped(summary.history.backups)}
                </td>
                <td role="cell" class="number" data-label="Total size">
                    <span class="with-trend">
                        <SizeTrend sizes=summary.sizes />
                        <Size bytes=summary.history.total_size />
                    </span>
                </td>
                <td role="cell" data-label="State">
                    {state}
                </td>
            }
            .into_any()
        }
        EnvironmentState::Failed { reason } => view! {
            <td role="cell" colspan="4" class="failed-cell" data-label="State">
                <span class="state state-failed">
                    <Icon drawing=WARNING />
                    <span>{reason}</span>
                </span>
            </td>
        }
        .into_any(),
    };
    view! {
        <tr role="row">
            <th role="rowheader" scope="row" class="environment-cell">
                <a href=paths::backups(&environment.id)>{environment.id.environment.to_string()}</a>
                {environment.production.then(|| view! { <Production /> })}
            </th>
            {cells}
        </tr>
    }
}
