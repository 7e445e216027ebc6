//! The OpenAPI document of the gateway: each route of the table takes its operation from the service that answers it.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder};

use crate::routes::{Answer, BASE_PATH, Page, Route};

/// Merges the services' documents into the gateway's. A route whose handler is not documented gets a bare operation.
pub fn openapi<'r>(routes: impl IntoIterator<Item = &'r Route>, services: &[OpenApi]) -> OpenApi {
    let mut components = Components::new();
    for service in services {
        if let Some(own) = &service.components {
            components.schemas.extend(own.schemas.clone());
        }
    }
    let mut paths = PathsBuilder::new();
    for route in routes {
        let operation = match route.answer {
            Answer::Forward { target, path } => {
                let wanted = format!("{}{}", target.base(), braces(path));
                let documented = services.iter().find_map(|service| find(service, &wanted, &route.method));
                let mut operation = documented.unwrap_or_default();
                operation.tags = Some(vec![target.service().to_owned()]);
                operation
            }
            answer => {
                let mut operation = Operation::default();
                operation.tags = Some(vec!["gateway".to_owned()]);
                operation.summary = summary(answer).map(str::to_owned);
                operation
            }
        };
        let operation = finish(operation, route);
        let mut item = PathItem::default();
        let slot = match route.method {
            http::Method::GET => &mut item.get,
            http::Method::POST => &mut item.post,
            http::Method::PUT => &mut item.put,
            _ => &mut item.delete,
        };
        *slot = Some(operation);
        paths = paths.path(format!("{BASE_PATH}{}", braces(route.path)), item);
    }
    let info = InfoBuilder::new()
        .title("JobApp")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("A freelance marketplace. Sign up or sign in first: the session is a cookie."))
        .build();
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components)).build()
}

/// What a route of the gateway's own does.
fn summary(answer: Answer) -> Option<&'static str> {
    match answer {
        Answer::Forward { .. } => None,
        Answer::SignOut => Some("Ends the session and clears its cookies."),
        Answer::Online => Some("Says that the caller is here."),
        Answer::Offline => Some("Says that the caller is gone."),
        Answer::Page(Page::Home) => Some(
            "The page after signing in: user, buyer, seller, sellers, categoryGigs, topGigs. What could not be had is \
             null and named in missing.",
        ),
        Answer::Page(Page::Gig) => Some(
            "The page of a gig: gig, seller, reviews, similarGigs. What could not be had is null and named in missing.",
        ),
        Answer::Page(Page::Order) => Some(
            "The page of an order: order, gig, seller, buyer, conversations. What could not be had is null and named \
             in missing.",
        ),
    }
}

fn finish(mut operation: Operation, route: &Route) -> Operation {
    // Ids must differ within the document, and one handler may serve two routes.
    operation.operation_id = Some(format!("{} {}", route.method, route.path));
    let status = route.status.to_string();
    let ok = operation.responses.responses.keys().find(|key| key.starts_with('2')).cloned();
    match ok {
        Some(own) if own != status => {
            if let Some(response) = operation.responses.responses.remove(&own) {
                operation.responses.responses.insert(status, response);
            }
        }
        Some(_) => {}
        None => {
            let response = utoipa::openapi::ResponseBuilder::new().description("Done.").build();
            operation.responses.responses.insert(status, response.into());
        }
    }
    if route.private {
        let response = utoipa::openapi::ResponseBuilder::new().description("No session: sign in first.").build();
        operation.responses.responses.insert("401".to_owned(), response.into());
    }
    operation
}

fn find(service: &OpenApi, path: &str, method: &http::Method) -> Option<Operation> {
    let item = service.paths.paths.get(path).or_else(|| service.paths.paths.get(&format!("{path}/")))?;
    let operation = match *method {
        http::Method::GET => &item.get,
        http::Method::POST => &item.post,
        http::Method::PUT => &item.put,
        _ => &item.delete,
    };
    operation.clone()
}

/// `/gig/:gigId` as OpenAPI writes it: `/gig/{gigId}`.
fn braces(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}
