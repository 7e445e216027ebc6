//! From a client's request to a service's answer and back.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use jobapp_http::ApiError;
use tracing::{Instrument, Span};

use super::drain::DrainOnDrop;
use super::needs::Needs;
use super::request_body::{downstream_body, downstream_path};
use super::shaping::{copy, error_answer, keep_private, shaped_answer};
use super::{own, whole_pages};
use crate::calls::answers::{Key, Moment};
use crate::calls::reading::collected;
use crate::calls::shared_answers::{Finding, Found};
use crate::calls::upstreams::{Call, Passed};
use crate::door::access_log::AnsweredFor;
use crate::door::client_address::ClientAddress;
use crate::door::rate_limit::Standing;
use crate::door::request_id;
use crate::identity::cookies::{Cookies, SetCookies};
use crate::identity::tokens::Signed;
use crate::table::matching::{Match, Place};
use crate::table::methods::other_method;
use crate::table::route::{Answer, CacheRule, Sends, Session, Target};

const LOGIN_AGAIN: &str = "Token is not available. Please login again.";

/// Answers any request below the base path. [`Place`] says where it leads.
pub(crate) async fn answer(needs: Arc<Needs>, request: Request, place: Place) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange {
        needs: &needs,
        cookies: Cookies::read(&parts.headers),
        address: ClientAddress::of(&parts.extensions),
        passed: Passed::of(&parts.headers),
        parts,
        signed: None,
        renewed: None,
        standing: None,
    };
    let body = DrainOnDrop::wrap(body);
    let outcome = exchange.answer(body, place).await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    if let Some(signed) = exchange.signed {
        response.extensions_mut().insert(AnsweredFor(Arc::clone(&signed.name)));
    }
    if let Some(standing) = exchange.standing {
        response.extensions_mut().insert(standing);
    }
    // The answer may set or clear the session itself; that is the newer word.
    if let Some(cookies) = exchange.renewed
        && !response.headers().contains_key(http::header::SET_COOKIE)
    {
        SetCookies::apply(cookies, response.headers_mut());
    }
    keep_private(&exchange.parts.method, &mut response);
    Ok(response)
}

/// One request on its way. Who it is for stands here and nowhere else.
struct Exchange<'n> {
    needs: &'n Needs,
    parts: Parts,
    cookies: Cookies,
    address: ClientAddress,
    passed: Passed,
    signed: Option<Arc<Signed>>,
    /// The cookies of a session that was renewed on the way.
    renewed: Option<SetCookies>,
    /// How it stands with the caller's tries at all gateways.
    standing: Option<Standing>,
}

impl Exchange<'_> {
    async fn answer(&mut self, body: Body, place: Place) -> Result<Response, ApiError> {
        let found = match place {
            Place::Route(found) => Some(found),
            Place::Nowhere | Place::Elsewhere(_) => None,
            Place::OtherMethod(allow) => return other_method(&self.parts.method, allow),
            Place::NotText => return Err(ApiError::bad_request("The path is not valid UTF-8.")),
        };
        let route = found.as_ref().map(|found| found.route);
        if route.is_some_and(|route| route.answer == Answer::SignOut) {
            // Signing out never renews what it ends.
            self.signed = self.needs.sessions.known().live(&self.cookies);
        } else if let Err(away) = self.sign_in().await {
            // The auth service cannot say whether the session goes on: nobody is signed out for that.
            if let (Some(Session::Copy), Some(response)) = (route.map(|route| route.session), self.own_copy()) {
                return Ok(response);
            }
            if route.is_none_or(|route| route.private) {
                return Err(away);
            }
        }
        if route.is_none_or(|route| route.private) && self.signed.is_none() {
            let at = match self.cookies.access {
                None => "GatewayService verifyUser() method error",
                Some(_) => "GatewayService verifyUser() method invalid session error",
            };
            return Err(ApiError::unauthorized(LOGIN_AGAIN).at(at));
        }
        let Some(found) = found else { return Err(ApiError::not_found("The endpoint called does not exist.")) };
        let route = found.route;
        if let Some(signed) = &self.signed
            && let Some(refusal) = self.needs.rates.refuse_user(route.class, self.address, signed.caller.username())
        {
            return Ok(refusal);
        }
        if let Some(shared) = self.needs.shared_rates.as_ref().filter(|_| route.class.is_strict()) {
            let username = self.signed.as_ref().map(|signed| signed.caller.username());
            self.standing = Box::pin(shared.check(route.class, self.address, username)).await;
            if let Some(standing) = self.standing.filter(|standing| !standing.allowed()) {
                return Ok(standing.refusal());
            }
        }
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        match route.answer {
            Answer::SignOut => {
                let ending = self.needs.sessions.sign_out(&self.cookies, self.signed.as_deref());
                Ok(Box::pin(ending.instrument(self.span())).await)
            }
            Answer::Online => Ok(own::online(&self.needs.realtime, caller)),
            Answer::Offline => own::offline(&self.needs.realtime, caller, &found),
            Answer::Page(page) => {
                let signed = self.signed.as_ref().ok_or_else(|| ApiError::unauthorized(LOGIN_AGAIN))?;
                let page = whole_pages::answer(self.needs, page, &found, signed, &self.passed);
                Box::pin(page.instrument(self.span())).await
            }
            Answer::Forward { target, path } => self.forward(body, &found, target, path).await,
        }
    }

    /// Finds out who is signed in. An expired session is renewed if its refresh token is good.
    ///
    /// # Errors
    /// When the auth service is away and the session would have to be renewed.
    async fn sign_in(&mut self) -> Result<(), ApiError> {
        self.signed = self.needs.sessions.known().live(&self.cookies);
        let Some(refresh) = self.cookies.refresh.as_deref().filter(|_| self.signed.is_none()) else { return Ok(()) };
        let renewing = self.needs.sessions.renew(refresh).instrument(self.span());
        if let Some((signed, cookies)) = Box::pin(renewing).await? {
            self.signed = Some(signed);
            self.renewed = Some(cookies);
        }
        Ok(())
    }

    /// What is logged on the way of this request says which one it was. Opened only where something may be logged: it takes
    /// as much time as all the rules at the door together.
    fn span(&self) -> Span {
        request_id::span(self.parts.headers.get(&request_id::NAME))
    }

    async fn forward(
        &mut self,
        body: Body,
        found: &Match,
        target: Target,
        pattern: &str,
    ) -> Result<Response, ApiError> {
        let needs = self.needs;
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        let kept = match found.route.cache {
            CacheRule::Keeps(kind) => needs.answers.key(kind, found, caller),
            CacheRule::None | CacheRule::Spoils(_) => None,
        };
        if let Some(answer) = kept.as_ref().and_then(|key| needs.answers.get(key, caller)) {
            return Ok(answer.response(&self.parts.headers));
        }
        // Dropped when the write is over, also when the client goes away before.
        let _spoiling = needs.answers.spoiling(found.route.cache, found, caller);
        let asked = needs.answers.moment();
        let finding = match &kept {
            Some(key) if needs.shared_answers.are_kept() && !needs.answers.is_spoilt(key) => {
                match Box::pin(needs.shared_answers.look(key)).await {
                    Found::Answer(body) => {
                        if let Some(answer) = needs.answers.take_over(key, asked, &body, caller) {
                            return Ok(answer.response(&self.parts.headers));
                        }
                        None
                    }
                    Found::Nothing(finding) => finding,
                }
            }
            _ => None,
        };
        let mut path = downstream_path(pattern, found);
        if found.route.sends == Sends::Query
            && let Some(query) = self.parts.uri.query()
        {
            path.push('?');
            path.push_str(query);
        }
        if target == Target::Auth {
            self.passed.address(self.address.0);
            self.passed.sign_in(self.cookies.pending.as_deref(), self.cookies.device.as_deref());
        }
        let body = downstream_body(needs.bodies, needs.patience, &mut self.parts, body, found).await?;
        let call = Call {
            target,
            method: found.route.method.clone(),
            path,
            bearer: self.signed.as_ref().map(|signed| signed.bearer.clone()),
            body,
            passed: std::mem::take(&mut self.passed),
        };
        let response = match needs.upstreams.call(call).await {
            Ok(response) => response,
            Err(error) => return self.copy_instead(found).ok_or(error),
        };
        let status = response.status();
        if status.is_server_error()
            && let Some(copy) = self.copy_instead(found)
        {
            return Ok(copy);
        }
        if !status.is_success() {
            return Ok(error_answer(response));
        }
        let status = StatusCode::from_u16(found.route.status).unwrap_or(StatusCode::OK);
        if !found.route.keys.is_empty() || found.route.session == Session::Start {
            return Box::pin(shaped_answer(&needs.sessions, found, status, response).instrument(self.span())).await;
        }
        let (head, body) = response.into_parts();
        let copying = found.route.session == Session::Copy;
        let body = if kept.is_some() || copying {
            self.kept(body, kept.map(|key| (key, asked, finding)), copying).instrument(self.span()).await?
        } else {
            body
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        copy(&head.headers, answer.headers_mut(), &[CONTENT_TYPE, CONTENT_LENGTH]);
        Ok(answer)
    }

    /// The session's own copy of its user, while the auth service is away.
    fn own_copy(&self) -> Option<Response> {
        self.needs.sessions.known().own_copy(&self.cookies, self.signed.as_deref())
    }

    /// The own copy, on the route that asks for it.
    fn copy_instead(&self, found: &Match) -> Option<Response> {
        if found.route.session == Session::Copy { self.own_copy() } else { None }
    }

    /// Keeps what may be kept of a good answer.
    async fn kept(
        &self,
        body: Body,
        keeping: Option<(Key, Moment, Option<Finding>)>,
        copying: bool,
    ) -> Result<Body, ApiError> {
        let bytes = collected(body).await?;
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        if let Some((key, asked, finding)) = keeping
            && self.needs.answers.keep(key, asked, &bytes, caller)
            && let Some(finding) = finding
        {
            finding.keep(bytes.clone());
        }
        if let (true, Some(caller)) = (copying, caller) {
            self.needs.sessions.known().users.keep_answer(&caller.claims.sid, &bytes);
        }
        Ok(Body::from(bytes))
    }
}
