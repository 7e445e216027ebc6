//! Where a request leads, found once for everybody further in.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use super::rule::Rule;
use crate::matching::Table;

/// Puts the [`crate::matching::Place`] of a request into its extensions.
#[derive(Debug, Clone)]
pub(crate) struct Routing(pub(crate) Arc<Table>);

impl Rule for Routing {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        let place = self.0.place(request.method(), request.uri().path());
        request.extensions_mut().insert(place);
        ControlFlow::Continue(())
    }

    fn leave(&self, (): (), _: &mut Response) {}
}
