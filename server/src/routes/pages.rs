//! Pages, forms and the files that browsers load with them.

use app::ConsoleAddress;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL, request::Parts},
    middleware::map_response_with_state,
    response::Response,
};
use backup_api::{Via, http::RouteTable};
use backup_service::http::{RequestId, origin};
use console::{Console, Drafts};
use leptos::{
    config::LeptosOptions,
    nonce::Nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::{ErrorHandler, LeptosRoutes, generate_route_list_with_exclusions_and_ssg_and_context};
use tower_http::services::ServeDir;

use crate::{application::Application, site};

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// The pages and server functions of `app`; whatever else is asked for is a file of the site or its 404 page.
pub(crate) fn router(application: &Application, options: LeptosOptions) -> Router {
    let (console, drafts) = (application.console.clone(), application.drafts.clone());
    let address = ConsoleAddress(application.address.clone());
    let context = move || provide(&console, &drafts, &address);
    let (routes, _) =
        generate_route_list_with_exclusions_and_ssg_and_context(app::App, None, context.clone());
    let not_found = ErrorHandler::new_with_context(context.clone(), app::shell, options.clone());
    let files = ServeDir::new(&*options.site_root)
        .precompressed_br()
        .precompressed_gzip()
        .call_fallback_on_method_not_allowed(true)
        .fallback(not_found);
    let files = Router::new()
        .fallback_service(files)
        .layer(map_response_with_state(
            HeaderValue::from_static(ASK_AGAIN),
            add_cache_rule,
        ));
    let shell = {
        let options = options.clone();
        move || app::shell(options.clone())
    };
    Router::new()
        .leptos_routes_with_context(&options, routes, context, shell)
        .fallback_service(files)
        .with_state(options)
}

/// What rendering and server functions find in their context: the console, its address, the drafts, and from the request
/// where it came from, its id and the nonce that the answer's policy names.
fn provide(console: &Console, drafts: &Drafts, address: &ConsoleAddress) {
    provide_context(console.clone());
    provide_context(drafts.clone());
    provide_context(address.clone());
    let Some(parts) = use_context::<Parts>() else {
        return;
    };
    if let Some(nonce) = parts.extensions.get::<Nonce>() {
        provide_context(nonce.clone());
    }
    provide_context(origin(&parts.extensions, Via::Page));
    if let Some(RequestId(id)) = parts.extensions.get::<RequestId>() {
        provide_context(app::RequestId(id.clone()));
    }
}

/// Scripts, styles and WASM. Pages ask for them below an address that names their content, where they never change;
/// what a page of another build asks for is not there.
pub(crate) fn built_files(options: &LeptosOptions) -> Router {
    let folder = format!("{}/{}", options.site_root, site::PACKAGE);
    let files = ServeDir::new(folder).precompressed_br().precompressed_gzip();
    let served = |rule| {
        Router::new()
            .fallback_service(files)
            .layer(map_response_with_state(
                HeaderValue::from_static(rule),
                add_cache_rule,
            ))
    };
    match site::version_of(options) {
        Some(version) => RouteTable::new()
            .mount(&format!("/{version}"), served(FOR_EVER))
            .into_router(),
        None => served(ASK_AGAIN),
    }
}

async fn add_cache_rule(State(rule): State<HeaderValue>, mut response: Response) -> Response {
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CACHE_CONTROL, rule);
    }
    response
}

/// What [`router`] answers: pages, and whatever server functions are compiled in. Both lists are the ones that the router
/// itself is made from.
#[cfg(test)]
pub(crate) fn routes() -> Vec<backup_api::http::ListedRoute> {
    use backup_api::http::ListedRoute;
    let pages = leptos_axum::generate_route_list(app::App);
    let pages = pages.iter().flat_map(|page| {
        let methods = page.methods().map(|method| format!("{method:?}").to_uppercase());
        methods.map(|method| ListedRoute::new(&method, page.path()))
    });
    let functions = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, method)| ListedRoute::new(method.as_str(), path));
    let files = [ListedRoute::new("GET", "/{*file}")];
    pages.chain(functions).chain(files).collect()
}
