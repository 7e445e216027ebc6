//! Where a request leads, found once for everybody further in.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use http::Uri;
use http::uri::PathAndQuery;

use super::rule::Rule;
use crate::table::matching::{Place, Table, usual_form};

/// Puts the [`Place`] of a request into its extensions. An address beside the API is brought into its usual
/// form, so that nobody further in needs to know of others.
#[derive(Debug, Clone)]
pub(crate) struct Routing(pub(crate) Arc<Table>);

impl Rule for Routing {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        let mut place = self.0.place(request.method(), request.uri().path());
        if matches!(place, Place::Elsewhere(_))
            && let Some(uri) = usual(request.uri())
        {
            *request.uri_mut() = uri;
            place = self.0.place(request.method(), request.uri().path());
        }
        request.extensions_mut().insert(place);
        ControlFlow::Continue(())
    }

    fn leave(&self, (): (), _: &mut Response) {}
}

/// The same address with its path in the usual form, if that is another one.
fn usual(uri: &Uri) -> Option<Uri> {
    let mut path = usual_form(uri.path())?;
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}
